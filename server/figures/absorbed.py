"""What each student took over from each teacher in each OPD phase: numbers before and after, and their drawing. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import plotly.graph_objects as go

from server.figures.data import Axis, Curve, FigureData, Phase
from server.figures.parts import HOVER_ONE, Drawing, look_of, x_values

KL = "kl_student_teacher"
SERIES = (KL, "gap", "w", "capability")
"""What the numbers are read from."""
NOTHING_YET = "No OPD phase has ended yet."
Numbers = Mapping[int, float]
"""Step → value."""
_Key = tuple[str, str, str | None, str | None]
"""Name, policy, peer, domain."""


@dataclass(frozen=True)
class Absorbed:
    """One student, one teacher, one OPD phase. Divergences and gaps in nats per token; None where nothing was measured."""

    round: int
    student: str
    teacher: str
    domain: str | None
    """What the teacher teaches; the numbers are those on its prompts. None: means over the domains."""
    start: int
    end: int
    """Training steps of the student behind it when the phase began and ends."""
    weight: float | None
    """At the newest step of the phase."""
    kl_before: float | None
    kl_after: float | None
    gap_before: float | None
    """Mean over the first third of the phase's steps, once they are done; after: over the last third, once the phase is."""
    gap_after: float | None
    accuracy_before: float | None
    """Of the student in `domain`, at its last evaluation before the phase; else the base's."""
    accuracy_after: float | None


def absorbed_rows(data: FigureData) -> list[Absorbed]:
    """A row for each phase that has begun and each of its teachers, in the order of the rounds."""
    numbers: dict[_Key, Numbers] = {(c.name, c.policy, c.peer, c.domain): _numbers(c) for c in data.curves}
    return [_row(data, numbers, phase, teacher) for phase in data.phases for teacher in phase.teachers]


def draw(data: FigureData, x: Axis) -> Drawing:
    """A line per edge and phase, from KL(student‖teacher) where the phase began to where it ended."""
    rows = [row for row in absorbed_rows(data) if row.kl_before is not None and row.kl_after is not None]
    edges = dict.fromkeys((row.student, row.teacher) for row in rows)
    traces = [_trace(data, [row for row in rows if (row.student, row.teacher) == edge], x) for edge in edges]
    return Drawing(traces, _summary(rows), HOVER_ONE)


def _row(data: FigureData, numbers: Mapping[_Key, Numbers], phase: Phase, teacher: str) -> Absorbed:
    student, domain = phase.policy, data.cast.teaches.get(teacher)
    divergence = numbers.get((KL, student, teacher, domain), {})
    gaps = numbers.get(("gap", student, teacher, None), {})
    weights = numbers.get(("w", student, teacher, None), {})
    used = _between(weights, phase.start, phase.end)
    scores = {**numbers.get(("capability", "base", None, domain), {}), **numbers.get(("capability", student, None, domain), {})}
    earlier = [step for step in scores if step <= phase.start]
    third = max(1, (phase.end - phase.start) // 3)
    reached = max(weights, default=0)
    return Absorbed(
        round=phase.round,
        student=student,
        teacher=teacher,
        domain=domain,
        start=phase.start,
        end=phase.end,
        weight=used[-1] if used else None,
        kl_before=divergence.get(phase.start),
        kl_after=divergence.get(phase.end),
        gap_before=_mean(_between(gaps, phase.start, phase.start + third)) if reached >= phase.start + third else None,
        gap_after=_mean(_between(gaps, phase.end - third, phase.end)) if reached >= phase.end else None,
        accuracy_before=scores[max(earlier)] if earlier else None,
        accuracy_after=scores.get(phase.end),
    )


def _numbers(curve: Curve) -> Numbers:
    return {step: value for step, value in zip(curve.step, curve.value, strict=True) if value is not None}


def _between(numbers: Numbers, start: int, end: int) -> list[float]:
    """The values after step `start`, up to `end`, in order."""
    return [numbers[step] for step in sorted(numbers) if start < step <= end]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _trace(data: FigureData, rows: Sequence[Absorbed], x: Axis) -> Any:
    """One edge: the student's colour, the teacher's marker, open where a phase began and filled where it ended."""
    student, teacher, domain = rows[0].student, rows[0].teacher, rows[0].domain
    curve = next(c for c in data.curves if (c.name, c.policy, c.peer, c.domain) == (KL, student, teacher, domain))
    places = dict(zip(curve.step, x_values(curve, x), strict=True))
    marker, colour = look_of(data, teacher).marker, look_of(data, student).colour
    on = "all domains" if domain is None else domain
    texts = [f"round {row.round + 1}, on {on}: {row.kl_before:.3f} → {row.kl_after:.3f}" for row in rows]
    return go.Scatter(
        x=[place for row in rows for place in (places[row.start], places[row.end], None)],
        y=[value for row in rows for value in (row.kl_before, row.kl_after, None)],
        name=escape(f"{student} ← {teacher}"),
        mode="lines+markers",
        line={"color": colour, "width": 2},
        marker={"symbol": [f"{marker}-open", marker, marker] * len(rows), "color": colour, "size": 8},
        hovertext=[text for row_text in texts for text in (escape(row_text), escape(row_text), "")],
        hovertemplate="%{hovertext}",
        meta={"mode": "replace", "step": [step for row in rows for step in (row.start, row.end)]},
    )


def _summary(rows: Sequence[Absorbed]) -> str:
    """How many edges came nearer in the newest phases, and which did most."""
    if not rows:
        return NOTHING_YET
    newest = max(row.round for row in rows)
    moved = {(row.student, row.teacher): _nearer(row) for row in rows if row.round == newest}
    nearer = sum(by > 0 for by in moved.values())
    best = max((row for row in rows if row.round == newest), key=_nearer)
    told = f"{best.student} ← {best.teacher}, KL {best.kl_before:.3g} → {best.kl_after:.3g} nats per token"
    edges = f"{nearer} of {len(moved)} {'edge' if len(moved) == 1 else 'edges'}"
    return f"In round {newest + 1}, {edges} drew nearer; {'most' if nearer else 'least apart moved'}: {told}."


def _nearer(row: Absorbed) -> float:
    return (row.kl_before or 0.0) - (row.kl_after or 0.0)
