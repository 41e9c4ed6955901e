"""Figures of several runs are pure too: curves in, Plotly JSON and words out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from server.api.schemas.series import Figure
from server.figures import Axis, Mark, RunCurve
from server.figures import compare as drawn
from server.figures.style import PALETTE
from tests.server.test_figures import START, curve

TEXT = drawn.capability("text", "merged")
REWARD = drawn.reward("merged")


def mark(step: int, value: float = 0.3, path: str = "w.image.text") -> Mark:
    return Mark(step, START + timedelta(seconds=step), 10.0 * step, path, 1.0, value)


def run(number: int, *marks: Mark, points: dict[int, float | None] | None = None, se: float | None = None, last: int = 36) -> RunCurve:
    """A run whose curve goes from step 12 to 36, a step a second, of which the newest point is of step `last`."""
    drawn_curve = curve("reward", "merged", points or {12: 0.4, 36: 0.5 + number / 10}, se=se)
    return RunCurve(f"r{number}", f"run {number}", number, drawn_curve, START, START + timedelta(seconds=last), marks)


def edits(figure: Figure) -> list[tuple[Any, str, str]]:
    """Where each edit's line stands, its colour, and what it says when it is pointed at."""
    notes, lines = figure.layout["annotations"], figure.layout["shapes"]
    assert [(line["x0"], line["name"]) for line in lines] == [(note["x"], note["name"]) for note in notes]
    return [(line["x0"], line["line"]["color"], note["hovertext"]) for line, note in zip(lines, notes, strict=True)]


@pytest.mark.parametrize(("x", "place"), [("step", 20), ("time", 20.0), ("tokens", 200.0)])
def test_each_runs_edits_are_marked_in_its_colour_and_told(x: Axis, place: float) -> None:
    figure = drawn.build(REWARD, [run(0), run(1, mark(20))], x)
    assert edits(figure) == [(place, PALETTE[2], "run 1<br>weight image ← text: 1.0 → 0.3")]
    assert figure.layout["shapes"][0]["line"]["color"] == figure.data[1]["line"]["color"]
    assert figure.layout["shapes"][0]["name"] == f"edit {figure.data[1]['legendgroup']}", "it is hidden with its curve"


def test_edits_of_one_place_are_one_mark() -> None:
    figure = drawn.build(REWARD, [run(0, *[mark(20, value) for value in range(11)], mark(30))], "step")
    [(_, _, many), (at, _, one)] = edits(figure)
    assert many.count("<br>") == 9, "the run, eight edits, and how many more"
    assert many.endswith("→ 7<br>and 3 more")
    assert (at, one.count("<br>")) == (30, 1)


def test_a_mark_is_no_markup_and_needs_a_place_and_a_curve() -> None:
    named = RunCurve("r0", "<b>mine</b>", 0, curve("reward", "merged", {1: 0.5}), START, START, [mark(20, path="<i>")])
    nowhere = Mark(20, START, None, "seed", 0, 1)
    without = RunCurve("r2", "none", 2, None, marks=[mark(20)])
    assert [told for *_, told in edits(drawn.build(REWARD, [named, run(1, nowhere), without], "tokens"))] == [
        "&lt;b&gt;mine&lt;/b&gt;<br>&lt;i&gt;: 1.0 → 0.3"
    ]


def test_a_window_counts_time_in_the_unit_of_the_whole() -> None:
    """Zoomed into the first minute of three hours, the axis still counts hours."""
    figure = drawn.build(REWARD, [run(0, last=3 * 3600)], "time")
    assert figure.layout["xaxis"]["title"]["text"] == "hours since the start"
    assert figure.data[0]["x"] == pytest.approx([12 / 3600, 36 / 3600])


def test_what_has_every_step_is_a_line_and_what_was_measured_has_markers_and_intervals() -> None:
    [line] = drawn.build(REWARD, [run(0)], "step").data
    [measured] = drawn.build(TEXT, [run(0, se=0.03)], "step").data
    assert (line["mode"], measured["mode"]) == ("lines", "lines+markers")
    assert "error_scale" not in line["meta"]
    assert measured["error_y"]["array"] == pytest.approx([measured["meta"]["error_scale"] * 0.03] * 2)


def test_runs_of_one_name_are_two_curves() -> None:
    """They are hidden and shown each by itself."""
    groups = [trace["legendgroup"] for trace in drawn.build(REWARD, [run(0), run(1)], "step").data]
    assert groups == ["r0", "r1"]
