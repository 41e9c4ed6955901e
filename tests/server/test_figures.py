"""Figures are pure: numbers in, Plotly JSON and words out."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server import figures
from server.api.schemas.series import Figure
from server.figures import Axis, Cast, Curve, FigureData, Halt, MachineUse, Mark, Phase, PolicyInfo, Spell, matrix
from server.figures.style import PALETTE, TEMPLATES, look

START = datetime(2026, 1, 1, tzinfo=UTC)
EXPERTS = ("text", "image")
CAST = Cast(
    "r1",
    "A run",
    [PolicyInfo("base", "base", 0), PolicyInfo("text", "expert", 2), PolicyInfo("image", "expert", 3), PolicyInfo("merged", "merged", 1)],
    ["text", "image"],
    [("text", "image"), ("image", "text")],
    teaches={"text": "text", "image": "image"},
)
NAMES = [kind.name for kind in figures.catalogue(CAST)]
WEIGHT = Mark(20, START, 200.0, "w.image.text", 1.0, 0.3)
"""An edit."""
WITH_X = [kind.name for kind in figures.catalogue(CAST) if kind.has_x and not kind.is_timed]


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
        curves += [curve(name, student, {12: 0.98, 36: 0.91}, peer=peer) for name in ("overlap", "symmetric_kl", "gap", "w")]
        curves += [curve("kl_student_teacher", student, {12: 0.3, 36: 0.2}, peer=peer, domain=peer)]
    for expert in EXPERTS:
        told = ("reward", "zero_advantage", "tokens_per_second", "loss", "grad_norm", "lr", "entropy", "completion_length", "step_seconds")
        curves += [curve(name, expert, {1: 0.2, 2: 0.4}) for name in told]
    phases = [Phase(0, student, 12, 36, [teacher]) for student, teacher in CAST.edges]
    return data(*curves, phases=phases, marks=[WEIGHT], machines=[machine("w1")], spells=[spell(0, 9, rollout=4.0)])


def machine(worker: str, **told: Any) -> MachineUse:
    """Two looks, ten seconds apart, at a machine without a GPU."""
    none = [None, None]
    figures_ = {
        "time": [START, START + timedelta(seconds=10)], "cpu": [0.5, 0.75], "memory": [4, 6], "memory_total": [16, 16],
        "disk_free": [30, 20], "process": [1, 2], "gpu": none, "gpu_memory": none, "gpu_total": none, "seconds": 10.0,
    }  # fmt: skip
    return MachineUse(worker, **{"host": "here", **figures_, **told})


def spell(start: float, end: float, policy: str = "text", **seconds: float) -> Spell:
    return replace(attempt(f"rlvr.{policy}@0", start, end), seconds=seconds)


def attempt(segment: str, start: float, end: float, *needs: str, steps: tuple[int, int] = (0, 36), **told: Any) -> Spell:
    """The first at its segment, and done, unless it is told otherwise."""
    kind, policy = segment.partition("@")[0].split(".")
    begun, over = START + timedelta(seconds=start), START + timedelta(seconds=end)
    known = {"domain": None, "attempt": 1, "state": "done", "worker": "w1", "sent": begun, "seconds": {}, **told}
    return Spell(
        segment=segment, kind=kind, policy=policy, needs=needs, start=begun, end=over, start_step=steps[0], end_step=steps[1], **known
    )  # fmt: skip


def bars(figure: Figure) -> list[dict[str, Any]]:
    """A timeline's traces without those that only stand in the legend."""
    return [trace for trace in figure.data if trace["x"] != [None]]


def halt(start: float, end: float, policy: str | None = None) -> Halt:
    return Halt(policy, START + timedelta(seconds=start), START + timedelta(seconds=end))


def drawn(name: str, given: FigureData, x: Axis = "step") -> Figure:
    kind = figures.find(CAST, name)
    assert kind
    fitting = [c for c in given.curves if c.name in kind.series and kind.domain in (None, c.domain or "")]
    return figures.build(kind, replace(given, curves=fitting), x)


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


