"""Figures of several runs together: one curve for each run, in a look that is the run's as long as it is compared. Pure.

Nothing of them is in a stream: every trace is drawn as it was fetched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

import plotly.graph_objects as go

from server.api.schemas.series import Figure
from server.figures.data import Axis, Curve
from server.figures.parts import BASE_LAYOUT, curve_bars, interval, last, x_axis
from server.figures.style import MARKERS, PALETTE, Look

COLOURS = PALETTE[1:]
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
"""Fewer than colours, and with no common divisor: 35 runs look each their own."""
MARGIN = 0.02
UNITS = ((2 * 86_400.0, 86_400.0, "days"), (2 * 3600.0, 3600.0, "hours"), (120.0, 60.0, "minutes"), (0.0, 1.0, "seconds"))
"""From so many seconds on, the axis of time counts in these."""


@dataclass(frozen=True)
class RunCurve:
    """What one run adds to a figure. curve: None where the run has no such numbers."""

    run: str
    name: str
    place: int
    """Of its look."""
    curve: Curve | None
    start: datetime | None
    """From where its time counts."""
    lacks: str = ""
    """Why it has no curve, in words that follow its name."""


@dataclass(frozen=True)
class ComparedFigure:
    """What a figure of several runs is called, and the words to read it."""

    name: str
    title: str
    help: str
    unit: str
    range: tuple[float, float] | None = None


def run_look(place: int) -> Look:
    """The look of the run that is compared in this place."""
    return Look(COLOURS[place % len(COLOURS)], DASHES[place % len(DASHES)], MARKERS[1:][place % (len(MARKERS) - 1)])


def capability(domain: str, policy: str) -> ComparedFigure:
    who = {"merged": "each run's merged model", "base": "each run's base"}.get(policy, f"each run's {policy}")
    return ComparedFigure(
        name=f"capability.{domain}",
        title=f"How well does {who} do on {domain}?",
        help="Share of held-out prompts answered correctly, with 95 % intervals over the prompts; higher is better. Runs that were "
        "evaluated on other prompts, or sampled otherwise, are not strictly comparable: the differences of their specs say so.",
        unit="accuracy",
        range=(0.0, 1.0),
    )


OVERLAP = ComparedFigure(
    name="overlap",
    title="In which run do the experts still think alike?",
    help="Shared part of the 10 likeliest next tokens, the mean over all pairs of experts, on states the students visit. High is good "
    "for teaching: below 0.9 it gets hard.",
    unit="overlap",
)


def reward(policy: str) -> ComparedFigure:
    who = "do the experts" if policy in ("merged", "base") else f"does {policy}"
    return ComparedFigure(
        name="reward",
        title=f"In which run {who} learn fastest?",
        help="Mean reward of training rollouts at each step; of several experts, their mean at the steps that all have taken. Higher is "
        "better; with distillation a run may be slower here and yet end higher.",
        unit="mean reward",
        range=(0.0, 1.0),
    )


def build(kind: ComparedFigure, runs: Sequence[RunCurve], x: Axis) -> Figure:
    """The figure as JSON: plain lists, no template, and a uirevision that keeps zoom and legend clicks."""
    unit, seconds = _time_unit(runs)
    traces = [_trace(each, each.curve, x, seconds) for each in runs if each.curve is not None]
    revision = f"compare/{kind.name}"
    axis = x_axis(x) if x != "time" else {"title": {"text": f"{unit} since the start"}, "type": "linear", "rangemode": "tozero"}
    y: dict[str, Any] = {"title": {"text": kind.unit}}
    if kind.range:
        y["autorangeoptions"] = {"clipmin": kind.range[0] - MARGIN, "clipmax": kind.range[1] + MARGIN}
    layout = {
        **BASE_LAYOUT,
        "showlegend": True,
        "uirevision": revision,
        "xaxis": {**axis, "uirevision": f"{revision}/{x}"},
        "yaxis": y,
    }
    figure = go.Figure(data=traces, layout={**layout, "template": "none"}).to_plotly_json()
    figure["layout"].pop("template")
    return Figure(
        name=kind.name,
        cursor="",
        title=kind.title,
        help=kind.help,
        unit=kind.unit,
        range=kind.range,
        summary=_summary(runs),
        series=[],
        data=figure["data"],
        layout=figure["layout"],
    )


def _trace(run: RunCurve, curve: Curve, x: Axis, seconds: float) -> Any:
    style, bars = run_look(run.place), curve_bars(curve)
    return go.Scatter(
        x=_x_values(run, curve, x, seconds),
        y=list(curve.value),
        name=escape(run.name),
        mode="lines+markers" if bars or len(curve.step) <= 60 else "lines",
        line={"color": style.colour, "dash": style.dash, "width": 2},
        marker={"symbol": style.marker, "color": style.colour, "size": 6},
        error_y={"type": "data", "array": bars, "thickness": 1, "width": 3} if bars else None,
        hovertemplate="%{y:.3~f}",
        meta={"mode": "replace", "run": run.run, "total": curve.total, "step": list(curve.step)},
    )


def _x_values(run: RunCurve, curve: Curve, x: Axis, seconds: float) -> list[float | None]:
    if x != "time":
        return list(curve.step if x == "step" else curve.tokens)
    start = run.start or (curve.time[0] if curve.time else None)
    return [(time - start).total_seconds() / seconds if start else None for time in curve.time]


def _time_unit(runs: Sequence[RunCurve]) -> tuple[str, float]:
    """The unit in which the longest run's time is a readable number, and its seconds."""
    curves = [(run.curve.time, run.start) for run in runs if run.curve and run.curve.time]
    longest = max(((time[-1] - (start or time[0])).total_seconds() for time, start in curves), default=0.0)
    return next((name, seconds) for least, seconds, name in UNITS if longest >= least)


def _summary(runs: Sequence[RunCurve]) -> str:
    known = {run.run: value for run in runs if run.curve and (value := last(run.curve)) is not None}
    missing = [f"{run.name} {run.lacks or 'has no points yet'}" for run in runs if run.run not in known]
    told = [f"{run.name} {interval(run.curve)}" for run in runs if run.curve and run.run in known]
    parts = [f"Newest: {', '.join(told)}."] if told else []
    if len(known) > 1:
        best = max(known, key=lambda run: known[run])
        parts.append(f"Highest: {next(run.name for run in runs if run.run == best)}.")
    return " ".join([*parts, *([f"{'; '.join(missing)}."] if missing else [])])
