"""What the API answers: the contract of page, client and scripts. Times are UTC, ISO 8601; durations are seconds."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from server.states import RunState, Trigger

Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]
"""PostgreSQL keeps no NUL."""
Tag = Annotated[Text, StringConstraints(min_length=1, max_length=40)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FieldProblem(BaseModel):
    """One field that is wrong: dotted path, and what would be right."""

    field: str
    message: str


class Problem(BaseModel):
    """RFC 9457 problem details; every error of this API has this shape."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = []
    allowed: list[Trigger] | None = Field(None, description="after a refused command: the commands allowed now")


class Progress(BaseModel):
    """Where a run stands. Steps are training steps summed over the experts."""

    round: int = Field(description="the round being trained, from 1; 0 before the start")
    rounds: int
    phase: str = Field(description="rlvr, opd, or empty before and after training")
    steps: int
    total_steps: int
    eta_seconds: float | None = Field(None, description="null until enough steps were seen")


class RunSummary(BaseModel):
    id: str
    name: str
    tags: list[str]
    method: str
    priority: int
    state: RunState
    state_since: datetime
    allowed: list[Trigger] = Field(description="the commands this state allows; every button derives from it")
    waiting_for: str | None = Field(None, description="one sentence, when the run cannot go on right now")
    progress: Progress
    capability: float | None = Field(None, description="latest mean accuracy of the merged model over the domains")
    created_by: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class RunList(BaseModel):
    runs: list[RunSummary]
    total: int
    next: str | None = Field(None, description="pass as `after` for the next page")


class PolicyView(BaseModel):
    """A policy of the run with its look: one colour everywhere, on both themes."""

    name: str
    role: Literal["base", "expert", "merged"]
    domain: str | None
    colour: int = Field(description="index into the palette")


class SegmentView(BaseModel):
    key: str
    kind: str
    policy: str
    round: int
    part: int
    step: int
    steps: int
    domain: str | None
    teachers: list[str]
    needs: list[str]
    state: Literal["planned", "running", "done", "failed"]
    attempts: int
    worker: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None


class Effect(BaseModel):
    """Where an edit took effect for one policy."""

    policy: str
    step: int
    at: datetime


class EditView(BaseModel):
    """requested → acknowledged → effective at step N."""

    version: int
    kind: Literal["value", "structure"]
    path: str
    old: Any
    value: Any
    round: int | None = Field(None, description="structure: the first round it holds for")
    author: str
    requested_at: datetime
    acknowledged_at: datetime | None
    effective: list[Effect]
    expected: str | None = Field(None, description='while not effective: "acts from the next OPD phase, in about 20 s"')


class ControlView(BaseModel):
    """One editable value as it stands (last requested), for the weight matrix and the other controls."""

    path: str
    value: Any
    kind: Literal["value", "structure"]
    minimum: float | None = None
    maximum: float | None = None
    description: str = ""


class RunError(BaseModel):
    """First cause in one sentence, and what the engineer needs."""

    message: str
    segment: str | None = None
    attempt: int | None = None
    traceback: str = ""


class Run(RunSummary):
    notes: str
    spec: dict[str, Any]
    source: str
    control_version: int = Field(description="send as If-Match with an edit; also the ETag")
    deadline: datetime | None
    error: RunError | None
    policies: list[PolicyView]
    domains: list[str]
    edges: list[tuple[str, str]] = Field(description="(student, teacher)")
    controls: list[ControlView]
    edits: list[EditView]


class SegmentList(BaseModel):
    segments: list[SegmentView]


class RunMetaPatch(_Body):
    name: Annotated[Text, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)] | None = None
    notes: Annotated[Text, StringConstraints(max_length=20_000)] | None = None
    tags: Annotated[list[Tag], Field(max_length=32)] | None = None


class ControlPatch(_Body):
    """Changed values by path: {"set": {"w.image.text": 0.3}}."""

    set: dict[str, bool | float | int | str] = Field(min_length=1, max_length=64)


class PlannedSegment(BaseModel):
    key: str
    kind: str
    policy: str
    round: int
    step: int
    steps: int
    needs: list[str]


class SpecCheck(BaseModel):
    """The answer of a dry run: nothing is stored."""

    valid: bool
    errors: list[FieldProblem]
    spec: dict[str, Any] | None = Field(None, description="with all defaults filled in")
    segments: list[PlannedSegment] = []
    total_steps: int = 0
    rollouts: int = 0


class SpecTemplate(BaseModel):
    name: str
    title: str
    description: str
    source: str


class SpecTemplateList(BaseModel):
    templates: list[SpecTemplate]


class SeriesKey(BaseModel):
    name: str
    policy: str
    peer: str | None = None
    domain: str | None = None


class SeriesData(SeriesKey):
    """One curve, perhaps thinned; `total` is how many points it really has."""

    total: int
    step: list[int]
    value: list[float | None]
    se: list[float | None] | None = None
    time: list[datetime]
    tokens: list[float | None] | None = Field(None, description="tokens the policy had generated by then, where asked for")
    attempt: list[int] = Field([], description="which attempt sent each point: on a step the higher one wins, here as in the stream")