@pytest.mark.parametrize("name", [*WITH_X, "timeline"])
@pytest.mark.parametrize(("x", "place"), [("step", 20), ("time", START.isoformat()), ("tokens", 200.0)])
def test_edits_are_marked_on_every_time_axis(name: str, x: Axis, place: object) -> None:
    figure = drawn(name, full_data(), x)
    place = START.isoformat() if name == "timeline" else place
    assert [shape["x0"] for shape in figure.layout["shapes"] if shape["name"] == "edit"] == [place]
    [note] = figure.layout["annotations"]
    assert note["hovertext"] == "weight image ← text: 1.0 → 0.3"


def feet(name: str, *marks: Mark, curves: Sequence[Curve] | None = None) -> list[tuple[str, str]]:
    """What stands at the edits' lines of a chart, and which end of it."""
    given = replace(full_data(), marks=marks)
    figure = drawn(name, given if curves is None else replace(given, curves=curves))
    return [(note["text"], note["xanchor"]) for note in figure.layout["annotations"]]


@pytest.mark.parametrize("name", ["overlap", "weights", "absorbed", "capability.text", "reward"])
def test_an_edit_is_named_on_the_charts_it_concerns(name: str) -> None:
    assert [text for text, _ in feet(name, WEIGHT)] == ["image ← text: 0.3"]


@pytest.mark.parametrize("name", ["timeline", "machine_disk", "machine_load"])
def test_elsewhere_an_edit_is_only_a_line_with_its_words_on_hover(name: str) -> None:
    assert feet(name, WEIGHT) == [("▴", "center")]


def test_an_edit_is_not_named_where_only_others_are_drawn() -> None:
    assert feet("step_time.text", WEIGHT, curves=[curve("step_seconds", "text", {60: 0.4})]) == [("▴", "center")]
    assert feet("gap", WEIGHT, curves=[curve("gap", "text", {60: 0.4}, peer="sound")]) == [("▴", "center")]


def test_an_edit_of_no_edge_is_named_by_its_field() -> None:
    assert feet("reward", replace(WEIGHT, path="optimizer.lr", value=3e-05, step=2)) == [("optimizer.lr: 3e-05", "left")]


def test_a_curve_beneath_a_label_is_still_to_be_seen() -> None:
    assert [each["layout"]["annotationdefaults"]["bgcolor"] for each in TEMPLATES.values()] == [
        "rgba(255,255,255,0.4)",
        "rgba(36,36,36,0.4)",
    ]


def test_what_stands_at_edits_lies_within_the_chart_and_not_on_each_other() -> None:
    """The chart reaches to step 60. A label that would end outside is on the other side of its line, and a newer one comes first."""
    curves = [curve("reward", "image", {1: 0.2, 60: 0.4})]
    named = ("image ← text: 0.3", "left")
    assert feet("reward", replace(WEIGHT, step=0), replace(WEIGHT, step=58), curves=curves) == [named, (named[0], "right")]
    assert feet("reward", replace(WEIGHT, step=10), replace(WEIGHT, step=12), curves=curves) == [("▴", "center"), named]
    assert feet("reward", replace(WEIGHT, step=30, path="w_schedule.image.text.end"), curves=curves) == [("▴", "center")]


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
    assert figure.data[0]["text"] == [["", "0.80"], ["0.70", ""]]
    assert (figure.data[0]["zmin"], figure.data[0]["zmax"]) == (0.5, 1.0)
    assert figure.data[0]["meta"]["step"] == 36
    assert "least alike: image with text, 0.70" in figure.summary


def test_the_matrix_has_every_pairs_newest_value_and_says_which_are_older() -> None:
    curves = [curve("overlap", "text", {12: 0.9, 24: 0.8}, peer="image"), curve("overlap", "image", {12: 0.7, 24: None}, peer="text")]
    figure = drawn("agreement", data(*curves))
    assert figure.data[0]["z"] == [[None, 0.8], [0.7, None]]
    assert figure.data[0]["text"] == [["", "0.80"], ["0.70<br>step 12", ""]]
    assert figure.data[0]["customdata"] == [[None, 24], [12, None]]
    assert figure.summary.startswith("As of step 24 the experts share 0.75")


def test_the_words_in_the_matrix_can_be_read_on_every_colour() -> None:
    """WCAG's contrast ratio: 4.5 to 1."""

    def luminance(colour: str) -> float:
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    assert min(luminance(colour) + 0.05 for colour in matrix.SCALE) / (luminance(matrix.INK) + 0.05) >= 4.5
    assert [*map(luminance, matrix.SCALE)] == sorted(map(luminance, matrix.SCALE)), "in grey they are in order"


