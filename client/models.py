"""What the client reads of the API's answers. Fields it does not use are ignored, so a newer server stays readable."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

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
    tags: list[str]
    spec: dict[str, Any]
    control_version: int
    error: RunError | None
    controls: list[Control]
    edits: list[Edit]
    forked_from: Origin | None
    forks: list[Descendant]
    paused_policies: list[str]
    pause_seconds: float | None


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


class Series(BaseModel):
    """One curve; `total` is how many points it has on the server, `step` and `value` may be thinned."""

    name: str
    policy: str
    peer: str | None
    domain: str | None
    total: int
    step: list[int]
    value: list[float | None]
    se: list[float | None] | None = None
    time: list[datetime]
    tokens: list[float | None] | None = None

    @property
    def path(self) -> str:
        """`name/policy[/peer][/domain]`"""
        return "/".join(part for part in (self.name, self.policy, self.peer, self.domain) if part)

    @property
    def is_thinned(self) -> bool:
        """Whether the server has more points of it than these."""
        return self.total > len(self.step)


class SeriesList(BaseModel):
    """Curves as they were at stream position `cursor`; `events` from there brings what comes after."""

    cursor: str
    series: list[Series]

    def to_pandas(self) -> pd.DataFrame:
        """One row per point: name, policy, peer, domain, step, value, se, time. Raises MissingExtraError without pandas."""
        from client.frames import frame

        return frame(self.series)


class Figure(BaseModel):
    """A Plotly figure with the words to read it."""

    name: str
    title: str
    help: str
    unit: str
    summary: str
    data: list[dict[str, Any]]
    layout: dict[str, Any]


class FigureInfo(BaseModel):
    name: str
    title: str


class FigureList(BaseModel):
    figures: list[FigureInfo]
    templates: dict[Literal["light", "dark"], dict[str, Any]]


class Figures(BaseModel):
    """One figure, or several that one name means: "capability" has one per domain."""

    figures: list[Figure]
    templates: dict[Literal["light", "dark"], dict[str, Any]]

    def to_plotly(self, theme: Literal["light", "dark"] = "light") -> list[go.Figure]:
        """As Plotly objects, with the words of each."""
        from client.notebook import plotly_figure

        return [plotly_figure(figure, self.templates[theme]) for figure in self.figures]

    def show(self, theme: Literal["light", "dark"] = "light", **options: Any) -> None:
        """Shows each the way Plotly shows figures here: in a notebook's cell, else in a browser. `options` go to plotly's show."""
        for figure in self.to_plotly(theme):
            figure.show(**options)


class Checkpoint(BaseModel):
    policy: str
    step: int
    digest: str
    bytes: int
    pinned_by: str | None = None


class KeptCheckpoint(Checkpoint):
    reasons: list[str]


class Sweep(BaseModel):
    """What a sweep removed, or with `dry_run` would remove."""

    dry_run: bool
    removed: list[Checkpoint]
    removed_bytes: int
    kept: list[KeptCheckpoint]
    kept_bytes: int


class Score(BaseModel):
    """Accuracy with its 95 % interval."""

    policy: str
    domain: str
    accuracy: float
    low: float
    high: float


class Budget(BaseModel):
    policy: str
    optimizer_steps: int
    rollouts: int
    tokens: int


class Result(BaseModel):
    """What came of a run."""

    step: int
    digest: str | None
    scores: list[Score]
    base_mean: float | None
    merged_mean: float | None
    merged_mean_se: float | None
    best_expert: str | None
    best_expert_mean: float | None
    budgets: list[Budget]
    edits: int
    wall_seconds: float


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
    policy: str | None = None
    attempt: int | None = None


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


class GpuUsage(BaseModel):
    utilisation: float | None
    memory_used: int
    memory_total: int
    temperature: float | None


class Usage(BaseModel):
    """How busy a worker's machine is; shares in [0, 1], sizes in bytes."""

    cpu: float
    memory_used: int
    memory_total: int
    disk_free: int
    gpu: GpuUsage | None


class Worker(BaseModel):
    name: str
    state: str
    host: str
    pid: int
    device: str
    fingerprint: str
    run: str | None
    run_name: str | None
    segment: str | None
    attempt: int | None
    done: int
    total: int
    usage: Usage | None = None
    """None while nothing is known of its machine."""


class WorkerList(BaseModel):
    workers: list[Worker]
    scheduler_alive: bool


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


class User(BaseModel):
    name: str
    role: str
    has_password: bool
    disabled: bool
    created_at: datetime


class Token(BaseModel):
    id: int
    name: str
    user: str
    role: str
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None
    value: str | None = None
    """Only in the answer that made it."""


class Webhook(BaseModel):
    id: int
    url: str
    events: list[str]
    overlap_floor: float
    created_by: str
    created_at: datetime
    secret: str | None = None
    """Only in the answer that made it."""


class Delivery(BaseModel):
    """One message of a webhook. `id` is its header webhook-id; state: waiting, delivered or given_up."""

    id: str
    event: str
    run: str | None
    created_at: datetime
    state: str
    tries: int
    next_at: datetime | None
    delivered_at: datetime | None
    status: int | None
    error: str | None
