"""Figures are pure: numbers in, Plotly JSON and words out."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server import figures
from server.api.schemas.series import Figure
from server.figures import PALETTE, TEMPLATES, Axis, Bar, Cast, Curve, FigureData, Mark, PolicyInfo

START = datetime(2026, 1, 1, tzinfo=UTC)
EXPERTS = ("text", "image")
CAST = Cast(
    "r1",
    "A run",
    [PolicyInfo("base", "base", 0), PolicyInfo("text", "expert", 2), PolicyInfo("image", "expert", 3), PolicyInfo("merged", "merged", 1)],
    ["text", "image"],
    [("text", "image"), ("image", "text")],
)
NAMES = [kind.name for kind in figures.catalogue(CAST)]


def curve(
    name: str, policy: str, points: dict[int, float | None], *, peer: str | None = None, domain: str | None = None, se: float | None = None
) -> Curve:
    steps = list(points)
    return Curve(
        name, policy, peer, domain, len(steps), steps, list(points.values()), [se] * len(steps),
        [START + timedelta(seconds=step) for step in steps], [10.0 * step for step in steps], [1] * len(steps),
    )  # fmt: skip


def data(*curves: Curve, **options: Any) -> FigureData:
    return FigureData(CAST, "5-0", curves, **options)


def full_data() -> FigureData:
    """Something for every figure."""
    curves = [curve("capability", p, {0: 0.4, 36: 0.5}, domain="text", se=0.03) for p in ("base", *EXPERTS, "merged")]
    curves += [curve("capability", "base", {0: 0.4}, domain="image")]
    for student, peer in CAST.edges:
        curves += [curve(name, student, {12: 0.98, 36: 0.91}, peer=peer) for name in ("overlap", "symmetric_kl", "gap")]
    for expert in EXPERTS:
        curves += [curve(name, expert, {1: 0.2, 2: 0.4}) for name in ("reward", "zero_advantage", "tokens_per_second")]
    bars = [Bar("rlvr.text@0", "rlvr", "text", "done", "w1", START, START + timedelta(seconds=9))]
    return data(*curves, bars=bars, marks=[Mark(20, START, 200.0, "w.image.text", 1.0, 0.3)], now=START + timedelta(seconds=20))


def drawn(name: str, given: FigureData, x: Axis = "step") -> Figure:
    kind = figures.find(CAST, name)
    assert kind
    fitting = [c for c in given.curves if c.name in kind.series and kind.domain in (None, c.domain or "")]
    return figures.build(
        kind, FigureData(CAST, given.cursor, fitting, given.marks, given.bars, given.compared, given.compared_name, given.now), x
    )


@pytest.mark.parametrize("x", ["step", "time", "tokens"])
@pytest.mark.parametrize("name", NAMES)
def test_every_figure_is_plain_json_with_words_to_read_it(name: str, x: Axis) -> None:
    figure = drawn(name, full_data(), x)
    text = figure.model_dump_json()
    assert "bdata" not in text, "a list became base64, which the browser cannot extend"
    assert figure.title.endswith("?")
    assert len(figure.help.split(". ")) >= 2
    assert figure.summary.endswith(".")
    assert figure.data
    assert "template" not in figure.layout
    assert figure.layout["uirevision"] == f"r1/{name}"
    assert all(trace["meta"]["mode"] in ("append", "replace") for trace in figure.data)


def test_an_axis_fits_its_data_and_ends_where_the_possible_does() -> None:
    """Plotly's minallowed and maxallowed would draw all of what is possible, however little of it the data fill."""
    axis = drawn("reward", full_data(), "step").layout["yaxis"]
    assert axis["autorangeoptions"] == {"clipmin": -0.02, "clipmax": 1.02}
    assert "range" not in axis


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_can_be_empty(name: str) -> None:
    figure = drawn(name, data())
    assert figure.summary.endswith(".")
    json.loads(figure.model_dump_json())


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("agreement", "timeline")])
@pytest.mark.parametrize(("x", "place"), [("step", 20), ("time", START.isoformat()), ("tokens", 200.0)])
def test_edits_are_marked_on_every_time_axis(name: str, x: Axis, place: object) -> None:
    figure = drawn(name, full_data(), x)
    assert [shape["x0"] for shape in figure.layout["shapes"] if shape["name"] == "edit"] == [place]
    [note] = figure.layout["annotations"]
    assert (note["text"], note["hovertext"]) == ("→ 0.3", "w.image.text: 1.0 → 0.3")


def test_capability_shows_base_as_a_level_and_everybody_with_intervals() -> None:
    figure = drawn("capability.text", full_data())
    assert [trace["name"] for trace in figure.data] == ["base", "text", "image", "merged"]
    assert figure.data[3]["error_y"]["array"] == pytest.approx([0.0588, 0.0588])
    assert figure.data[3]["meta"]["error_scale"] == 1.96
    level = next(shape for shape in figure.layout["shapes"] if shape["type"] == "line" and shape["name"] == "base")
    assert level["y0"] == level["y1"] == 0.5
    assert figure.summary == "After 36 steps: merged 0.50 ± 0.06, base 0.50 ± 0.06, best expert text 0.50 ± 0.06."


