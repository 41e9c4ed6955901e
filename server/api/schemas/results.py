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


class SweepView(BaseModel):
    """What a sweep removes, or would remove."""

    dry_run: bool
    removed: list[CheckpointView]
    removed_bytes: int
    kept: list[KeptCheckpoint]
    kept_bytes: int


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
