"""The message that asks for one segment, and the answer it leaves behind. Plain data: it travels as JSON and is kept as JSON."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from copd_engine.control import Binding, ControlDocument
from copd_engine.plan import Kind, Ref, Segment
from copd_engine.spec import RunSpec


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SegmentJob(_Part):
    """One attempt at one segment. Everything the outcome depends on is in here or in the store."""

    run: str
    attempt: int
    """Rises over all attempts of a run; the highest attempt of a segment is the only one that may count."""
    spec: RunSpec
    """The spec as it stands for the segment's round (structure edits applied)."""
    segment: SegmentData
    resume: str | None = None
    """A checkpoint of this policy inside the segment, from an earlier attempt: "text@40". None: from the segment's start."""
    checkpoints: dict[str, str] = Field(default_factory=dict)
    """Ref → folder below the run's folder in the store, for every checkpoint it reads. The base has none: it is the spec's model."""
    control: ControlDocument = ControlDocument()
    bindings: tuple[Binding, ...] = ()
    horizon: int = 0
    """`copd_engine.plan.horizon` of the segment."""

    @property
    def folder(self) -> str:
        """Where this attempt, and no other, writes: below the run's folder."""
        return f"attempts/{self.attempt}"


class SegmentData(_Part):
    """A Segment as it travels."""

    kind: Kind
    policy: str
    round: int
    steps: int = 0
    part: int = 0
    start: str
    teachers: tuple[str, ...] = ()
    domain: str | None = None

    @classmethod
    def of(cls, segment: Segment) -> SegmentData:
        """A Segment as data; what it needs was done before it travels."""
        return cls(
            kind=segment.kind, policy=segment.policy, round=segment.round, steps=segment.steps, part=segment.part,
            start=str(segment.start), teachers=tuple(map(str, segment.teachers)), domain=segment.domain,
        )  # fmt: skip

    def segment(self) -> Segment:
        """The Segment again, without `needs`, which matter to the scheduler alone."""
        data = self.model_dump(exclude={"start", "teachers"})
        return Segment(start=Ref.parse(self.start), teachers=tuple(map(Ref.parse, self.teachers)), **data)


class CheckpointRecord(_Part):
    """A checkpoint that is safely in the store, and where."""

    policy: str
    step: int
    path: str
    """Folder below the run's folder."""
    digest: str
    """SHA-256 over the weights by name; never over files."""
    bytes: int
    has_state: bool


class SegmentResult(_Part):
    """`result.json` in the attempt's folder, written last and atomically: the one truth about how an attempt ended."""

    attempt: int
    outcome: Literal["done", "stopped", "failed"]
    step: int
    """The policy's step at the end: where a stopped segment goes on."""
    events: int
    """How many events the attempt numbered; all of them are in `events.jsonl` beside this file."""
    checkpoints: list[CheckpointRecord] = []
    bindings: list[Binding] = []
    seconds: dict[str, float] = {}
    """Wall time by activity: load, rollout, score, update, store …"""
    counts: dict[str, int] = {}
    """Budget spent: steps, optimizer_steps, rollouts, tokens, prompts …"""
    export: str | None = None
    overlap: dict[str, float] = {}
    """Of a measure: peer → overlap, the mean over the domains."""
    provenance: dict[str, Any] | None = None
    """A copd_engine.provenance.Provenance as JSON: what ran where, on what."""
    error: SegmentError | None = None


class SegmentError(_Part):
    """Why an attempt failed: one sentence for a person, and the traceback for the engineer."""

    kind: str
    message: str
    traceback: str = ""
    data: dict[str, Any] = {}


SegmentJob.model_rebuild()
SegmentResult.model_rebuild()
