"""The student × teacher matrix."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from server.figures.data import Axis, FigureData
from server.figures.parts import Drawing

RANGE = (0.5, 1.0)
"""Fixed, so that a colour always means the same."""


def agreement(data: FigureData, _x: Axis) -> Drawing:
    """Overlap of every pair at the newest measured step: rows are students, columns teachers."""
    students, teachers = data.cast.experts, data.cast.peers
    cells = {(step, c.policy, c.peer): value for c in data.curves for step, value in zip(c.step, c.value, strict=True)}
    step = max((step for step, _, _ in cells), default=None)
    rows = [[cells.get((step, student, teacher)) if step is not None else None for teacher in teachers] for student in students]
    trace = go.Heatmap(
        x=teachers,
        y=students,
        z=rows,
        zmin=RANGE[0],
        zmax=RANGE[1],
        colorscale="Cividis",
        texttemplate="%{z:.2f}",
        hovertemplate="student %{y}, teacher %{x}: %{z:.3f}<extra></extra>",
        hoverongaps=False,
        xgap=2,
        ygap=2,
        colorbar={"thickness": 10, "title": {"text": "overlap", "side": "right"}},
        meta={"series": {"name": "overlap", "policy": None, "peer": None, "domain": None}, "mode": "replace", "step": step},
    )
    layout: dict[str, Any] = {
        "hovermode": "closest",
        "xaxis": {"title": {"text": "teacher"}, "type": "category", "constrain": "domain"},
        "yaxis": {"title": {"text": "student"}, "type": "category", "autorange": "reversed", "scaleanchor": "x"},
    }
    newest = {(student, teacher): value for (at, student, teacher), value in cells.items() if at == step and value is not None}
    return Drawing([trace], _summary(step, newest), layout)


def _summary(step: int | None, known: dict[tuple[str, str | None], float]) -> str:
    if not known:
        return "Not measured yet."
    student, teacher = min(known, key=lambda pair: known[pair])
    mean = sum(known.values()) / len(known)
    least = f"{student} with {teacher}, {known[student, teacher]:.2f}"
    return f"At step {step} the experts share {mean:.2f} of their likeliest tokens on average; least alike: {least}."
