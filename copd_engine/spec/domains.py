"""Where prompts and their verifiers come from."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator

from copd_engine.spec.parts import Part, Text
from copd_engine.spec.verifiers import EXACT, ReasoningGymScorer, Verifier, Verifiers

ColumnName = Annotated[Text, StringConstraints(min_length=1, max_length=200)]


class ReasoningGym(Part):
    """Text problems of the package reasoning-gym."""

    source: Literal["reasoning_gym"]
    tasks: dict[Text, dict[str, Any]] = Field(
        min_length=1, description="task name → its parameters; `share: n` gives a task n prompts in every turn instead of one"
    )
    verifier: Verifiers = EXACT
    max_new_tokens: int = Field(default=16, ge=1, le=16384)


class DigitImages(Part):
    """Two real scans of handwritten digits: read them and add them."""

    source: Literal["digit_images"]
    max_new_tokens: int = Field(default=8, ge=1, le=16384)


class DigitVideos(Part):
    """A real digit scan moving over a few frames: say which digit, and where it goes."""

    source: Literal["digit_videos"]
    max_new_tokens: int = Field(default=8, ge=1, le=16384)


class Columns(Part):
    """Which column of the data holds what."""

    prompt: ColumnName = "prompt"
    answer: ColumnName = "answer"
    images: ColumnName | None = Field(default=None, description="a path or a list of paths, relative to the data file")
    video: ColumnName | None = Field(default=None, description="a path, relative to the data file")


class Dataset(Part):
    """Rows of a file, a folder or a Hugging Face dataset. No question is in both the training and the held-out rows."""

    source: Literal["dataset"]
    path: Annotated[Text, StringConstraints(min_length=1, max_length=1024)] = Field(
        description="a .jsonl or .parquet file, a folder saved by `datasets` or with data files in it, or a Hugging Face id"
    )
    split: ColumnName | None = Field(default=None, description="the dataset's split; `train` when unset. A file has none")
    columns: Columns = Columns()
    heldout: float = Field(default=0.1, gt=0, description="rows held out for evaluation: a share below 1, or a whole number of rows")
    verifier: Verifiers = EXACT
    template: Text = Field(default="{prompt}", max_length=20_000, description="the text asked; {prompt} is the row's")
    frames: int = Field(default=8, ge=1, le=1024, description="frames taken of each video, evenly spaced")
    max_new_tokens: int = Field(default=64, ge=1, le=16384)

    @field_validator("heldout")
    @classmethod
    def _share_or_number(cls, value: float) -> float:
        if value >= 1 and value != int(value):
            raise ValueError("must be a share below 1 or a whole number of rows")
        return value

    @field_validator("template")
    @classmethod
    def _asks_the_prompt(cls, value: str) -> str:
        if "{prompt}" not in value:
            raise ValueError("must contain {prompt}")
        return value

    @field_validator("verifier")
    @classmethod
    def _can_judge_rows(cls, value: list[Verifier]) -> list[Verifier]:
        if any(isinstance(verifier, ReasoningGymScorer) for verifier in value):
            raise ValueError("reasoning_gym judges only prompts of source reasoning_gym")
        return value


Domain = Annotated[ReasoningGym | DigitImages | DigitVideos | Dataset, Field(discriminator="source")]


def has_media(domain: Domain) -> bool:
    """Whether its prompts may have images or video."""
    if isinstance(domain, Dataset):
        return domain.columns.images is not None or domain.columns.video is not None
    return not isinstance(domain, ReasoningGym)
