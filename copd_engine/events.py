"""What a segment tells the world while it runs. One attempt numbers its events 1, 2, 3 …; a reader that sees a gap knows it.

The same JSON goes to the attempt's `events.jsonl` beside its checkpoints, through Redis to the recorder, and to the browser.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from copd_engine.job import CheckpointRecord

RolloutPart = Literal["native", "cross", "heldout"]
"""Which prompts a rollout is on: the policy's own in training, a teacher's in training, or held-out ones while agreement is measured."""


class _Event(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    seq: int = 0
    """Position among the attempt's events, from 1; given by the emitter."""


class Value(BaseModel):
    """One number of one series. A series is (name, policy, peer, domain)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    value: float | None
    """None where the number does not exist (0/0) or is not finite: drawn as a gap, never as 0."""
    peer: str | None = None
    domain: str | None = None
    se: float | None = None
    """Standard error, where the value is a mean over prompts."""


class Points(_Event):
    """All numbers a policy has at one step."""

    type: Literal["points"] = "points"
    policy: str
    step: int
    values: list[Value]


class Bound(_Event):
    """A value edit has taken effect for a policy: from this optimizer step on. Comes before the points of that step."""

    type: Literal["bound"] = "bound"
    version: int
    policy: str
    step: int


class Acknowledged(_Event):
    """The attempt has read the control document of this version."""

    type: Literal["acknowledged"] = "acknowledged"
    version: int


class Stored(_Event):
    """A checkpoint is safely in the store."""

    type: Literal["stored"] = "stored"
    checkpoint: CheckpointRecord


class Sample(_Event):
    """A held-out prompt with a policy's answer, for people to read. Media are blobs below the run's folder."""

    type: Literal["sample"] = "sample"
    policy: str
    step: int
    domain: str
    index: int
    prompt: str
    answer: str
    completion: str
    reward: float
    reason: str
    media: list[str] = []


class Rollout(_Event):
    """A prompt with all completions that one part of a step has of it, kept in the store for people to read: see `kept`."""

    type: Literal["rollout"] = "rollout"
    policy: str
    step: int
    part: RolloutPart
    peer: str | None = None
    """Of a cross part: who teaches."""
    domain: str
    index: int
    """The prompt's number in its split."""
    prompt: str
    completion: str
    """The beginning of the one that got least."""
    media: list[str] = []
    size: int
    """Completions."""
    tokens: int
    """Of those that are kept."""
    reward_min: float
    reward_mean: float
    reward_max: float
    gap: float | None = None
    """Mean of log π_teacher − log π_student over the tokens, in nats; of several teachers the lowest. None without a teacher."""
    path: str
    """The file with the whole of it, below the run's folder."""
    place: int
    """Which of that file's groups it is, from 0."""


class Log(_Event):
    """A sentence for people."""

    type: Literal["log"] = "log"
    level: Literal["info", "warning", "error"] = "info"
    message: str


class Progress(_Event):
    """How far the segment is, in its own units (training steps, or prompts looked at)."""

    type: Literal["progress"] = "progress"
    done: int
    total: int


Event = Annotated[Points | Bound | Acknowledged | Stored | Sample | Rollout | Log | Progress, Field(discriminator="type")]
EVENT: TypeAdapter[Event] = TypeAdapter(Event)
