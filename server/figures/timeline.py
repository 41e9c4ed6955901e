"""Who worked on what, when, and what it waited for in between."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

import plotly.graph_objects as go

from copd_engine.plan import TRAINING, Kind
from server.figures.data import Axis, FigureData, Halt, Spell, between_halts
from server.figures.parts import HOVER_ONE, LEGEND_COLOUR, WAITING_MARKER, Drawing, edit_marks, filled, legend_bar, look_of
from server.figures.style import KIND_PATTERNS
from server.words import KINDS, work_text

WAITING = "waiting"
ANOTHER_RUN = "a worker of the run this is a fork of"
SHORTEST_WAIT = 0.5
"""Seconds. A successor is sent after some hundredths; what is shorter than this is no waiting that a person could see or mend."""


@dataclass(frozen=True)
class Wait:
    """A policy had nothing to do."""

    policy: str
    start: datetime
    end: datetime
    reason: str

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()


def timeline(data: FigureData, _x: Axis) -> Drawing:
    """One row per policy in its colour, one bar per attempt from its start to its end; a running one is drawn up to now.

    One trace per kind and policy, because a trace has one colour; in the legend each kind stands once, without a policy's colour, and
    switches all of it.
    """
    by_look: defaultdict[tuple[str, str], list[Spell]] = defaultdict(list)
    for spell in data.spells:
        by_look[spell.kind, spell.policy].append(spell)
    traces = [_legend_trace(kind) for kind in dict.fromkeys(spell.kind for spell in data.spells)]
    traces.extend(_trace(kind, policy, spells, data) for (kind, policy), spells in by_look.items())
    if pauses := list(waits(data.spells, data.halts)):
        traces.insert(0, _wait_trace(pauses))
    policies = [info.name for info in data.cast.policies]
    shapes, annotations = edit_marks(data, "time")
    layout: dict[str, Any] = {
        "barmode": "overlay",
        **HOVER_ONE,
        "xaxis": {"type": "date", "title": {"text": "time"}},
        "yaxis": {"type": "category", "categoryorder": "array", "categoryarray": policies, "autorange": "reversed"},
        "shapes": shapes,
        "annotations": annotations,
    }
    return Drawing(traces, _summary(data, pauses), layout)


def waits(spells: Sequence[Spell], halts: Sequence[Halt]) -> Iterator[Wait]:
    """The time between a policy's attempts: up to the end of the last segment that the next needed, and then until a worker was given it.

    Measuring and evaluating run beside training and keep nobody waiting for themselves; they only fill what would be a gap. Who never
    trains, as the base and the merged model, has nothing to wait for. Nor did anybody wait while all was halted, as by a pause, nor for a
    fork to be made: there the row stays empty.
    """
    newest = {spell.segment: spell for spell in spells}
    by_policy: defaultdict[str, list[Spell]] = defaultdict(list)
    for spell in spells:
        if spell.worker:
            by_policy[spell.policy].append(spell)
    for policy, own in by_policy.items():
        if not any(spell.kind in TRAINING for spell in own):
            continue
        busy_until = own[0].end
        for spell in own[1:]:
            for reason, start, end in _reasons(busy_until, spell, newest):
                parts = (Wait(policy, *part, reason) for part in between_halts(halts, policy, start, end))
                yield from (wait for wait in parts if wait.seconds >= SHORTEST_WAIT)
            busy_until = max(busy_until, spell.end)


def _reasons(start: datetime, spell: Spell, newest: Mapping[str, Spell]) -> Iterator[tuple[str, datetime, datetime]]:
    needed = [newest[segment] for segment in spell.needs if segment in newest]
    last = max(needed, key=lambda other: other.end, default=spell)
    ready = min(max(last.end, start), spell.sent) if needed else start
    yield f"waited for {_work(last)}", start, ready
    yield "waited for a worker", ready, spell.sent


def _work(spell: Spell) -> str:
    return work_text(Kind(spell.kind), spell.policy, spell.start_step)


def _wait_trace(pauses: Sequence[Wait]) -> Any:
    return go.Bar(
        orientation="h",
        name=WAITING,
        legendgroup=WAITING,
        y=[wait.policy for wait in pauses],
        base=[wait.start.isoformat() for wait in pauses],
        x=[1000 * wait.seconds for wait in pauses],
        width=0.28,
        customdata=[[escape(wait.reason), "", f"{wait.seconds:.1f}", WAITING] for wait in pauses],
        hovertemplate="%{y} %{customdata[0]}, %{customdata[2]} s<extra></extra>",
        marker=WAITING_MARKER,
        meta={"mode": "replace"},
    )


def _trace(kind: str, policy: str, spells: Sequence[Spell], data: FigureData) -> Any:
    seconds = [(spell.end - spell.start).total_seconds() for spell in spells]
    told = [
        [escape(_part(spell)), spell.worker or ANOTHER_RUN, f"{each:.1f}", spell.state]
        for spell, each in zip(spells, seconds, strict=True)
    ]  # fmt: skip
    return go.Bar(
        orientation="h",
        name=KINDS[kind],
        legendgroup=kind,
        y=[policy] * len(spells),
        base=[spell.start.isoformat() for spell in spells],
        x=[1000 * each for each in seconds],
        customdata=told,
        hovertemplate=f"%{{y}}: {KINDS[kind]}, %{{customdata[0]}}<br>"
        "%{customdata[3]}, %{customdata[2]} s on %{customdata[1]}, began %{base|%H:%M:%S}<extra></extra>",
        marker=_marker(kind, look_of(data, policy).colour),
        showlegend=False,
        meta={"mode": "replace"},
    )


def _legend_trace(kind: str) -> Any:
    return legend_bar(KINDS[kind], kind, _marker(kind, LEGEND_COLOUR))


def _marker(kind: str, colour: str) -> dict[str, Any]:
    return filled(colour, KIND_PATTERNS[kind])


def _part(spell: Spell) -> str:
    """Which part of the work an attempt was: "steps 161 to 196, attempt 2"."""
    first, last = spell.start_step + 1, spell.end_step
    if spell.kind not in TRAINING:
        part = f"step {last}" + (f" on {spell.domain}" if spell.domain else "")
    elif last < first:
        part = f"from step {first} on, none kept"
    else:
        part = f"step {first}" if last == first else f"steps {first} to {last}"
    return f"{part}, attempt {spell.attempt}"


def _summary(data: FigureData, pauses: Sequence[Wait]) -> str:
    running = [_work(spell) for spell in data.spells if spell.state == "running"]
    done = sum(spell.state == "done" for spell in data.spells)
    now = f"running now: {', '.join(running)}" if running else "nothing is running now"
    told = f"{done} {'segment' if done == 1 else 'segments'} done; {now}."
    if not data.spells:
        return "Nothing has started yet."
    if not pauses:
        return told
    longest = max(pauses, key=lambda wait: wait.seconds)
    return f"{told} Longest wait: {longest.policy} {longest.reason}, {longest.seconds:.0f} s."
