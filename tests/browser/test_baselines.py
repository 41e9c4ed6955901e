"""What every kind of figure looks like. COPD_REWRITE_BASELINES=1 writes the pictures anew, for a person to look at and commit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from server.api.schemas.series import Figure
from server.figures import Curve, Mark, RunCurve, compare, pair_catalogue
from tests.browser.rendering import BASELINES, MOST_DIFFERENT, REWRITE, SIZE, difference, picture
from tests.server.test_figures import CAST, EXPERTS, NAMES, START, attempt, curve, drawn, full_data, halt

pytestmark = pytest.mark.browser
EVERY_STEP = (
    "reward", "zero_advantage", "tokens_per_second", "loss", "grad_norm", "lr", "entropy", "completion_length",
    "seconds.rollout", "seconds.score", "seconds.update", "step_seconds",
)  # fmt: skip
PAIR = CAST.edges[0]
PAIRED = [kind.name for kind in pair_catalogue(*PAIR)]
COMPARED = {f"compare.{kind.name}": kind for kind in (compare.capability("text", "merged"), compare.reward("merged"))}
KINDS = [*(name for name in NAMES if name != "capability.image"), *PAIRED, *COMPARED]


@pytest.fixture(scope="module")
def easel(chromium: Browser) -> Iterator[Page]:
    """A page without a server: figures need none."""
    page = chromium.new_page(viewport={"width": SIZE["width"], "height": SIZE["height"]})
    yield page
    page.close()


def wave(number: int, every: int) -> dict[int, float | None]:
    return {step: 0.5 + 0.1 * number + 0.08 * math.sin(step / 6 + number) for step in range(0, 61, every)}


def curves() -> Iterator[Curve]:
    """Each unlike the others, so that one that is lost or has another's colour is seen."""
    for number, policy in enumerate(("base", *EXPERTS, "merged")):
        yield curve("capability", policy, wave(number - 1, 12), domain="text", se=0.02)
    for number, (student, peer) in enumerate(CAST.edges):
        for name in ("overlap", "symmetric_kl", "gap", "w"):
            yield curve(name, student, wave(3 * number, 4), peer=peer)
        yield curve("kl_student_teacher", student, {12: 0.3 + 0.2 * number, 36: 0.2}, peer=peer, domain=peer)
    for number, expert in enumerate(EXPERTS):
        for name in EVERY_STEP:
            yield curve(name, expert, wave(2 * number, 1))


def of_pair(measure: str) -> list[Curve]:
    """One pair, in each domain and on the mean."""
    return [curve(measure, PAIR[0], wave(n, 4), peer=PAIR[1], domain=domain) for n, domain in enumerate((None, *CAST.domains))]


def compared(kind: compare.ComparedFigure) -> Figure:
    """Runs of different lengths, of which the second was edited, twice in one place."""
    every, se = (1, None) if kind.has_every_step else (12, 0.02)
    edits = [Mark(step, START, None, "optimizer.lr", 0.1, 0.2) for step in (15, 15, 40)]

    def run(number: int, last: int, marks: Sequence[Mark] = ()) -> RunCurve:
        points = {step: value for step, value in wave(number, every).items() if step <= last}
        return RunCurve(f"r{number}", f"Run {number}", number, curve("any", "merged", points, se=se), marks=marks)

    return compare.build(kind, [run(0, 60), run(1, 48, edits), run(2, 24)], "step")


def shown(name: str) -> Figure:
    if name in COMPARED:
        return compared(COMPARED[name])
    if name in PAIRED:
        return drawn(name, replace(full_data(), curves=of_pair(name.split(".")[1])))
    given = replace(full_data(), curves=list(curves()))
    if name != "timeline":
        return drawn(name, given)
    image = [attempt("rlvr.image@0", 0, 5), attempt("opd.image@3", 12, 14, "rlvr.text@0", state="stopped")]
    image.append(attempt("opd.image@3", 16, 18, "rlvr.text@0", attempt=2))
    return drawn(name, replace(given, spells=[*given.spells, *image], halts=[halt(13, 16)]))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", KINDS)
def test_a_figure_looks_as_it_did(easel: Page, name: str, theme: str) -> None:
    file = BASELINES / f"{name}-{theme}.png"
    seen = picture(easel, shown(name), theme)
    if REWRITE:
        BASELINES.mkdir(exist_ok=True)
        seen.save(file, optimize=True)
    found = difference(seen, Image.open(file).convert("RGB"))
    assert found.share <= MOST_DIFFERENT, f"{found.share:.1%} of the pixels differ from {file.name}"


@pytest.mark.parametrize("name", KINDS)
def test_every_figure_shows_something(name: str) -> None:
    assert any(trace.get("visible") != "legendonly" and any(value is not None for value in _values(trace)) for trace in shown(name).data)


def _values(trace: dict[str, Any]) -> list[Any]:
    return list(trace.get("y") or ()) or [cell for row in trace.get("z") or () for cell in row]


@pytest.mark.parametrize("name", ["reward", "overlap", "capability.text", "timeline", "compare.reward", PAIRED[0]])
def test_a_lost_curve_is_noticed(easel: Page, name: str) -> None:
    """The comparison can fail: without one of its curves, its place in the legend kept, a chart is not the same."""
    whole = shown(name)
    part = whole.model_copy(update={"data": [*whole.data[:-1], {**whole.data[-1], "visible": "legendonly"}]})
    assert difference(picture(easel, part, "light"), picture(easel, whole, "light")).share > MOST_DIFFERENT
