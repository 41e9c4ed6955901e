"""Rollouts kept for people to read: a prompt with its completions, their rewards, and what student and teachers thought of each token.

A file holds the groups of one policy at one step, as compressed JSON. Imports no torch: the server reads what workers wrote.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict

from copd_engine.events import Rollout, RolloutPart

MOST_COMPLETIONS: Final = 16
"""Of a group, however large: those with the lowest and the highest rewards."""
MOST_TOKENS: Final = 512
"""Of a completion that have their numbers; what follows is text."""
MOST_BYTES: Final = 64 << 20
"""Of a file's JSON: whoever reads one that claims more stops there."""
PREVIEW: Final = 400
"""Characters of prompt and completion that the list of rollouts shows."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Alternative(_Part):
    """A token that could have been said."""

    text: str
    log_prob: float


class TeacherToken(_Part):
    """What a teacher thinks of a token the student said, in nats."""

    log_prob: float
    gap: float
    """log π_teacher − log π_student: below 0 the teacher finds it less likely than the student does."""
    top: list[Alternative] = []


class KeptToken(_Part):
    """A token of a completion. The texts of all tokens, one after the other, are the completion."""

    text: str
    """What it adds to the text: nothing for one that ends inside a character, or is special."""
    name: str
    """What it is called: its text where it has one."""
    log_prob: float
    """Under the student, at the temperature it was sampled at; nats."""
    entropy: float
    """Of the student's distribution here."""
    top: list[Alternative] = []
    """The student's likeliest tokens, the likeliest first."""
    teachers: dict[str, TeacherToken] = {}


class KeptCompletion(_Part):
    text: str
    reward: float
    reason: str
    advantage: float | None = None
    """Â of GRPO; None where no reward enters the loss."""
    finished: bool
    """Whether it ended by itself, and not at the longest that is allowed."""
    length: int
    """Tokens, the last one included."""
    tokens: list[KeptToken]
    """The first so many."""


class Group(_Part):
    """All that one part of a step made of one prompt."""

    policy: str
    step: int
    """The policy's: its weights are those before the step's update; of held-out prompts, those after it."""
    part: RolloutPart
    peer: str | None = None
    domain: str
    index: int
    prompt: str
    answer: str
    media: list[str] = []
    """Paths below the run's folder."""
    temperature: float
    rewards: list[float]
    """Of all completions of the group, also of those not kept."""
    completions: list[KeptCompletion]


class _File(_Part):
    version: int = 1
    groups: list[Group]


def pack(groups: Sequence[Group]) -> bytes:
    """A file's bytes: equal groups give equal bytes."""
    return zlib.compress(_File(groups=list(groups)).model_dump_json(exclude_defaults=True).encode(), 6)


def unpack(data: bytes) -> list[Group]:
    """The groups of a file. Raises ValueError for what is none."""
    try:
        stream = zlib.decompressobj()
        text = stream.decompress(data, MOST_BYTES)
    except zlib.error as error:
        raise ValueError(f"the file of rollouts is damaged: {error}") from error
    if not stream.eof:
        raise ValueError("the file of rollouts is cut off, or larger than any")
    return _File.model_validate_json(text).groups


def told(group: Group, path: str, place: int) -> Rollout:
    """What is said of a group once it is in the store."""
    worst = min(group.completions, key=lambda completion: completion.reward)
    return Rollout(
        policy=group.policy, step=group.step, part=group.part, peer=group.peer, domain=group.domain, index=group.index,
        prompt=group.prompt[:PREVIEW], completion=worst.text[:PREVIEW], media=group.media, size=len(group.rewards),
        tokens=sum(completion.length for completion in group.completions), reward_min=min(group.rewards),
        reward_mean=sum(group.rewards) / len(group.rewards), reward_max=max(group.rewards), gap=_gap(group), path=path, place=place,
    )  # fmt: skip


def chosen(rewards: Sequence[float], most: int = MOST_COMPLETIONS) -> list[int]:
    """Which completions of a group are kept, in their order: all, or the half with the lowest rewards and the half with the highest."""
    if len(rewards) <= most:
        return list(range(len(rewards)))
    order = sorted(range(len(rewards)), key=lambda i: (rewards[i], i))
    return sorted(order[: most // 2] + order[len(order) - (most - most // 2) :])


def _gap(group: Group) -> float | None:
    gaps: dict[str, list[float]] = {}
    for token in (token for completion in group.completions for token in completion.tokens):
        for name, teacher in token.teachers.items():
            gaps.setdefault(name, []).append(teacher.gap)
    return min((sum(each) / len(each) for each in gaps.values()), default=None)