def test_a_point_that_does_not_exist_is_a_gap() -> None:
    figure = drawn("reward", data(curve("reward", "text", {1: 0.5, 2: None, 3: 0.7})))
    assert figure.data[0]["y"] == [0.5, None, 0.7]
    assert figure.summary == "At step 3: text 0.7."


def test_the_matrix_has_students_as_rows_and_teachers_as_columns() -> None:
    curves = [curve("overlap", "text", {12: 0.9, 36: 0.8}, peer="image"), curve("overlap", "image", {12: 0.95, 36: 0.7}, peer="text")]
    figure = drawn("agreement", data(*curves))
    assert figure.data[0]["z"] == [[None, 0.8], [0.7, None]]
    assert (figure.data[0]["zmin"], figure.data[0]["zmax"]) == (0.5, 1.0)
    assert figure.data[0]["meta"]["step"] == 36
    assert "least alike: image with text, 0.70" in figure.summary


def test_a_compared_run_is_dashed_and_does_not_grow() -> None:
    other = curve("overlap", "text", {12: 0.7}, peer="image")
    figure = drawn("overlap", data(curve("overlap", "text", {12: 0.9}, peer="image"), compared=[other], compared_name="<b>theirs</b>"))
    ours, theirs = figure.data
    assert (ours["line"]["dash"], theirs["line"]["dash"]) == ("solid", "dash")
    assert theirs["meta"]["mode"] == "replace"
    assert "&lt;b&gt;theirs" in theirs["name"], "Plotly would render the markup of a user's name"
    assert "0.9" in figure.summary
    assert "0.7" not in figure.summary


def test_a_running_segment_is_drawn_up_to_now() -> None:
    bars = [Bar("opd.text@36", "opd", "text", "running", "w1", START, None)]
    figure = drawn("timeline", data(bars=bars, now=START + timedelta(seconds=3)))
    assert figure.data[0]["x"] == [3000.0]
    assert figure.data[0]["showlegend"] is True
    assert figure.summary == "0 segments done; running now: opd.text@36."


def test_the_legend_of_the_timeline_names_each_kind_once() -> None:
    bars = [Bar(f"rlvr.{name}@0", "rlvr", name, "done", "w1", START, START + timedelta(seconds=1)) for name in ("text", "image")]
    figure = drawn("timeline", data(bars=bars))
    assert [(trace["name"], trace["legendgroup"], trace["showlegend"]) for trace in figure.data] == [
        ("RLVR", "rlvr", True), ("RLVR", "rlvr", False),
    ]  # fmt: skip


def test_traces_say_how_the_page_goes_on() -> None:
    meta = drawn("reward", full_data()).data[0]["meta"]
    assert meta["series"] == {"name": "reward", "policy": "text", "peer": None, "domain": None}
    assert (meta["mode"], meta["step"], meta["attempt"], meta["total"]) == ("append", [1, 2], [1, 1], 2)
    assert drawn("reward", full_data(), "tokens").data[0]["meta"]["mode"] == "replace", "tokens are not in the stream"


def test_a_lone_expert_has_nobody_to_agree_with() -> None:
    alone = Cast("r1", "A run", [PolicyInfo("base", "base", 0), PolicyInfo("text", "expert", 2)], ["text"], [])
    assert [kind.name for kind in figures.catalogue(alone)] == ["capability.text", "reward", "idle_groups", "timeline", "throughput"]


def test_without_rewards_there_is_no_chart_of_them() -> None:
    taught = Cast(
        "r1", "A run", [PolicyInfo("base", "base", 0), PolicyInfo("text", "expert", 2)], ["text"], [("text", "big")], is_rewarded=False
    )
    names = [kind.name for kind in figures.catalogue(taught)]
    assert "reward" not in names
    assert {"agreement", "gap"} <= set(names), "a fixed teacher can be agreed with"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_stand_out_from_both_backgrounds(theme: Any) -> None:
    background = TEMPLATES[theme]["layout"]["hoverlabel"]["bgcolor"]
    assert min(contrast(colour, background) for colour in PALETTE) >= 3.0
    assert contrast(TEMPLATES[theme]["layout"]["font"]["color"], background) >= 7.0


def test_looks_stay_apart_with_more_experts_than_colours() -> None:
    from server.figures.style import look

    looks = [look(index) for index in range(len(PALETTE))]
    assert len({(each.dash, each.marker) for each in looks}) == len(looks)
    assert look(len(PALETTE)) == look(2)


def contrast(one: str, other: str) -> float:
    """WCAG 2.2 contrast ratio of two #rrggbb colours."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
