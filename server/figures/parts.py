"""What figures are put together from: curves as traces, axes, edit marks. Lists stay plain lists; names of users are escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from typing import Any, Literal

import plotly.graph_objects as go

from server.figures.data import Axis, Curve, FigureData, Mark
from server.figures.style import Look, look, see_through
from server.words import change_text, field_text

Z95 = 1.96
"""Half the width of a 95 % interval in standard errors."""
X_TITLES: dict[Axis, str] = {"step": "training steps", "time": "time", "tokens": "tokens per expert"}
"""Those of the merged model are a mean, so that it stands among the experts that it is made of."""
FIRST_STEPS = 10
"""So far an axis of steps reaches at least: a step is whole, and ticks at 0.2 steps would say otherwise."""
LETTER = 1 / 50
"""The share of a narrow chart's width that a letter of a label takes."""
LEGEND_COLOUR = "#5c6675"
"""Of no policy."""
WAITING_MARKER: dict[str, Any] = {"color": "rgba(127,127,127,0.15)", "line": {"width": 1, "color": "#7f7f7f"}}
"""Of a bar in which nothing was done: hollow, and of no policy's colour."""
EDIT = "▴"
"""At the foot of an edit's line where nothing else is said: what is pointed at to read it."""
BASE_LAYOUT: dict[str, Any] = {
    "margin": {"l": 48, "r": 24, "t": 24, "b": 40},
    "hovermode": "x unified",
    "hoverdistance": -1,  # wherever one points: the nearest place at which some curve has a point
    "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"size": 11}},
    "autosize": True,
}

HOVER_ONE: dict[str, Any] = {"hovermode": "closest", "hoverdistance": 20}
"""Layout of what is pointed at piece by piece."""


@dataclass(frozen=True)
class Drawing:
    """Traces, what the layout adds, and the data in one line."""

    traces: Sequence[Any]
    summary: str
    layout: dict[str, Any] = field(default_factory=dict)


def curve_trace(curve: Curve, x: Axis, style: Look, name: str, **options: Any) -> Any:
    """A curve as a line with markers; with standard errors also 95 % bars. `options` go to go.Scatter."""
    bars = curve_bars(curve)
    options = {"mode": "lines+markers", "marker": {"symbol": style.marker, "color": style.colour, "size": 7}, **options}
    return go.Scatter(
        x=x_values(curve, x),
        y=list(curve.value),
        name=escape(name),
        line={"color": style.colour, "dash": style.dash, "width": 2},
        error_y=error_bars(bars, style.colour),
        hovertemplate="%{y:.3~f}",
        meta=trace_meta(curve, x, has_bars=bars is not None),
        **options,
    )


def error_bars(bars: Sequence[float | None] | None, colour: str) -> dict[str, Any] | None:
    """Half of each interval as a faint bar: several curves have theirs at the same place."""
    return {"type": "data", "array": bars, "thickness": 1, "width": 3, "color": see_through(colour, 0.5)} if bars else None


def curve_bars(curve: Curve) -> list[float | None] | None:
    """Half the 95 % interval at each point; None where the curve has no standard errors."""
    if all(se is None for se in curve.se):
        return None
    return [None if se is None else Z95 * se for se in curve.se]


def trace_meta(curve: Curve, x: Axis, *, has_bars: bool = False, mode: Literal["append", "replace"] = "append") -> dict[str, Any]:
    """What the page needs to go on with the trace: its series, the points drawn, and whether new ones are appended or the figure is
    fetched anew, as on the axis of tokens, which the stream does not carry. `error_scale`: `error_y.array` is the standard error times
    this."""
    meta = {
        "series": {"name": curve.name, "policy": curve.policy, "peer": curve.peer, "domain": curve.domain},
        "mode": "replace" if x == "tokens" else mode,
        "total": curve.total,
        "step": list(curve.step),
        "attempt": list(curve.attempt),
    }
    return {**meta, "error_scale": Z95} if has_bars else meta


def x_values(curve: Curve, x: Axis) -> list[Any]:
    if x == "time":
        return [time.isoformat() for time in curve.time]
    return list(curve.step if x == "step" else curve.tokens)


def x_axis(x: Axis, titles: Mapping[Axis, str] = X_TITLES) -> dict[str, Any]:
    title = {"text": titles[x]}
    if x == "time":
        return {"title": title, "type": "date"}
    return {"title": title, "type": "linear", "rangemode": "tozero", "autorangeoptions": {"include": FIRST_STEPS}}


