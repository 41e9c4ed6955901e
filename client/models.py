"""What the client reads of the API's answers. Fields it does not use are ignored, so a newer server stays readable."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel


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
    state: str
    method: str
    priority: int
    allowed: list[str]
    waiting_for: str | None
    progress: Progress
    capability: float | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class RunList(BaseModel):
    runs: list[RunSummary]
    total: int
    next: str | None


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


class Run(RunSummary):
    notes: str
    policies: list[Policy]
    tags: list[str]
    spec: dict[str, Any]
    control_version: int
    error: RunError | None
    controls: list[Control]
    edits: list[Edit]


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


class Series(BaseModel):
    """One curve; `total` is how many points it has on the server, `step` and `value` may be thinned."""

    name: str
    policy: str
    peer: str | None
    domain: str | None
    total: int
    step: list[int]
    value: list[float | None]


class SeriesList(BaseModel):
    cursor: str
    series: list[Series]


class Checkpoint(BaseModel):
    policy: str
    step: int
    digest: str
    bytes: int


class Export(BaseModel):
    id: int
    policy: str
    step: int
    state: str


class LogEntry(BaseModel):
    id: int
    time: datetime
    level: str
    actor: str
    message: str


class Worker(BaseModel):
    name: str
    state: str
    host: str
    pid: int
    device: str
    run: str | None
    run_name: str | None
    segment: str | None
    attempt: int | None
    done: int
    total: int


class WorkerList(BaseModel):
    workers: list[Worker]
    scheduler_alive: bool


class Event(BaseModel):
    """One event of a run's stream. `id` is the cursor to go on from."""

    id: str
    event: str
    data: dict[str, Any]
