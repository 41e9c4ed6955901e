"""A curve in one line of text. Pure."""

from __future__ import annotations

from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 8


def sparkline(values: Sequence[float | None], width: int = WIDTH) -> str:
    """The last `width` values between their smallest and largest; a gap is a blank, and values all alike stand in the middle."""
    shown = list(values)[-width:]
    known = [value for value in shown if value is not None]
    if not known:
        return ""
    low, span = min(known), max(known) - min(known)
    return "".join(" " if value is None else _bar((value - low) / span if span else 0.5) for value in shown)


def _bar(share: float) -> str:
    return BARS[min(int(share * len(BARS)), len(BARS) - 1)]
