"""Who worked on what, when, and what it waited for in between."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

import plotly.graph_objects as go

from server.figures.data import Axis, Bar, FigureData
from server.figures.parts import Drawing, edit_marks, look_of
from server.figures.style import KIND_PATTERNS

TITLES = {"rlvr": "RLVR", "opd": "OPD", "evaluate": "evaluation", "measure": "agreement", "merge": "merge", "export": "export"}
WAITING = "waiting"
WAIT_COLOUR = "#8490a1"
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
    """One row per policy in its colour, one bar per segment from its start to its end; a running one is drawn up to now.

    One trace per kind and policy, because a trace has one colour; the legend names each kind once and switches all of it.
    """
    by_look: defaultdict[tuple[str, str], list[Bar]] = defaultdict(list)
    for bar in data.bars:
        by_look[bar.kind, bar.policy].append(bar)
    named: set[str] = set()
    traces = []
    for (kind, policy), bars in by_look.items():
        traces.append(_trace(kind, policy, bars, data).update(showlegend=kind not in named))
        named.add(kind)
    if pauses := list(waits(data.bars)):
        traces.insert(0, _wait_trace(pauses))
    policies = [info.name for info in data.cast.policies]
    shapes, annotations = edit_marks(data, "time")
    layout: dict[str, Any] = {
        "barmode": "overlay",
        "hovermode": "closest",
        "xaxis": {"type": "date", "title": {"text": "time"}},
        "yaxis": {"type": "category", "categoryorder": "array", "categoryarray": policies, "autorange": "reversed"},
        "shapes": shapes,
        "annotations": annotations,
    }
    return Drawing(traces, _summary(data, pauses), layout)


def waits(bars: Sequence[Bar]) -> Iterator[Wait]:
    """The time between a policy's segments: up to the end of the last one that the next needed, and then until a worker took it.

    Measuring and evaluating run beside training and keep nobody waiting for themselves; they only fill what would be a gap.
    """
    ends = {bar.key: bar.end for bar in bars}
    by_policy: defaultdict[str, list[Bar]] = defaultdict(list)
    for bar in sorted(bars, key=lambda bar: bar.start):
        by_policy[bar.policy].append(bar)
    for policy, own in by_policy.items():
        busy_until = own[0].end
        for bar in own[1:]:
            if busy_until is not None and bar.start > busy_until:
                yield from _reasons(policy, busy_until, bar, ends)
            busy_until = None if busy_until is None or bar.end is None else max(busy_until, bar.end)


def _reasons(policy: str, start: datetime, bar: Bar, ends: dict[str, datetime | None]) -> Iterator[Wait]:
    known = [(end, key) for key in bar.needs if (end := ends.get(key)) is not None]
    ready, last = max(known, default=(start, ""))
    ready = min(max(ready, start), bar.start)
    for wait in (Wait(policy, start, ready, f"waited for {last}"), Wait(policy, ready, bar.start, "waited for a worker")):
        if wait.seconds >= SHORTEST_WAIT:
            yield wait


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
        marker={"color": WAIT_COLOUR, "opacity": 0.35, "line": {"width": 0}},
        meta={"mode": "replace"},
    )


def _trace(kind: str, policy: str, bars: list[Bar], data: FigureData) -> Any:
    ends = [bar.end or data.now or bar.start for bar in bars]
    seconds = [(end - bar.start).total_seconds() for bar, end in zip(bars, ends, strict=True)]
    return go.Bar(
        orientation="h",
        name=TITLES[kind],
        legendgroup=kind,
        y=[policy] * len(bars),
        base=[bar.start.isoformat() for bar in bars],
        x=[1000 * each for each in seconds],
        customdata=[[bar.key, bar.worker or "", f"{each:.1f}", bar.state] for bar, each in zip(bars, seconds, strict=True)],
        hovertemplate="%{customdata[0]}<br>%{customdata[3]}, %{customdata[2]} s on %{customdata[1]}<extra></extra>",
        marker={
            "color": look_of(data, policy).colour,
            "line": {"width": 0},
            "pattern": {"shape": KIND_PATTERNS[kind], "fillmode": "overlay", "fgcolor": "#ffffff", "size": 6, "solidity": 0.25},
        },
        meta={"mode": "replace"},
    )


def _summary(data: FigureData, pauses: Sequence[Wait]) -> str:
    running = [bar.key for bar in data.bars if bar.state == "running"]
    done = sum(bar.state == "done" for bar in data.bars)
    now = f"running now: {', '.join(running)}" if running else "nothing is running now"
    if not data.bars:
        return "Nothing has started yet."
    if not pauses:
        return f"{done} segments done; {now}."
    longest = max(pauses, key=lambda wait: wait.seconds)
    return f"{done} segments done; {now}. Longest wait: {longest.policy} {longest.reason}, {longest.seconds:.0f} s."
