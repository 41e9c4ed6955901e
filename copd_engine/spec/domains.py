"""Where prompts and their verifiers come from."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from copd_engine.spec.parts import Part, Text


class ReasoningGym(Part):
    """Text problems of the package reasoning-gym, scored exactly."""

    source: Literal["reasoning_gym"]
    tasks: dict[Text, dict[str, Any]] = Field(min_length=1, description="task name → its parameters")
    max_new_tokens: int = Field(default=16, ge=1, le=16384)


class DigitImages(Part):
    """Two real scans of handwritten digits: read them and add them."""

    source: Literal["digit_images"]
    max_new_tokens: int = Field(default=8, ge=1, le=16384)


class DigitVideos(Part):
    """A real digit scan moving over a few frames: say which digit, and where it goes."""

    source: Literal["digit_videos"]
    max_new_tokens: int = Field(default=8, ge=1, le=16384)


Domain = Annotated[ReasoningGym | DigitImages | DigitVideos, Field(discriminator="source")]
