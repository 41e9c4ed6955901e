"""Figures that are curves over a run's progress."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html import escape
from typing import Any

from server.figures.data import Axis, Curve, FigureData
from server.figures.parts import Drawing, curve_trace, interval, last, look_of
from server.figures.style import Look

NOTHING_YET = "No points yet."


def capability(data: FigureData, x: Axis) -> Drawing:
    """Accuracy in one domain: the base as a level line with its interval, every expert, and the merged model."""
    order = {info.name: place for place, info in enumerate(data.cast.policies)}
    curves = sorted((c for c in data.curves if c.policy in order), key=lambda c: order[c.policy])
    # the base stands at the very end of the axis, where its marker would be cut in two
    traces = [curve_trace(c, x, look_of(data, c.policy), c.policy, cliponaxis=c.policy != "base") for c in curves]
    base = next((c for c in curves if c.policy == "base" and last(c) is not None), None)
    shapes = _level(base, look_of(data, "base")) if base else []
    return Drawing(traces, _capability_summary(curves), {"shapes": shapes})


def _level(base: Curve, style: Look) -> list[dict[str, Any]]:
    value, error = last(base), 1.96 * (base.se[-1] or 0.0)
    assert value is not None
    place = {"xref": "paper", "yref": "y", "x0": 0, "x1": 1, "layer": "below", "name": "base"}
    band = {
        **place,
        "type": "rect",
        "y0": value - error,
        "y1": value + error,
        "fillcolor": style.colour,
        "opacity": 0.15,
        "line": {"width": 0},
    }
    line = {**place, "type": "line", "y0": value, "y1": value, "line": {"color": style.colour, "dash": style.dash, "width": 1.5}}
    return [band, line]


def _capability_summary(curves: Sequence[Curve]) -> str:
    newest = {c.policy: c for c in curves if last(c) is not None}
    if not newest:
        return NOTHING_YET
    experts = {name: value for name, c in newest.items() if name not in ("base", "merged") and (value := last(c)) is not None}
    parts = [f"{name} {interval(newest[name])}" for name in ("merged", "base") if name in newest]
    if experts:
        best = max(experts, key=lambda name: experts[name])
        parts.append(f"best expert {best} {interval(newest[best])}")
    step = max(c.step[-1] for c in newest.values())
    return f"After {step} steps: {', '.join(parts)}."


def per_expert(data: FigureData, x: Axis) -> Drawing:
    """One line per expert, a point at every step."""
    traces = [curve_trace(c, x, look_of(data, c.policy), c.policy, mode="lines") for c in data.curves]
    newest = [f"{c.policy} {_short(value)}" for c in data.curves if (value := last(c)) is not None]
    step = max((c.step[-1] for c in data.curves if c.step), default=0)
    return Drawing(traces, f"At step {step}: {', '.join(newest)}." if newest else NOTHING_YET)


def per_expert_from_zero(data: FigureData, x: Axis) -> Drawing:
    """The same for small numbers that often stay as they are: an axis that fits a level line would make them look like 0."""
    drawing = per_expert(data, x)
    most = max((value for c in data.curves for value in c.value if value is not None), default=0.0)
    axis = {"rangemode": "tozero", "autorangeoptions": {"include": [0, 1.2 * most]}} if most > 0 else {}
    return Drawing(drawing.traces, drawing.summary, {"yaxis": {"title": {"text": "learning rate"}, **axis}})


def per_pair(data: FigureData, x: Axis) -> Drawing:
    """One line per (student, peer): the student's colour, the peer's dash and marker. Another run's pairs are thin and faint, under one
    name; not on the axis of time, where the two runs stand far apart, nor while it is no line yet: its only point may lie under this
    run's."""
    traces = [curve_trace(c, x, _pair_look(data, c), _pair(c)) for c in data.curves]
    lines = [c for c in data.compared if x != "time" and len(c.step) > 1]
    traces += [_compared_trace(data, c, x, first=c is lines[0]) for c in lines]
    return Drawing(traces, _pair_summary(data.curves))


def per_edge(data: FigureData, x: Axis) -> Drawing:
    """One dot per (student, teacher) and OPD step in the pair's colour and marker. Lines would cross the phases between."""
    traces = []
    for curve in data.curves:
        style = _pair_look(data, curve)
        marker = {"symbol": style.marker, "color": style.colour, "size": 4}
        traces.append(curve_trace(curve, x, style, _pair(curve), mode="markers", marker=marker))
    return Drawing(traces, _pair_summary(data.curves))


def weights(data: FigureData, x: Axis) -> Drawing:
    """One line per edge in steps: a weight holds until another does."""
    traces = []
    for curve in data.curves:
        trace = curve_trace(curve, x, _pair_look(data, curve), _pair(curve), mode="lines")
        trace.line.shape = "hv"
        traces.append(trace)
    axis = {"title": {"text": "weight"}, "rangemode": "tozero"}  # so that how far a weight falls is seen against the whole of it
    return Drawing(traces, _pair_summary(data.curves), {"yaxis": axis})


def _pair(curve: Curve) -> str:
    return f"{curve.policy} ← {curve.peer}"


def _pair_look(data: FigureData, curve: Curve) -> Look:
    """The student's colour, the peer's dash and marker."""
    return replace(look_of(data, curve.peer or ""), colour=look_of(data, curve.policy).colour)


def _compared_trace(data: FigureData, curve: Curve, x: Axis, *, first: bool) -> Any:
    """A pair of another run: its points are not in this run's stream, and all of that run's pairs share one legend entry."""
    style, run = _pair_look(data, curve), data.compared_name
    marker = {"symbol": f"{style.marker}-open", "color": style.colour, "size": 5}
    trace = curve_trace(curve, x, style, run, opacity=0.6, legendgroup="compared", showlegend=first, marker=marker)
    trace.line.width = 1.5
    trace.meta = {**trace.meta, "mode": "replace", "compared": True, "label": escape(f"{_pair(curve)} ({run})")}
    return trace


def _pair_summary(curves: Sequence[Curve]) -> str:
    newest = {(c.policy, c.peer): value for c in curves if (value := last(c)) is not None}
    if not newest:
        return NOTHING_YET
    (low, high), mean = _extremes(newest), sum(newest.values()) / len(newest)
    step = max(c.step[-1] for c in curves if c.step)
    return f"At step {step}: mean {_short(mean)}, lowest {low}, highest {high}."


def _extremes(values: dict[tuple[str, str | None], float]) -> tuple[str, str]:
    def told(pair: tuple[str, str | None]) -> str:
        return f"{_short(values[pair])} ({pair[0]} ← {pair[1]})"

    return told(min(values, key=lambda p: values[p])), told(max(values, key=lambda p: values[p]))


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