def test_two_pairs_of_a_student_differ_by_more_than_their_markers() -> None:
    lines = drawn("overlap", data(*[curve("overlap", "text", {12: 0.9}, peer=peer) for peer in ("image", "video")])).data
    assert len({trace["line"]["color"] for trace in lines}) == 1
    assert len({trace["line"]["dash"] for trace in lines}) == len({trace["marker"]["symbol"] for trace in lines}) == 2


def test_a_compared_run_is_faint_and_does_not_grow() -> None:
    mine, other = curve("overlap", "text", {12: 0.9}, peer="image"), curve("overlap", "text", {12: 0.7, 24: 0.6}, peer="image")
    figure = drawn("overlap", data(mine, compared=[other], compared_name="<b>theirs</b>"))
    ours, theirs = figure.data
    assert ours["line"]["dash"] == theirs["line"]["dash"], "the same pair"
    assert theirs["line"]["width"] < ours["line"]["width"]
    assert theirs["opacity"] < 1
    assert theirs["meta"]["mode"] == "replace"
    assert "&lt;b&gt;theirs" in theirs["name"], "Plotly would render the markup of a user's name"
    assert "0.9" in figure.summary
    assert "0.7" not in figure.summary
    only_a_point = curve("overlap", "text", {12: 0.9}, peer="image")
    assert len(drawn("overlap", data(mine, compared=[only_a_point], compared_name="theirs")).data) == 1, (
        "under this run's, and not to be seen"
    )


@pytest.mark.parametrize("name", ["agreement", "overlap", "pair.overlap.text.image"])
def test_the_help_says_of_how_many_tokens_an_overlap_is(name: str) -> None:
    given = replace(full_data(), cast=replace(CAST, top_k=7))
    assert "likeliest" in drawn(name, given).help
    assert "(7 of them)" in drawn(name, given).help


def test_every_attempt_is_a_bar_and_nothing_is_drawn_through_a_pause() -> None:
    """opd.text@36 was paused at step 41 for a minute; its second attempt runs."""
    spells = [
        attempt("rlvr.text@0", 0, 10),
        attempt("opd.text@36", 10, 15, steps=(36, 41), state="stopped"),
        attempt("opd.text@36", 75, 78.25, steps=(41, 72), state="running", attempt=2, worker="w2"),
    ]
    figure = drawn("timeline", data(spells=spells, halts=[halt(14, 75)]))
    assert [(trace["name"], trace["x"]) for trace in bars(figure)] == [("RLVR", [10000.0]), ("OPD", [5000.0, 3250.0])], "no waiting"
    opd = bars(figure)[1]
    assert opd["base"] == [(START + timedelta(seconds=second)).isoformat() for second in (10, 75)]
    assert opd["customdata"] == [
        ["steps 37 to 41, attempt 1", "w1", "5.0", "stopped"], ["steps 42 to 72, attempt 2", "w2", "3.2", "running"],
    ]  # fmt: skip
    assert opd["hovertemplate"].startswith("%{y}: OPD, %{customdata[0]}<br>")
    assert figure.summary == "1 segment done; running now: text (OPD from step 41)."


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (attempt("evaluate.merged@60", 0, 1, steps=(60, 60), domain="image"), "step 60 on image, attempt 1"),
        (attempt("merge.merged@60", 0, 1, steps=(60, 60)), "step 60, attempt 1"),
        (attempt("rlvr.text@0", 0, 1, steps=(0, 1)), "step 1, attempt 1"),
        (attempt("rlvr.text@0", 0, 1, steps=(8, 8), state="lost", attempt=3), "from step 9 on, none kept, attempt 3"),
    ],
)
def test_a_bar_says_in_words_what_was_worked_on(given: Spell, words: str) -> None:
    [trace] = bars(drawn("timeline", data(spells=[given])))
    assert trace["customdata"][0][0] == words


