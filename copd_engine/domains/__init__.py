"""What experts learn: domains of verifiable prompts, built from a run's spec."""

from copd_engine import spec
from copd_engine.domains.base import Domain, Prompt, Reward, Split
from copd_engine.domains.dataset import DatasetDomain
from copd_engine.domains.digits import ImageDomain, VideoDomain
from copd_engine.domains.media import media
from copd_engine.domains.text import TextDomain
from copd_engine.reach import EVERYWHERE, Reach

__all__ = ["DatasetDomain", "Domain", "ImageDomain", "Prompt", "Reward", "Split", "TextDomain", "VideoDomain", "build_domain", "media"]


def build_domain(name: str, source: spec.Domain, reach: Reach = EVERYWHERE) -> Domain:
    """The domain that a spec names. Raises ValueError, naming the field, for tasks, parameters or data that cannot be used or reached."""
    match source:
        case spec.ReasoningGym():
            return TextDomain(name, source.tasks, source.verifier)
        case spec.DigitImages():
            return ImageDomain(name)
        case spec.DigitVideos():
            return VideoDomain(name)
        case spec.Dataset():
            return DatasetDomain(name, source, reach)
