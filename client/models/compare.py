"""Runs side by side."""

from __future__ import annotations

from pydantic import BaseModel


class Cell(BaseModel):
    """A mean accuracy over `seeds` runs with its 95 % interval; best: of its column."""

    mean: float
    low: float | None
    high: float | None
    seeds: int
    best: bool


class TableLine(BaseModel):
    """One policy of one group, or a base model (`group` is None)."""

    label: str
    policy: str
    group: int | None
    cells: list[Cell | None]
    mean: Cell | None


class RunGroup(BaseModel):
    """Runs that are equal but for the seed."""

    method: str
    runs: list[str]
    seeds: list[int]
    unfinished: int
    rollouts: float
    tokens: float
    optimizer_steps: float


class PaperTable(BaseModel):
    domains: list[str]
    groups: list[RunGroup]
    lines: list[TableLine]


class SpecDifference(BaseModel):
    """A field in which the runs differ: one text for each run, None where it has no such field."""

    section: str
    path: str
    values: list[str | None]


class Comparison(BaseModel):
    domains: list[str]
    policies: list[str]
    table: PaperTable
    differences: list[SpecDifference]
