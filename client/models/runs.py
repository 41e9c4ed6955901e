"""A run, what steers it, and its plan."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

OVER = frozenset({"completed", "failed", "cancelled"})
"""The states in which a run stays."""


class Progress(BaseModel):
    """Steps are training steps summed over the experts."""

    round: int
    rounds: int
    phase: str
    steps: int
    total_steps: int
    eta_seconds: float | None


class RunSummary(BaseModel):
    id: str
    name: str
    tags: list[str] = []
    state: str
    method: str
    priority: int
    allowed: list[str]
    waiting_for: str | None
    progress: Progress
    capability: float | None
    trend: list[float] = []
    """The newest mean accuracies of the merged model, oldest first."""
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class RunList(BaseModel):
    runs: list[RunSummary]
    total: int
    next: str | None


class Commanded(BaseModel):
    """What became of one of many runs: its state now, or why it was left as it is."""

    run: str
    state: str | None
    error: str | None


class Effect(BaseModel):
    policy: str
    step: int
    at: datetime


class Edit(BaseModel):
    """requested → acknowledged → effective at step N."""

    version: int
    path: str
    old: Any
    value: Any
    author: str
    requested_at: datetime
    acknowledged_at: datetime | None
    effective: list[Effect]
    expected: str | None


class Control(BaseModel):
    """One editable value as it stands."""

    path: str
    value: Any
    kind: str


class PlannedSegment(BaseModel):
    key: str
    steps: int


class ControlPreview(BaseModel):
    """What edits would change; total_steps: of the whole plan, summed over the experts."""

    edits: list[Edit]
    dropped: list[PlannedSegment]
    added: list[PlannedSegment]
    total_steps: int
    total_steps_before: int


class RunError(BaseModel):
    message: str
    segment: str | None
    traceback: str


class Policy(BaseModel):
    name: str


class Origin(BaseModel):
    """The run whose first rounds, so many, a forked one has too."""

    run: str
    round: int


class Descendant(BaseModel):
    run: str
    name: str
    round: int


class Run(RunSummary):
    notes: str
    created_by: str
    source: str
    domains: list[str]
    policies: list[Policy]
    spec: dict[str, Any]
    control_version: int
    error: RunError | None
    controls: list[Control]
    edits: list[Edit]
    forked_from: Origin | None
    forks: list[Descendant]
    paused_policies: list[str]
    pause_seconds: float | None
    first_evaluation_seconds: float | None


class RunDeletion(BaseModel):
    """What a deletion took, or with `dry_run` would take: rows by table, and bytes of files."""

    dry_run: bool
    rows: dict[str, int]
    bytes: int


class RetriedRun(Run):
    notice: str | None


class Segment(BaseModel):
    key: str
    kind: str
    policy: str
    step: int
    steps: int
    state: str
    worker: str | None


class Attempt(BaseModel):
    """One try at a segment."""

    id: int
    segment: str
    worker: str
    state: str
    started_at: datetime | None
    ended_at: datetime | None
    error: str | None
    provenance: dict[str, Any] | None
    """What ran where, on what: code, packages, hardware, fingerprint, spec, data; None before its end."""


class LogEntry(BaseModel):
    id: int
    time: datetime
    level: str
    actor: str
    message: str
    policy: str | None = None
    attempt: int | None = None


class Check(BaseModel):
    """One line of `copd doctor`: what was looked at, how it is, and in one sentence what was seen or what to do."""

    name: str
    state: Literal["ok", "warn", "fail"]
    message: str


class Event(BaseModel):
    """One event of a run's stream. `id` is the cursor to go on from."""

    id: str
    event: str
    data: dict[str, Any]
