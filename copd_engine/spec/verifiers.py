"""How a completion is judged: verifiers, alone or as a weighted sum."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from copd_engine.spec.parts import Part, Text


def _tag(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,31}", name):
        raise ValueError("must be `boxed` or a tag's name: 1-32 letters, digits, _ and -, starting with a letter")
    return name


Within = Annotated[str, AfterValidator(_tag)]
JUDGED = "judge only what stands within: `boxed` for \\boxed{…}, else a tag's name, such as `answer` for <answer>…</answer>"


class _Weighted(Part):
    weight: float = Field(default=1.0, gt=0, le=1000, description="its share of the reward, relative to the others")


class _Extracting(_Weighted):
    within: Within | None = Field(default=None, description=JUDGED)


class Exact(_Extracting):
    """1 for the answer letter by letter, surrounding white space aside."""

    kind: Literal["exact"]


class Numeric(_Extracting):
    """1 for a number, and nothing else, within max(tolerance, relative · |answer|) of the answer."""

    kind: Literal["numeric"]
    tolerance: float = Field(default=1e-6, ge=0)
    relative: float = Field(default=0.0, ge=0, lt=1)


class Math(_Extracting):
    """1 for an expression equal to the answer, as the package math-verify judges it: 1/2, 0.5 and \\frac{1}{2} are the same."""

    kind: Literal["math"]


class Choice(_Extracting):
    """1 for the answer's label, as B, (B), B. or b."""

    kind: Literal["choice"]
    choices: list[Annotated[Text, StringConstraints(pattern=r"^[A-Za-z0-9]{1,8}$")]] = Field(
        default=["A", "B", "C", "D"], min_length=2, max_length=64
    )


class Regex(_Weighted):
    """1 where the whole completion matches, surrounding white space aside; {answer} stands for the row's answer, taken literally."""

    kind: Literal["regex"]
    pattern: Annotated[Text, StringConstraints(min_length=1, max_length=1000)]

    @model_validator(mode="after")
    def _compiles(self) -> Self:
        try:
            re.compile(self.pattern.replace("{answer}", "answer"))
        except (re.error, RecursionError, OverflowError) as error:
            raise ValueError(f"not a regular expression: {error}") from None
        return self


class Format(_Weighted):
    """1 where the completion holds exactly one such place and it is not empty; a tag must also end the completion."""

    kind: Literal["format"]
    within: Within = Field(default="answer", description="`boxed` or a tag's name")


class ReasoningGymScorer(_Weighted):
    """reasoning-gym's own scorer, where it gives exactly 1: its partial credit pays for text that merely contains the answer."""

    kind: Literal["reasoning_gym"]


class Plugin(_Weighted):
    """A function installed beside the engine under the entry point group `copd.verifiers`."""

    kind: Literal["plugin"]
    name: Annotated[Text, StringConstraints(min_length=1, max_length=100)]


Verifier = Annotated[
    Exact | Numeric | Math | Choice | Regex | Format | ReasoningGymScorer | Plugin,
    Field(discriminator="kind"),
]


Given = Literal["exact", "numeric", "math", "choice", "format", "reasoning_gym"] | Verifier
"""A verifier as people may write it: those that need no parameters also by their names."""


def _as_list(given: Any) -> Any:
    """`exact`, {kind: exact} and a list of either all become the list."""
    items = given if isinstance(given, list) else [given]
    for item in items:
        if not isinstance(item, str | dict | Part):
            help_ = "must be a verifier's name, a mapping such as {kind: exact}, or a list of either"
            raise ValueError(f"{help_} (given: {item!r})")  # noqa: TRY004 – pydantic takes this one for a wrong value
    return [{"kind": item} if isinstance(item, str) else item for item in items]


Verifiers = Annotated[
    list[Verifier],
    BeforeValidator(_as_list, json_schema_input_type=Given | Annotated[list[Given], Field(min_length=1, max_length=16)]),
    Field(min_length=1, max_length=16),
]
EXACT: list[Verifier] = [Exact(kind="exact")]
