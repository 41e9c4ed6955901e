"""Several runs side by side."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from server.api.schemas.series import AgreementHistory, FigureInfo
from server.states import RunState


class ComparedRun(BaseModel):
    """A run with its look in this comparison."""

    id: str
    name: str
    state: RunState
    method: str
    seed: int
    model: str
    tags: list[str]
    domains: list[str]
    policies: list[str] = Field(description="base, those that train, merged")
    edits: int = Field(description="by people, while it trained")
    place: int = Field(description="of its look; pass it as `place` to keep the look when other runs come or go")
    colour: str
    dash: str = Field(description="as Plotly names it")
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class Cell(BaseModel):
    """A mean accuracy over `seeds` runs, with its 95 % interval: over the seeds, or for one seed over its prompts."""

    mean: float
    low: float | None
    high: float | None
    seeds: int
    best: bool = Field(description="among base and merged models the highest of its column")


class TableLine(BaseModel):
    label: str = Field(description="the group's first run, or the base model")
    policy: str
    group: int | None = Field(description="index into `groups`; null for a base model")
    cells: list[Cell | None] = Field(description="by domain; null where the policy was not evaluated")
    mean: Cell | None = Field(description="over the domains; null unless all of them were evaluated")


class RunGroup(BaseModel):
    """Runs that are equal but for seed, name, notes, tags and priority; of one seed the newest run counts. Budgets are means per run."""

    method: str
    runs: list[str]
    seeds: list[int]
    unfinished: int = Field(description="runs that are still under way: their numbers are not the last ones")
    rollouts: float
    tokens: float
    optimizer_steps: float


class PaperTable(BaseModel):
    domains: list[str]
    groups: list[RunGroup]
    lines: list[TableLine]


class SpecDifference(BaseModel):
    """A field in which the runs differ."""

    section: str
    path: str
    values: list[str | None] = Field(description="one for each run; null where its spec has no such field, or it was not edited")


class Comparison(BaseModel):
    runs: list[ComparedRun]
    domains: list[str] = Field(description="of any of the runs")
    policies: list[str] = Field(description="of any of the runs: what a capability curve can be of")
    table: PaperTable
    differences: list[SpecDifference]
    figures: list[FigureInfo]


class ComparedAgreement(BaseModel):
    """The agreement matrices of each run; `steps` are those at which any of them was measured."""

    steps: list[int]
    histories: dict[str, AgreementHistory]