def test_waiting_is_drawn_with_its_reason() -> None:
    """image's OPD phase needs text's RLVR, which ends 4 s later, and then waits 2 s more for a worker."""
    first = [attempt("rlvr.text@0", 0, 9), attempt("rlvr.image@0", 0, 5)]
    figure = drawn("timeline", data(spells=[*first, attempt("opd.image@36", 11, 15, "rlvr.text@0", "rlvr.image@0")]))
    waiting = figure.data[0]
    assert (waiting["name"], waiting["y"], waiting["x"]) == ("waiting", ["image", "image"], [4000.0, 2000.0])
    assert [told[0] for told in waiting["customdata"]] == ["waited for text (RLVR from step 0)", "waited for a worker"]
    assert figure.summary == (
        "3 segments done; nothing is running now. Longest wait: image waited for text (RLVR from step 0), 4 s."
    )  # fmt: skip


def test_what_was_paused_waits_only_while_it_is_not() -> None:
    """text's OPD phase could have begun at 10 s; all was paused from 12 to 70 s, image until 73 s, and the worker came at 75 s."""
    spells = [attempt(f"{kind}.{policy}", *at) for policy in ("text@0", "image@0") for kind, at in (("rlvr", (0, 10)), ("opd", (75, 80)))]
    waiting = drawn("timeline", data(spells=spells, halts=[halt(12, 70), halt(60, 73, "image")])).data[0]
    assert (waiting["y"], waiting["x"]) == (["text", "text", "image", "image"], [2000.0, 5000.0, 2000.0, 2000.0])
    split = bars(drawn("time_split", data(spells=spells, halts=[halt(12, 70), halt(60, 73, "image")])))
    assert {trace["y"][0]: trace["x"] for trace in split if trace["name"] == "waiting"} == {"text": [7.0], "image": [4.0]}


def test_no_waiting_is_drawn_where_work_overlaps_or_follows_at_once() -> None:
    spells = [
        attempt("rlvr.text@0", 0, 9),
        attempt("evaluate.text@0", 2, 4, worker="w2"),
        attempt("opd.text@36", 11, 40, state="running", sent=START + timedelta(seconds=9.1)),
        attempt("measure.text@36", 30, 31, worker="w2"),
    ]
    assert "waiting" not in [trace["name"] for trace in drawn("timeline", data(spells=spells)).data]


def test_what_was_lost_waits_for_another_worker_and_a_fork_for_nobody() -> None:
    lost = [attempt("rlvr.text@0", 0, 9, steps=(0, 8), state="lost"), attempt("rlvr.text@0", 12, 20, steps=(8, 36), attempt=2)]
    assert bars(drawn("timeline", data(spells=lost)))[0]["x"] == [3000.0]
    forked = [attempt("rlvr.text@0", 0, 9, worker=None), attempt("opd.text@36", 5000, 5010)]
    figure = drawn("timeline", data(spells=forked))
    assert [trace["name"] for trace in bars(figure)] == ["RLVR", "OPD"]
    assert bars(figure)[0]["customdata"][0][1] == "a worker of the run this is a fork of"
    assert bars(drawn("time_split", data(spells=forked)))[0]["x"] == [10.0]


def test_the_legend_of_the_timeline_names_each_kind_once() -> None:
    figure = drawn("timeline", data(spells=[attempt(f"rlvr.{name}@0", 0, 1) for name in ("text", "image")]))
    assert [trace["showlegend"] for trace in bars(figure)] == [False, False]
    [entry] = [trace for trace in figure.data if trace.get("showlegend", True)]
    assert (entry["name"], entry["legendgroup"]) == ("RLVR", "rlvr")
    assert entry["marker"]["color"] not in PALETTE, "a kind is no policy"


def test_traces_say_how_the_page_goes_on() -> None:
    meta = drawn("reward", full_data()).data[0]["meta"]
    assert meta["series"] == {"name": "reward", "policy": "text", "peer": None, "domain": None}
    assert (meta["mode"], meta["step"], meta["attempt"], meta["total"]) == ("append", [1, 2], [1, 1], 2)
    assert drawn("reward", full_data(), "tokens").data[0]["meta"]["mode"] == "replace", "tokens are not in the stream"


def test_a_lone_expert_has_nobody_to_agree_with() -> None:
    alone = Cast("r1", "A run", [PolicyInfo("base", "base", 0), PolicyInfo("text", "expert", 2)], ["text"], [])
    overview = [kind.name for kind in figures.catalogue(alone) if kind.tab == "overview"]
    assert overview == ["capability.text", "reward", "idle_groups", "timeline"]


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
