"""Who worked on what, and when."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import plotly.graph_objects as go

from server.figures.data import Axis, Bar, FigureData
from server.figures.parts import Drawing, look_of
from server.figures.style import KIND_PATTERNS

TITLES = {"rlvr": "RLVR", "opd": "OPD", "evaluate": "evaluation", "measure": "agreement", "merge": "merge", "export": "export"}


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
    policies = [info.name for info in data.cast.policies]
    layout: dict[str, Any] = {
        "barmode": "overlay",
        "hovermode": "closest",
        "xaxis": {"type": "date", "title": {"text": "time"}},
        "yaxis": {"type": "category", "categoryorder": "array", "categoryarray": policies, "autorange": "reversed"},
    }
    return Drawing(traces, _summary(data), layout)


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


def _summary(data: FigureData) -> str:
    running = [bar.key for bar in data.bars if bar.state == "running"]
    done = sum(bar.state == "done" for bar in data.bars)
    now = f"running now: {', '.join(running)}" if running else "nothing is running now"
    return f"{done} segments done; {now}." if data.bars else "Nothing has started yet."
