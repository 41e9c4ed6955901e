"""Where the time goes: inside a step, and between a policy's first and last."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from copd_engine.plan import TRAINING
from server.figures.data import Axis, Curve, FigureData, Halt, Spell, between_halts
from server.figures.parts import HOVER_ONE, LEGEND_COLOUR, WAITING_MARKER, Drawing, curve_trace, filled, last, legend_bar, look_of
from server.figures.style import see_through

STEP_PARTS = {"seconds.rollout": ("rollout", 0.75), "seconds.score": ("score", 0.45), "seconds.update": ("update", 0.2)}
"""Series → its name and how opaque its band is; the colour is the policy's. Not hatched: Plotly writes patterns of areas as style
attributes, which the page's content policy refuses."""
SPLIT_PARTS = {"rollout": "", "score": "/", "update": "x", "load": ".", "store": "+", "rest": "-"}
WAITING = "waiting"
UNTOLD = "under way or lost"
"""Attempts whose parts are not known: they have not ended, or never told."""
NOTHING_YET = "No step has been trained yet."


def step_time(policy: str, data: FigureData, x: Axis) -> Drawing:
    """The parts of a step as bands on top of each other, and the whole step as a line."""
    mine = {c.name: c for c in data.curves if c.policy == policy and c.peer is None and c.domain is None}
    traces = [_band(data, mine[name], x) for name in STEP_PARTS if name in mine]
    if whole := mine.get("step_seconds"):
        style = look_of(data, policy)
        traces.append(curve_trace(whole, x, style, "whole step", mode="lines"))
    return Drawing(traces, _step_summary(policy, mine), {"yaxis": {"title": {"text": "seconds"}, "rangemode": "tozero"}})


def _band(data: FigureData, curve: Curve, x: Axis) -> Any:
    name, opacity = STEP_PARTS[curve.name]
    style = look_of(data, curve.policy)
    trace = curve_trace(curve, x, style, name, mode="lines")
    trace.update(
        stackgroup="step",
        stackgaps="interpolate",
        line={"width": 0.5, "color": style.colour, "dash": "solid"},
        fillcolor=see_through(style.colour, opacity),
    )
    return trace


def _step_summary(policy: str, curves: dict[str, Curve]) -> str:
    whole = curves.get("step_seconds")
    seconds = last(whole) if whole else None
    if not whole or not seconds:
        return NOTHING_YET
    shares = [
        f"{name} {100 * (last(curves[series]) or 0.0) / seconds:.0f} %" for series, (name, _) in STEP_PARTS.items() if series in curves
    ]
    return f"Step {whole.step[-1]} of {policy} took {seconds:.2g} s: {', '.join(shares)}."


def time_split(data: FigureData, _x: Axis) -> Drawing:
    """One row per policy in its colour: seconds at each part of the work, and waiting in between."""
    spells = [spell for spell in data.spells if spell.kind in TRAINING and spell.worker]
    split = {policy: parts_of([s for s in spells if s.policy == policy], data.halts) for policy in data.cast.experts}
    split = {policy: parts for policy, parts in split.items() if parts}
    shown = [part for part in (*SPLIT_PARTS, UNTOLD, WAITING) if any(parts.get(part, 0.0) > 0 for parts in split.values())]
    traces = [legend_bar(part, part, _marker(part, LEGEND_COLOUR)) for part in shown]
    traces += [_bar(data, policy, part, parts[part]) for policy, parts in split.items() for part in shown if parts.get(part, 0.0) > 0]
    layout: dict[str, Any] = {
        "barmode": "stack",
        **HOVER_ONE,
        "xaxis": {"title": {"text": "seconds"}, "rangemode": "tozero"},
        "yaxis": {"type": "category", "categoryorder": "array", "categoryarray": data.cast.experts, "autorange": "reversed"},
    }
    return Drawing(traces, _split_summary(split), layout)


def _bar(data: FigureData, policy: str, part: str, seconds: float) -> Any:
    return go.Bar(
        orientation="h",
        name=part,
        legendgroup=part,
        y=[policy],
        x=[round(seconds, 3)],
        hovertemplate=f"%{{y}}: {part} %{{x:.1f}} s<extra></extra>",
        marker=_marker(part, look_of(data, policy).colour),
        showlegend=False,
        meta={"mode": "replace"},
    )


def _marker(part: str, colour: str) -> dict[str, Any]:
    """In the policy's colour what was done; grey what was not, or is not known."""
    if part in SPLIT_PARTS:
        return filled(colour, SPLIT_PARTS[part])
    return WAITING_MARKER | ({"pattern": {"shape": "/", "fgcolor": "#7f7f7f", "size": 8, "solidity": 0.15}} if part == UNTOLD else {})


def parts_of(spells: Sequence[Spell], halts: Sequence[Halt]) -> dict[str, float]:
    """Seconds of one policy's time by part, from the start of its first spell to the end of its last, without those in which it was
    halted. `spells` in order of their start."""
    if not spells:
        return {}
    parts: defaultdict[str, float] = defaultdict(float)
    covered_to = spells[0].start
    for spell in spells:
        gaps = between_halts(halts, spell.policy, covered_to, spell.start)
        parts[WAITING] += sum((end - start).total_seconds() for start, end in gaps)
        lasted = (spell.end - max(spell.start, covered_to)).total_seconds()
        covered_to = max(covered_to, spell.end)
        told = sum(spell.seconds.values())
        for part, seconds in spell.seconds.items():
            parts[part if part in SPLIT_PARTS else "rest"] += seconds
        parts["rest" if told else UNTOLD] += max(0.0, lasted - told)
    return dict(parts)


def _split_summary(split: dict[str, dict[str, float]]) -> str:
    if not split:
        return NOTHING_YET
    told = []
    for policy, parts in split.items():
        whole = sum(parts.values()) or 1.0
        working = {part: seconds for part, seconds in parts.items() if part != WAITING}
        most = max(working, key=lambda part: working[part])
        waited = 100 * parts.get(WAITING, 0.0) / whole
        told.append(f"{policy} mostly {most} ({100 * working[most] / whole:.0f} %), waiting {waited:.0f} %")
    return f"{'; '.join(told)}."
