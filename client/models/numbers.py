"""Curves, figures, and what came of a run."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


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
    tab: str = "overview"


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
    best_step: int | None
    best_mean: float | None
    best_expert: str | None
    best_expert_mean: float | None
    budgets: list[Budget]
    edits: int
    wall_seconds: float