class SeriesList(BaseModel):
    cursor: str = Field(description="the stream position these points contain; the event stream goes on from here")
    series: list[SeriesData]


class Figure(BaseModel):
    """A Plotly figure with the words a person needs to read it.

    Traces carry meta.mode (`append` or `replace`); an `append` trace also meta.series (a SeriesKey), and meta.attempt and meta.step, as
    long as x: with them the page joins streamed points to the drawn ones, and the higher attempt wins on a step. meta.total: points
    the series has, where the trace may be thinned. meta.error_scale: error_y.array is the standard error times this.
    """

    name: str
    cursor: str
    title: str = Field(description="a plain question")
    help: str = Field(description="two sentences, with the good direction")
    unit: str
    range: tuple[float, float] | None = None
    summary: str = Field(description="the data now, in one line")
    series: list[str] = Field(
        [], description="names of the series it is drawn from: a new one of them, with no trace yet, needs the figure anew"
    )
    data: list[dict[str, Any]]
    layout: dict[str, Any]


class FigureInfo(BaseModel):
    name: str
    title: str


class FigureList(BaseModel):
    figures: list[FigureInfo]
    templates: dict[Literal["light", "dark"], dict[str, Any]] = Field(description="Plotly layout templates; the page sets one")
    palette: list[str] = Field(
        description="colours by PolicyView.colour; after the last one the experts' come round again, from the third on"
    )


class AgreementHistory(BaseModel):
    """The heatmap at every measured step: values[i][student][teacher], null on what is not measured."""

    cursor: str
    metric: str
    domain: str | None
    students: list[str]
    teachers: list[str]
    steps: list[int]
    values: list[list[list[float | None]]]


class SampleView(BaseModel):
    policy: str
    step: int
    completion: str
    reward: float
    reason: str


class ProbeView(BaseModel):
    """One held-out prompt with the answers of several policies beside each other."""

    domain: str
    index: int
    prompt: str
    answer: str
    media: list[str] = Field(description="URLs")
    samples: list[SampleView]


class ProbeList(BaseModel):
    probes: list[ProbeView]


class Score(BaseModel):
    policy: str
    domain: str
    accuracy: float
    se: float
    low: float
    high: float


class Budget(BaseModel):
    policy: str
    optimizer_steps: int
    rollouts: int
    tokens: int


class ResultCard(BaseModel):
    """What came of the run: accuracy per policy and domain with 95 % intervals, what it cost, and what a person changed."""

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
    exports: list[ExportView]


class ExportRequest(_Body):
    policy: Annotated[Text, StringConstraints(min_length=1, max_length=64)] = "merged"
    step: int | None = Field(None, ge=0, lt=2**31)


class ExportView(BaseModel):
    id: int
    policy: str
    step: int
    state: Literal["waiting", "ready", "failed"]
    url: str | None
    requested_at: datetime
    ready_at: datetime | None


class ExportList(BaseModel):
    exports: list[ExportView]


class CheckpointView(BaseModel):
    policy: str
    step: int
    digest: str
    bytes: int
    has_state: bool
    attempt: int
    created_at: datetime


class CheckpointList(BaseModel):
    checkpoints: list[CheckpointView]


class LogEntry(BaseModel):
    id: int
    time: datetime
    level: Literal["info", "warning", "error"]
    actor: str
    message: str
    policy: str | None
    attempt: int | None


class LogPage(BaseModel):
    entries: list[LogEntry]
    next: int | None


class WorkerView(BaseModel):
    name: str
    state: Literal["starting", "loading", "idle", "busy", "stopping", "gone"]
    host: str
    pid: int
    device: str
    threads: int
    fingerprint: str
    versions: dict[str, str]
    run: str | None
    run_name: str | None
    segment: str | None
    attempt: int | None
    done: int
    total: int
    started_at: datetime
    seen_at: datetime


class WorkerList(BaseModel):
    workers: list[WorkerView]
    scheduler_alive: bool


class LoginCode(_Body):
    code: Annotated[Text, StringConstraints(min_length=1, max_length=200)]


class Session(BaseModel):
    user: str
    expires_at: datetime | None


class Health(BaseModel):
    status: Literal["ok", "unavailable"]
    checks: dict[str, str] = {}


class StreamPing(BaseModel):
    """SSE `ping`: the first event of every stream; its id is where the stream starts."""


class StreamPoints(BaseModel):
    """SSE `points`: the numbers of one policy at one step, as the attempt sent them."""

    attempt: int
    policy: str
    step: int
    time: datetime
    values: list[dict[str, Any]]


class StreamProgress(BaseModel):
    """SSE `progress`: how far a running segment is."""

    attempt: int
    segment: str
    done: int
    total: int


class StreamChanged(BaseModel):
    """SSE `changed`: what to fetch again."""

    what: list[Literal["run", "segments", "edits", "checkpoints", "workers", "log", "series"]]


class StreamReset(BaseModel):
    """SSE `reset`: the stream cannot go on from the given id; fetch series and figures again and reconnect from their cursor."""

    reason: str


ResultCard.model_rebuild()
