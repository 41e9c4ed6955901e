"""Runs, their plans, and what may be changed of them while they live."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from copd_engine.spec.parts import EditKind
from server.api.schemas.parts import Body, Tag, Text
from server.api.schemas.specs import PlannedSegment, PolicyView
from server.states import RunState, Trigger


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
    trend: list[float] = Field([], description="the same at its newest evaluations, at most 32, oldest first")
    created_by: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class RunList(BaseModel):
    runs: list[RunSummary]
    total: int
    next: str | None = Field(None, description="pass as `after` for the next page")


class TagCount(BaseModel):
    tag: str
    runs: int = Field(description="how many have it")


class TagList(BaseModel):
    tags: list[TagCount] = Field(description="those that most runs have first")


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
    lost: int = Field(description="how many of them were lost or failed; others were only stopped, by a pause or for a worker's end")
    start_step: int | None = Field(None, description="the step that the newest attempt started from")
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
    kind: EditKind
    path: str
    old: Any
    value: Any
    round: int | None = Field(None, description="structure: the first round it holds for")
    author: str
    requested_at: datetime
    acknowledged_at: datetime | None
    effective: list[Effect]
    expected: str | None = Field(None, description='while not effective: "acts from step 37, in the next OPD phase, in about 20 s"')


class ControlView(BaseModel):
    """One editable value as it stands (last requested), for the weight matrix and the other controls."""

    path: str
    value: Any
    kind: EditKind
    minimum: float | None = None
    maximum: float | None = None
    choices: list[str] | None = Field(None, description="of a text: what it may be")
    description: str = ""


class ControlPreview(BaseModel):
    """What edits would change. Nothing is stored."""

    edits: list[EditView] = Field(description="with those that `opd.adaptive` would make of them")
    dropped: list[PlannedSegment] = Field(description="segments of the plan that would go or change")
    added: list[PlannedSegment] = Field(description="segments that would come")
    total_steps: int = Field(description="training steps of the whole plan, summed over the experts")
    total_steps_before: int


class RunError(BaseModel):
    """First cause in one sentence, and what the engineer needs."""

    message: str
    segment: str | None = None
    attempt: int | None = Field(None, description="its id")
    attempt_number: int | None = Field(None, description="its number among the attempts at the segment, from 1")
    traceback: str = ""
    resumes_at: int | None = Field(None, description="last stored step of the policy that failed in training: a retry goes on from there")


class Origin(BaseModel):
    """The run whose first rounds a forked one has too."""

    run: str
    round: int = Field(description="how many rounds")


class Descendant(BaseModel):
    """A run that was forked from this one."""

    run: str
    name: str
    round: int = Field(description="how many rounds of this one it has")


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
    forked_from: Origin | None = Field(None, description="null also when that run was deleted")
    forks: list[Descendant] = Field(description="oldest first")
    paused_policies: list[str] = Field(description="policies that are not trained until they are resumed")
    pause_seconds: float | None = Field(None, description="from the last request to pause until every attempt had stored its state")
    first_evaluation_seconds: float | None = Field(
        None, description="while it runs and nothing is evaluated yet: until something is, at the speed of earlier runs of the same model"
    )


class RunDeletion(BaseModel):
    """What a deletion takes, or would take."""

    dry_run: bool
    rows: dict[str, int] = Field(description="table → rows")
    bytes: int = Field(description="of its files: checkpoints, exports, events, media")


class RetriedRun(Run):
    notice: str | None = Field(None, description="why the retry can only fail again, and what to change")


class SegmentList(BaseModel):
    segments: list[SegmentView]


class RunMetaPatch(Body):
    name: Annotated[Text, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)] | None = None
    notes: Annotated[Text, StringConstraints(max_length=20_000)] | None = None
    tags: Annotated[list[Tag], Field(max_length=32)] | None = None
