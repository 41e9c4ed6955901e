"""The figures of the tabs Agreement and Weights: numbers in, Plotly JSON and words out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from server import figures
from server.api.schemas.series import Figure
from server.figures import Axis, Cast, Curve, FigureData, Phase, PolicyInfo
from tests.server.test_figures import CAST, curve, data, drawn

PAIR = ("text", "image")
PHASES = [Phase(0, "text", 12, 18, ["image"]), Phase(0, "image", 12, 18, ["text"]), Phase(1, "text", 30, 36, ["image"])]


def pair_figure(measure: str, *curves: Curve, x: Axis = "step", pair: tuple[str, str] = PAIR, cast: Cast = CAST) -> Figure:
    kind = figures.find(cast, f"pair.{measure}.{'.'.join(pair)}")
    assert kind
    return figures.build(kind, FigureData(cast, "5-0", curves), x)


def kl(student: str, teacher: str, points: dict[int, float | None]) -> Curve:
    return curve("kl_student_teacher", student, points, peer=teacher, domain=teacher)


# ---- one pair


@pytest.mark.parametrize("x", ["step", "time", "tokens"])
@pytest.mark.parametrize("measure", [each.series for each in figures.PAIR_MEASURES])
def test_every_measure_of_a_pair_is_a_figure_with_words_and_can_be_empty(measure: str, x: Axis) -> None:
    curves = [curve(measure, "text", {12: 0.9, 36: 0.8}, peer="image"), curve(measure, "text", {12: 0.9}, peer="image", domain="text")]
    for given in (curves, []):
        figure = pair_figure(measure, *given, x=x)
        assert "bdata" not in figure.model_dump_json()
        assert figure.title.endswith("?")
        assert "{" not in figure.title + figure.help, "a name was left out"
        assert {"text", "image"} & set(figure.title.replace("?", "").split())
        assert len(figure.help.split(". ")) >= 2
        assert figure.summary.endswith(".")
        assert len(figure.data) == len(given)


def test_a_pair_has_a_thick_mean_and_a_line_for_each_domain() -> None:
    mean = curve("overlap", "text", {12: 0.9, 24: 0.7, 36: 0.8}, peer="image")
    domains = [curve("overlap", "text", {36: value}, peer="image", domain=domain) for domain, value in (("image", 0.75), ("text", 0.85))]
    figure = pair_figure("overlap", *domains, mean)
    assert [trace["name"] for trace in figure.data] == ["mean of the domains", "on text", "on image"]
    assert figure.data[0]["line"]["width"] > figure.data[1]["line"]["width"]
    assert figure.data[0]["line"]["color"] == figure.data[1]["line"]["color"], "text's colour, for text and what text teaches"
    assert figure.data[2]["meta"]["series"] == {"name": "overlap", "policy": "text", "peer": "image", "domain": "image"}
    assert figure.summary == (
        "text with image at step 36: 0.8; lowest so far 0.7 at step 24; by domain the lowest now 0.75 on image."
    )  # fmt: skip


def test_what_is_worst_is_the_measures_own() -> None:
    points: dict[int, float | None] = {12: 0.1, 24: 0.3, 36: 0.2}
    assert "highest so far 0.3 at step 24" in pair_figure("jsd", curve("jsd", "text", points, peer="image")).summary
    gap = curve("entropy_gap", "text", {12: 0.1, 24: -0.4, 36: 0.2}, peer="image")
    assert "largest so far -0.4 at step 24" in pair_figure("entropy_gap", gap).summary


def test_a_pair_is_found_by_its_name_and_others_are_not() -> None:
    assert figures.pairs(CAST) == [("text", "image"), ("image", "text")]
    assert figures.find(CAST, "reward") is not None
    for name in ("pair.overlap.text.text", "pair.overlap.text.sound", "pair.overlap", "pair.loss.text.image", "pair."):
        assert figures.find(CAST, name) is None


def test_a_fixed_teacher_can_be_looked_at_in_a_pair() -> None:
    policies = [PolicyInfo("base", "base", 0), PolicyInfo("text", "expert", 2)]
    cast = Cast("r1", "A run", policies, ["text"], [("text", "big")], teaches={"text": "text", "big": "text"})
    assert figures.pairs(cast) == [("text", "big")]
    figure = pair_figure("overlap", curve("overlap", "text", {12: 0.9}, peer="big", domain="text"), pair=("text", "big"), cast=cast)
    assert figure.data[0]["name"] == "on text"


def test_names_of_people_are_escaped() -> None:
    cast = Cast("r1", "A run", [PolicyInfo("text", "expert", 2)], ["<b>d</b>"], [("text", "big")], teaches={"big": "<b>d</b>"})
    figure = pair_figure("overlap", curve("overlap", "text", {1: 0.9}, peer="big", domain="<b>d</b>"), pair=("text", "big"), cast=cast)
    assert figure.data[0]["name"] == "on &lt;b&gt;d&lt;/b&gt;"


# ---- absorbed


def full(**options: Any) -> FigureData:
    curves = [
        kl("text", "image", {12: 0.4, 18: 0.3, 30: 0.5, 36: 0.2}),
        kl("image", "text", {12: 0.2, 18: 0.25}),
        curve("gap", "text", {13: -0.3, 14: -0.3, 15: -0.2, 16: -0.2, 17: -0.1, 18: -0.1, 31: -0.9, 32: -0.7}, peer="image"),
        curve("w", "text", {13: 1.0, 18: 0.3, 31: 1.0, 32: 1.0}, peer="image"),
        curve("capability", "base", {0: 0.1}, domain="image"),
        curve("capability", "text", {18: 0.15, 36: 0.25}, domain="image"),
    ]
    return data(*curves, phases=PHASES, **options)


def test_rows_say_what_changed_in_each_phase() -> None:
    first, back, second = figures.absorbed_rows(full())
    assert (first.round, first.student, first.teacher, first.domain, first.start, first.end) == (0, "text", "image", "image", 12, 18)
    assert (first.kl_before, first.kl_after, first.weight) == (0.4, 0.3, 0.3)
    assert (first.gap_before, first.gap_after) == pytest.approx((-0.3, -0.1))
    assert (first.accuracy_before, first.accuracy_after) == (0.1, 0.15), "before the first evaluation an expert is the base"
    assert (back.kl_before, back.gap_before, back.weight, back.accuracy_before) == (0.2, None, None, None)
    assert (second.gap_before, second.gap_after) == (pytest.approx(-0.8), None), "a phase that goes on has a start and no end yet"
    assert (second.accuracy_before, second.accuracy_after) == (0.15, 0.25)


def test_what_a_phase_began_with_does_not_change_while_it_goes_on() -> None:
    """At each moment, with what is known by then."""
    gaps, weights = {step: -1.0 / step for step in range(13, 19)}, dict.fromkeys(range(13, 19), 1.0)
    before: list[float | None] = []
    for now in range(13, 19):
        known = [{step: value for step, value in each.items() if step <= now} for each in (gaps, weights)]
        curves = [curve(name, "text", dict(points), peer="image") for name, points in zip(("gap", "w"), known, strict=True)]
        [row] = figures.absorbed_rows(data(*curves, phases=PHASES[:1]))
        before.append(row.gap_before)
        assert (row.gap_after is None) == (now < 18)
    assert before == [None, *[pytest.approx((-1 / 13 - 1 / 14) / 2)] * 5]


@pytest.mark.parametrize(("x", "place"), [("step", 12), ("tokens", 120.0)])
def test_a_phase_is_a_line_from_its_start_to_its_end(x: Axis, place: float) -> None:
    figure = drawn("absorbed", full(), x)
    assert [trace["name"] for trace in figure.data] == ["text ← image", "image ← text"]
    assert figure.data[0]["y"] == [0.4, 0.3, None, 0.5, 0.2, None]
    assert figure.data[0]["x"][0] == place
    assert figure.data[0]["marker"]["symbol"][:2] == ["square-open", "square"], "open where it began; the teacher's marker"
    assert figure.data[0]["hovertext"][0] == "round 1, on image: 0.400 → 0.300"
    assert figure.data[0]["meta"]["mode"] == "replace"
    assert figure.summary == "In round 2, 1 of 1 edge drew nearer; most: text ← image, KL 0.5 → 0.2 nats per token."


def test_nobody_who_came_nearer_is_told_too() -> None:
    given = data(kl("text", "image", {12: 0.2, 18: 0.3}), phases=PHASES[:2])
    assert drawn("absorbed", given).summary == (
        "In round 1, 0 of 1 edge drew nearer; least apart moved: text ← image, KL 0.2 → 0.3 nats per token."
    )  # fmt: skip
    assert drawn("absorbed", data(phases=PHASES)).summary == "No OPD phase has ended yet."


# ---- weights


def test_weights_are_drawn_in_steps() -> None:
    figure = drawn("weights", data(curve("w", "text", {13: 1.0, 18: 0.3}, peer="image")))
    assert (figure.data[0]["line"]["shape"], figure.data[0]["name"]) == ("hv", "text ← image")
    assert figure.summary == "At step 18: mean 0.3, lowest 0.3 (text ← image), highest 0.3 (text ← image)."
    json.loads(figure.model_dump_json())
