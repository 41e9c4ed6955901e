"""One student and one peer over a run's progress: a measure in each domain, and its mean over them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from server.figures.data import Axis, Curve, FigureData
from server.figures.parts import Drawing, curve_trace, last, look_of
from server.figures.style import Look

MEAN = "mean of the domains"
Worst = Callable[[Sequence[float]], float]


def lines(worst: Worst, word: str) -> Callable[[FigureData, Axis], Drawing]:
    """A drawing of one pair. `worst` picks the value that a person looks for, such as `min`; `word` is what it is called: lowest."""

    def draw(data: FigureData, x: Axis) -> Drawing:
        mean = [c for c in data.curves if c.domain is None]
        domains = sorted((c for c in data.curves if c.domain is not None), key=lambda c: _place(data, c))
        traces = [_trace(data, c, x) for c in (*mean, *domains)]
        return Drawing(traces, _summary(mean[0] if mean else None, domains, worst, word))

    return draw


def _place(data: FigureData, curve: Curve) -> int:
    domains = list(data.cast.domains)
    return domains.index(curve.domain) if curve.domain in domains else len(domains)


def _trace(data: FigureData, curve: Curve, x: Axis) -> Any:
    """The mean thick, in the student's colour; a domain thin, in the look of the policy that teaches it."""
    if curve.domain is None:
        style = look_of(data, curve.policy)
        trace = curve_trace(curve, x, Look(style.colour, "solid", style.marker), MEAN)
        trace.line.width = 3
        return trace
    teacher = next((name for name, domain in data.cast.teaches.items() if domain == curve.domain), "base")
    style = look_of(data, teacher)
    marker = {"symbol": f"{style.marker}-open", "color": style.colour, "size": 6}
    trace = curve_trace(curve, x, Look(style.colour, "dot", style.marker), f"on {curve.domain}", marker=marker)
    trace.line.width = 1.5
    return trace


def _summary(mean: Curve | None, domains: Sequence[Curve], worst: Worst, word: str) -> str:
    known = {step: value for step, value in zip(mean.step, mean.value, strict=True) if value is not None} if mean else {}
    if not mean or not known:
        return "Not measured yet."
    newest, extreme = max(known), worst(list(known.values()))
    at = next(step for step, value in known.items() if value == extreme)
    now = {c.domain or "": value for c in domains if (value := last(c)) is not None}
    text = f"{mean.policy} with {mean.peer} at step {newest}: {known[newest]:.3g}; {word} so far {extreme:.3g} at step {at}"
    if len(now) > 1:
        least = worst(list(now.values()))
        text += f"; by domain the {word} now {least:.3g} on {next(domain for domain, value in now.items() if value == least)}"
    return f"{text}."
