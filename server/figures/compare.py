"""Figures of several runs together: one curve for each run, in a look that is the run's as long as it is compared. Pure.

Nothing of them is in a stream: every trace is drawn as it was fetched.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

import plotly.graph_objects as go

from server.api.schemas.series import Figure
from server.figures.data import Axis, Curve, Mark
from server.figures.parts import BASE_LAYOUT, EDIT, Z95, curve_bars, edit_mark, error_bars, interval, last, x_axis, x_values
from server.figures.style import MARKERS, PALETTE, Look
from server.words import change_text

COLOURS = PALETTE[1:]
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
"""Fewer than colours, and with no common divisor: 35 runs look each their own."""
MARGIN = 0.02
UNITS = ((2 * 86_400.0, 86_400.0, "days"), (2 * 3600.0, 3600.0, "hours"), (120.0, 60.0, "minutes"), (0.0, 1.0, "seconds"))
"""From so many seconds on, the axis of time counts in these."""
X_TITLES: dict[Axis, str] = {"step": "training steps", "tokens": "tokens generated"}
"""Of the merged model all experts' together: what it cost, whatever the number of experts."""
MOST_TOLD = 8
"""So many of a run's edits in one place are told, then how many more there are."""


@dataclass(frozen=True)
class RunCurve:
    """What one run adds to a figure. curve: None where the run has no such numbers."""

    run: str
    name: str
    place: int
    """Of its look."""
    curve: Curve | None
    start: datetime | None = None
    """From where its time counts."""
    end: datetime | None = None
    """When the newest point of the whole curve came, however little of it is drawn."""
    marks: Sequence[Mark] = ()
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
    has_every_step: bool = False
    """A line, of which a point is one of many; else each point stands for itself and has a marker."""


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
    help="Shared part of the likeliest next tokens (agreement.top_k of them), the mean over all pairs of experts, on states the students "
    "visit. High is good for teaching: experts of the paper that teach each other stay above 0.9.",
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
        has_every_step=True,
    )


def build(kind: ComparedFigure, runs: Sequence[RunCurve], x: Axis) -> Figure:
    """The figure as JSON: plain lists, no template, and a uirevision that keeps zoom and legend clicks."""
    unit, seconds = _time_unit(runs)
    traces = [_trace(kind, each, each.curve, x, seconds) for each in runs if each.curve is not None]
    marks = [mark for each in runs if each.curve is not None for mark in _edit_marks(each, x, seconds)]
    revision = f"compare/{kind.name}"
    axis = x_axis(x, X_TITLES) if x != "time" else {"title": {"text": f"{unit} since the start"}, "type": "linear", "rangemode": "tozero"}
    y: dict[str, Any] = {"title": {"text": kind.unit}}
    if kind.range:
        y["autorangeoptions"] = {"clipmin": kind.range[0] - MARGIN, "clipmax": kind.range[1] + MARGIN}
    layout = {
        **BASE_LAYOUT,
        "showlegend": True,
        "uirevision": revision,
        "xaxis": {**axis, "uirevision": f"{revision}/{x}"},
        "yaxis": y,
        "shapes": [shape for shape, _ in marks],
        "annotations": [annotation for _, annotation in marks],
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


def _trace(kind: ComparedFigure, run: RunCurve, curve: Curve, x: Axis, seconds: float) -> Any:
    style, bars = run_look(run.place), curve_bars(curve)
    meta = {"mode": "replace", "total": curve.total, "step": list(curve.step), **({"error_scale": Z95} if bars else {})}
    return go.Scatter(
        x=[_since_start(run, time, seconds) for time in curve.time] if x == "time" else x_values(curve, x),
        y=list(curve.value),
        name=escape(run.name),
        legendgroup=run.run,
        mode="lines" if kind.has_every_step else "lines+markers",
        line={"color": style.colour, "dash": style.dash, "width": 2},
        marker={"symbol": style.marker, "color": style.colour, "size": 6},
        error_y=error_bars(bars, style.colour),
        hovertemplate="%{y:.3~f}",
        meta=meta,
    )


def _edit_marks(run: RunCurve, x: Axis, seconds: float) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """A thin line in the run's colour where it was edited, one for all edits of a place; named after its curve, with which it is hidden."""
    places: defaultdict[float, list[Mark]] = defaultdict(list)
    for mark in run.marks:
        at = {"step": mark.step, "time": _since_start(run, mark.time, seconds), "tokens": mark.tokens}[x]
        if at is not None:
            places[at].append(mark)
    colour = run_look(run.place).colour
    for at, marks in places.items():
        told = [change_text(mark.path, mark.old, mark.value) for mark in marks[:MOST_TOLD]]
        more = [f"and {len(marks) - MOST_TOLD} more"] if len(marks) > MOST_TOLD else []
        shape, annotation = edit_mark(at, EDIT, "<br>".join(map(escape, [run.name, *told, *more])), f"edit {run.run}")
        shape["line"] |= {"color": colour}
        annotation["font"] |= {"color": colour}
        yield shape, annotation


def _since_start(run: RunCurve, time: datetime, seconds: float) -> float | None:
    return (time - run.start).total_seconds() / seconds if run.start else None


def _time_unit(runs: Sequence[RunCurve]) -> tuple[str, float]:
    """The unit in which the longest run's time is a readable number, and its seconds. The same for every window of the curves."""
    longest = max(((run.end - run.start).total_seconds() for run in runs if run.end and run.start), default=0.0)
    return next(((name, seconds) for least, seconds, name in UNITS if longest >= least), ("seconds", 1.0))


def _summary(runs: Sequence[RunCurve]) -> str:
    known = {run.run: value for run in runs if run.curve and (value := last(run.curve)) is not None}
    missing = [f"{run.name} {run.lacks or 'has no points yet'}" for run in runs if run.run not in known]
    told = [f"{run.name} {interval(run.curve)}" for run in runs if run.curve and run.run in known]
    parts = [f"Newest: {', '.join(told)}."] if told else []
    if len(known) > 1:
        best = max(known, key=lambda run: known[run])
        parts.append(f"Highest: {next(run.name for run in runs if run.run == best)}.")
    return " ".join([*parts, *([f"{'; '.join(missing)}."] if missing else [])])
