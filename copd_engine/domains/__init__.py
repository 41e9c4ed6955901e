"""What experts learn: domains of verifiable prompts, built from a run's spec."""

from copd_engine import spec
from copd_engine.domains.base import Domain, Prompt, Reward, Split
from copd_engine.domains.digits import ImageDomain, VideoDomain
from copd_engine.domains.media import media
from copd_engine.domains.text import TextDomain

__all__ = ["Domain", "ImageDomain", "Prompt", "Reward", "Split", "TextDomain", "VideoDomain", "build_domain", "media"]


def build_domain(name: str, source: spec.Domain) -> Domain:
    """The domain that a spec names. Raises ValueError, naming the field, for tasks or parameters that do not exist."""
    match source:
        case spec.ReasoningGym():
            return TextDomain(name, source.tasks)
        case spec.DigitImages():
            return ImageDomain(name)
        case spec.DigitVideos():
            return VideoDomain(name)
