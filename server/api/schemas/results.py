"""What a run leaves behind: answers, scores, models, checkpoints, its log."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from copd_engine.spec import Keep
from server.api.schemas.parts import Body, Text
from server.retention import Reason


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
    best_step: int | None = Field(description="at which the merged model's mean was highest; training need not end at its best")
    best_mean: float | None
    best_expert: str | None
    best_expert_mean: float | None
    budgets: list[Budget]
    edits: int
    wall_seconds: float
    exports: list[ExportView]


class ExportRequest(Body):
    policy: Annotated[Text, StringConstraints(min_length=1, max_length=64)] = "merged"
    step: int | None = Field(None, ge=0, lt=2**31)


class ExportView(BaseModel):
    id: int
    policy: str
    step: int
    segment: str = Field(description="that makes it; `progress` events of the run's stream tell how far it is")
    state: Literal["waiting", "ready", "failed"]
    started_at: datetime | None = Field(None, description="null while it waits for a worker")
    reason: str | None = Field(None, description="why it failed")
    url: str | None
    file: str = Field(description="the name of the zip, as it is downloaded")
    requested_by: str
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
    pinned_by: str | None = Field(None, description="who wants it kept; null: nobody")


class CheckpointPatch(Body):
    pinned: bool = Field(description="whether it is kept whatever the policy says")


class SweepRequest(Body):
    """What to keep beside what the run still needs and what is pinned; by default what its spec says."""

    last: int | None = Field(None, ge=1, lt=2**31)
    round_ends: bool | None = None
    best: bool | None = None

    def over(self, keep: Keep) -> Keep:
        return keep.model_copy(update=self.model_dump(exclude_none=True))


class KeptCheckpoint(CheckpointView):
    reasons: list[Reason]


class ListedCheckpoint(KeptCheckpoint):
    """`reasons` is empty for one that the next sweep removes."""

    round: int | None = Field(description="that made it, counted from 1; null for the base and where a run began")
    ends_round: bool = Field(description="whether it is what its policy was at the end of that round")


class SweepView(BaseModel):
    """What a sweep removes, or would remove."""

    dry_run: bool
    removed: list[CheckpointView]
    removed_bytes: int
    kept: list[KeptCheckpoint]
    kept_bytes: int


class CheckpointList(BaseModel):
    checkpoints: list[ListedCheckpoint]
    whole_rounds: int = Field(description="how many rounds have ended: after each of them the run can be forked, and rolled back to")


ActorKind = Literal["people", "scheduler", "workers"]


class LogEntry(BaseModel):
    id: int
    time: datetime
    level: Literal["info", "warning", "error"]
    actor: str = Field(description="a user, `scheduler`, or a worker")
    kind: ActorKind = Field(description="what the actor is")
    message: str
    policy: str | None
    attempt: int | None = Field(description="its id")
    segment: str | None = Field(description="that the attempt is at")
    attempt_number: int | None = Field(description="its number among the attempts at the segment, from 1")


class LogPage(BaseModel):
    entries: list[LogEntry]
    next: int | None