def edit_marks(data: FigureData, x: Axis) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A vertical line (shape) at every edit that has taken effect, with the whole edit on hover (annotation). At its foot it is said what
    was edited, where a curve of the chart is concerned and there is room."""
    shapes, annotations, labels = [], [], _labels(data, x)
    for number, mark in enumerate(data.marks):
        if (at := getattr(mark, x)) is not None:
            text, side = labels.get(number, (EDIT, "center"))
            hover = escape(change_text(mark.path, mark.old, mark.value))
            shape, annotation = edit_mark(at.isoformat() if x == "time" else at, escape(text), hover)
            shapes.append(shape)
            annotations.append({**annotation, "xanchor": side})
    return shapes, annotations


def edit_mark(at: Any, text: str, hover: str, name: str = "edit") -> tuple[dict[str, Any], dict[str, Any]]:
    """A thin line over the whole height, and words at its foot."""
    shape = {
        "type": "line", "xref": "x", "yref": "paper", "x0": at, "x1": at, "y0": 0, "y1": 1,
        "line": {"width": 1, "dash": "dot"}, "name": name,
    }  # fmt: skip
    annotation = {
        "x": at, "xref": "x", "y": 0, "yref": "paper", "yanchor": "bottom", "xanchor": "center", "showarrow": False,
        "text": text, "hovertext": hover, "font": {"size": 10}, "name": name,
    }  # fmt: skip
    return shape, annotation


def _labels(data: FigureData, x: Axis) -> dict[int, tuple[str, str]]:
    """Number of a mark → what was edited, and which end of these words is at its line. They stay within the chart, clear of its ticks and
    of each other; the newest edit is placed first."""
    wanted = [(number, mark) for number, mark in enumerate(data.marks) if _concerns(mark, data.curves)]
    low, high = _extent(data, x)
    labels, taken = dict[int, tuple[str, str]](), list[tuple[float, float]]()
    for number, mark in reversed(wanted):
        if (place := getattr(mark, x)) is None:
            continue
        text, at = f"{field_text(mark.path).removeprefix('weight ')}: {mark.value}", (_number(place) - low) / (high - low)
        width = LETTER * len(text)
        for side, start in (("left", at), ("right", at - width)):
            end = start + width
            if start >= 0 and end <= 1 and all(end <= other_start or start >= other_end for other_start, other_end in taken):
                labels[number] = text, side
                taken.append((start, end))
                break
    return labels


def _extent(data: FigureData, x: Axis) -> tuple[float, float]:
    """From where to where the axis reaches, at the least."""
    ends = [place for curve in data.curves for place in (*getattr(curve, x)[:1], *getattr(curve, x)[-1:])]
    known = [_number(place) for place in (*ends, *(getattr(mark, x) for mark in data.marks)) if place is not None]
    low = min(known, default=0.0) if x == "time" else 0.0
    return low, max([*known, low + FIRST_STEPS])


def _number(place: datetime | float) -> float:
    return place.timestamp() if isinstance(place, datetime) else place


def _concerns(mark: Mark, curves: Sequence[Curve]) -> bool:
    """Whether the edit may move a curve of these: one of its student or of its pair; an edit of no edge may move any."""
    match mark.path.split("."):
        case ["w" | "w_schedule", student, teacher, *_]:
            return any((c.policy == student and not c.peer) or {c.policy, c.peer} == {student, teacher} for c in curves)
        case _:
            return bool(curves)


def filled(colour: str, pattern: str) -> dict[str, Any]:
    """The marker of a bar in a policy's colour, with the pattern of what was done."""
    return {
        "color": colour,
        "line": {"width": 0},
        "pattern": {"shape": pattern, "fillmode": "overlay", "fgcolor": "#ffffff", "size": 6, "solidity": 0.25},
    }


def legend_bar(name: str, group: str, marker: Mapping[str, Any]) -> Any:
    """Draws nothing: the entry in the legend of a group of bars that have a policy's colour each."""
    return go.Bar(
        orientation="h", name=name, legendgroup=group, y=[None], x=[None], marker=dict(marker), hoverinfo="skip", meta={"mode": "replace"}
    )


def look_of(data: FigureData, policy: str) -> Look:
    return look(next((info.colour for info in data.cast.policies if info.name == policy), 0))


def last(curve: Curve) -> float | None:
    """The newest value that exists."""
    return next((value for value in reversed(curve.value) if value is not None), None)


def interval(curve: Curve) -> str:
    """`0.61 ± 0.06`, the newest value with its 95 % interval."""
    at = next((i for i in range(len(curve.value) - 1, -1, -1) if curve.value[i] is not None), None)
    if at is None:
        return "unknown"
    error = curve.se[at]
    return f"{curve.value[at]:.2f}" + ("" if error is None else f" ± {Z95 * error:.2f}")
