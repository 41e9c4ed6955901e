"""How the machines of a run's workers are: always over time, one line per host for what a host shares, one per worker for the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from html import escape
from typing import Any

import plotly.graph_objects as go

from server.figures.data import Axis, FigureData, MachineUse
from server.figures.parts import Drawing

COLOURS = ("#5b7f95", "#a0703c", "#7d7a3d", "#8a6a9c", "#4f8a63", "#a8616b")
"""Quieter than the policies', for a machine is none; contrast of at least 3 : 1 against both themes' backgrounds."""
GIGABYTE = 1e9
LONGEST_GAP = 3.5
"""In stretches: with nothing told for longer the worker was away, and the line ends there."""
NOTHING_YET = "Nothing is known of the machines: figures of them are kept for 24 hours."
Numbers = Sequence[float | None]


def load(data: FigureData, _x: Axis) -> Drawing:
    hosts = [_line(use, use.host, use.cpu, place) for place, use in enumerate(_by_host(data.machines))]
    gpus = [_line(use, f"GPU of {use.worker}", use.gpu, place, dash="dot") for place, use in enumerate(data.machines) if _any(use.gpu)]
    return Drawing([*hosts, *gpus], _told(data, "at work", [(use.host, use.cpu) for use in _by_host(data.machines)], _percent))


def memory(data: FigureData, _x: Axis) -> Drawing:
    hosts = _by_host(data.machines)
    shares = [_shares(use.memory, use.memory_total) for use in hosts]
    traces = [_line(use, use.host, share, place) for place, (use, share) in enumerate(zip(hosts, shares, strict=True))]
    for place, use in enumerate(data.machines):
        if _any(use.gpu_memory):
            traces.append(_line(use, f"GPU of {use.worker}", _shares(use.gpu_memory, use.gpu_total), place, dash="dot"))
    return Drawing(traces, _told(data, "in use", list(zip([use.host for use in hosts], shares, strict=True)), _percent))


def process(data: FigureData, _x: Axis) -> Drawing:
    held = [(use.worker, [None if size is None else size / GIGABYTE for size in use.process]) for use in data.machines]
    traces = [_line(use, use.worker, sizes, place) for place, (use, (_, sizes)) in enumerate(zip(data.machines, held, strict=True))]
    return Drawing(traces, _told(data, "held", held, _gigabytes), {"yaxis": {"title": {"text": "GB"}, "rangemode": "tozero"}})


def disk(data: FigureData, _x: Axis) -> Drawing:
    hosts = _by_host(data.machines)
    free = [(use.host, [size / GIGABYTE for size in use.disk_free]) for use in hosts]
    traces = [_line(use, use.host, sizes, place) for place, (use, (_, sizes)) in enumerate(zip(hosts, free, strict=True))]
    now = [f"{host} {_gigabytes(sizes[-1])}, {_gigabytes(min(sizes))} at the least" for host, sizes in free]
    summary = f"Free now: {'; '.join(now)}." if now else NOTHING_YET
    return Drawing(traces, summary, {"yaxis": {"title": {"text": "GB free"}, "rangemode": "tozero"}})


def _by_host(uses: Iterable[MachineUse]) -> list[MachineUse]:
    """Of the workers that share a host, the one that has told most of it."""
    longest: dict[str, MachineUse] = {}
    for use in uses:
        if use.host not in longest or len(use.time) > len(longest[use.host].time):
            longest[use.host] = use
    return list(longest.values())


def _line(use: MachineUse, name: str, values: Numbers, place: int, dash: str = "solid") -> Any:
    times, numbers = with_gaps(use.time, values, use.seconds)
    return go.Scatter(
        x=[time.isoformat() for time in times],
        y=numbers,
        name=escape(name),
        mode="lines",
        line={"color": COLOURS[place % len(COLOURS)], "dash": dash, "width": 1.5},
        hovertemplate="%{y:.3~f}",
        meta={"mode": "replace"},
    )


def with_gaps(times: Sequence[datetime], values: Numbers, seconds: float) -> tuple[list[datetime], list[float | None]]:
    """The line with a break wherever nothing was told for longer than a few stretches: it must not look as if the worker had been there."""
    longest = timedelta(seconds=LONGEST_GAP * seconds)
    told_at, told = list[datetime](), list[float | None]()
    for time, value in zip(times, values, strict=True):
        if told_at and time - told_at[-1] > longest:
            told_at.append(told_at[-1] + longest / 2)
            told.append(None)
        told_at.append(time)
        told.append(value)
    return told_at, told


def _shares(used: Sequence[float | None], total: Sequence[float | None]) -> list[float | None]:
    return [None if part is None or not whole else part / whole for part, whole in zip(used, total, strict=True)]


def _told(data: FigureData, what: str, lines: Sequence[tuple[str, Numbers]], text: Callable[[float], str]) -> str:
    """What each line says now, and at most."""
    if not data.machines:
        return NOTHING_YET
    told = []
    for name, values in lines:
        known = [value for value in values if value is not None]
        if known:
            told.append(f"{name} {text(known[-1])}, {text(max(known))} at the most")
    return f"{what.capitalize()} at the end: {'; '.join(told)}." if told else f"Nothing {what} was told."


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _gigabytes(size: float) -> str:
    return f"{size:.1f} GB"


def _any(values: Numbers) -> bool:
    return any(value is not None for value in values)
