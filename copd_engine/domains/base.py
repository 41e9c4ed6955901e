"""Prompts, rewards, and what every domain offers. Knows no particular task."""

from dataclasses import dataclass
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Split = Literal["train", "heldout"]
SPLITS: Final[tuple[Split, ...]] = ("train", "heldout")
Pixels = NDArray[np.uint8]

CORRECT: Final = "correct"


@dataclass(frozen=True, eq=False)
class Prompt:
    """One question with its media and its only right answer.

    images: RGB pictures, each [height, width, 3]. video: RGB frames [frame, height, width, 3] at `fps` frames per second.
    (domain, split, index) is the prompt's identity: the same three always give the same question. origin: where it stands for a person
    to find it (file and row), or empty.
    """

    domain: str
    split: Split
    index: int
    text: str
    answer: str
    images: tuple[Pixels, ...] = ()
    video: Pixels | None = None
    fps: float = 2.0
    origin: str = ""


@dataclass(frozen=True)
class Reward:
    """A verifier's judgement: `value` in [0, 1], and `reason` for a person to read. failed: the verifier raised, hung or crashed."""

    value: float
    reason: str
    failed: bool = False


class Domain(Protocol):
    """A supply of verifiable prompts; any index has one. `prompt` is pure, and its two splits share no question by construction."""

    @property
    def name(self) -> str: ...

    def count(self, split: Split) -> int | None:
        """How many different questions a split has, the prompts 0, 1, … being one of each before any comes again; None: it has no end."""
        ...

    def prompt(self, split: Split, index: int) -> Prompt:
        """The prompt numbered `index` >= 0 of a split."""
        ...

    def reward(self, prompt: Prompt, completion: str) -> Reward:
        """Judges any string; never raises."""
        ...


def exact_match(prompt: Prompt, completion: str) -> Reward:
    """1 for the answer itself (surrounding white space aside), else 0.

    No partial credit: scorers that pay for text which merely contains the answer teach a policy to ramble.
    """
    return verdict(completion.strip() == prompt.answer, prompt, completion)


def verdict(correct: bool, prompt: Prompt, completion: str) -> Reward:
    """1 or 0, and what a person needs to see why."""
    return Reward(1.0, CORRECT) if correct else Reward(0.0, f"expected {prompt.answer!r}, got {completion.strip()!r}")


def check_index(split: str, index: int) -> None:
    """Raises ValueError unless `split` is a split's name and `index` is not negative."""
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    if index < 0:
        raise ValueError(f"index must not be negative, got {index}")
