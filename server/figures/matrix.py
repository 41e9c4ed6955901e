"""The student × teacher matrix."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
from plotly.colors import sequential

from server.figures.data import Axis, Curve, FigureData
from server.figures.parts import HOVER_ONE, Drawing

RANGE = (0.5, 1.0)
"""Fixed, so that a colour always means the same."""
INK = "#000000"
SCALE: tuple[str, ...] = tuple(sequential.Viridis[4:])
"""From far apart to alike, evenly spread over the range. Told apart with any colour vision, and in grey; INK can be read on all of it."""


def agreement(data: FigureData, _x: Axis) -> Drawing:
    """Overlap of every pair as of the newest measured step: rows are students, columns teachers.

    Experts are measured one after the other, so a pair may be older than the newest step; its cell says so.
    """
    students, teachers = data.cast.experts, data.cast.peers
    newest = {(c.policy, c.peer): known[-1] for c in data.curves if (known := _known(c))}
    step = max((step for step, _ in newest.values()), default=None)
    cells = [[newest.get((student, teacher)) for teacher in teachers] for student in students]
    trace = go.Heatmap(
        x=teachers,
        y=students,
        z=[[cell and cell[1] for cell in row] for row in cells],
        text=[[_text(cell, step) for cell in row] for row in cells],
        customdata=[[cell and cell[0] for cell in row] for row in cells],
        zmin=RANGE[0],
        zmax=RANGE[1],
        colorscale=list(SCALE),
        texttemplate="%{text}",
        textfont={"color": INK},
        hovertemplate="student %{y}, teacher %{x}: %{z:.3f} at step %{customdata}<extra></extra>",
        hoverongaps=False,
        xgap=2,
        ygap=2,
        colorbar={"thickness": 10, "title": {"text": "overlap", "side": "right"}},
        meta={"series": {"name": "overlap", "policy": None, "peer": None, "domain": None}, "mode": "replace", "step": step},
    )
    layout: dict[str, Any] = {
        **HOVER_ONE,
        "xaxis": {"title": {"text": "teacher"}, "type": "category", "constrain": "domain", "showgrid": False},
        "yaxis": {"title": {"text": "student"}, "type": "category", "autorange": "reversed", "scaleanchor": "x", "showgrid": False},
    }
    return Drawing([trace], _summary(step, {pair: value for pair, (_, value) in newest.items()}), layout)


def _known(curve: Curve) -> list[tuple[int, float]]:
    """Step and value of each measurement, in order."""
    return [(step, value) for step, value in zip(curve.step, curve.value, strict=True) if value is not None]


def _text(cell: tuple[int, float] | None, step: int | None) -> str:
    if cell is None:
        return ""
    return f"{cell[1]:.2f}" + ("" if cell[0] == step else f"<br>step {cell[0]}")


def _summary(step: int | None, known: dict[tuple[str, str | None], float]) -> str:
    if not known:
        return "Not measured yet."
    student, teacher = min(known, key=lambda pair: known[pair])
    mean = sum(known.values()) / len(known)
    least = f"{student} with {teacher}, {known[student, teacher]:.2f}"
    return f"As of step {step} the experts share {mean:.2f} of their likeliest tokens on average; least alike: {least}."
