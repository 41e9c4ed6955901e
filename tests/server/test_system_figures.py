"""The figures of the System tab: where the time goes, whether training is stable, and how the machines are."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from server import figures
from server.figures import FigureData
from server.figures.machines import with_gaps
from server.figures.times import parts_of
from tests.server.test_figures import CAST, START, curve, data, drawn, full_data, machine, spell

GB = 10**9


def names(cast: figures.Cast) -> list[str]:
    return [kind.name for kind in figures.catalogue(cast) if kind.tab == "system"]


def test_only_what_can_ever_hold_something_is_there() -> None:
    assert "step_time.text" in names(CAST)
    assert not {"clip_fraction", "kl_reference"} & set(names(CAST))
    assert {"clip_fraction", "kl_reference"} <= set(names(replace(CAST, is_clipped=True, has_reference=True)))
    assert not {"entropy", "completion_length", "loss"} & set(names(replace(CAST, is_rewarded=False)))


def test_a_step_is_bands_under_the_line_of_the_whole_and_they_follow_the_stream() -> None:
    parts = {"seconds.rollout": 0.5, "seconds.score": 0.1, "seconds.update": 0.2, "step_seconds": 1.0}
    curves = [curve(name, policy, {1: value, 2: value}) for name, value in parts.items() for policy in ("text", "image")]
    figure = drawn("step_time.text", data(*curves))
    assert [trace["name"] for trace in figure.data] == ["rollout", "score", "update", "whole step"]
    assert [trace.get("stackgroup") for trace in figure.data] == ["step"] * 3 + [None]
    assert {trace["meta"]["mode"] for trace in figure.data} == {"append"}
    assert {trace["meta"]["series"]["policy"] for trace in figure.data} == {"text"}
    assert figure.summary == "Step 2 of text took 1 s: rollout 50 %, score 10 %, update 20 %."


def test_waiting_is_what_no_attempt_covers() -> None:
    parts = parts_of([spell(0, 10, rollout=6.0, update=3.0), spell(15, 20, rollout=5.0), spell(20, 24)], [])
    assert parts == pytest.approx({"rollout": 11.0, "update": 3.0, "rest": 1.0, "waiting": 5.0, "under way or lost": 4.0})


def test_attempts_at_the_same_time_are_not_waited_through() -> None:
    """A lost attempt may be held for alive while its successor begins."""
    parts = parts_of([spell(0, 10), spell(5, 12, rollout=7.0)], [])
    assert parts["waiting"] == 0
    assert parts["under way or lost"] == pytest.approx(10.0)


def test_time_is_split_by_expert_and_names_what_takes_most() -> None:
    figure = drawn("time_split", data(spells=[spell(0, 6, rollout=6.0), spell(8, 10, update=2.0), spell(0, 5, "image", score=5.0)]))
    bars = {(trace["y"][0], trace["name"]): trace["x"][0] for trace in figure.data if trace["y"] != [None]}
    assert bars == {("text", "rollout"): 6, ("text", "update"): 2, ("text", "waiting"): 2, ("image", "score"): 5}
    assert [trace["name"] for trace in figure.data if trace.get("showlegend", True)] == ["rollout", "score", "update", "waiting"]
    assert figure.summary == "text mostly rollout (60 %), waiting 20 %; image mostly score (100 %), waiting 0 %."


def test_a_host_is_drawn_once_and_each_gpu_for_itself() -> None:
    gpu = {"gpu": [0.9, 1.0], "gpu_memory": [40 * GB, 60 * GB], "gpu_total": [80 * GB, 80 * GB]}
    uses = data(machines=[machine("w1", **gpu), machine("w2", **gpu), machine("w3", host="there")])
    busy, full = drawn("machine_load", uses), drawn("machine_memory", uses)
    assert [trace["name"] for trace in busy.data] == ["here", "there", "GPU of w1", "GPU of w2"]
    assert full.data[2]["y"] == [0.5, 0.75]
    assert busy.summary == "At work at the end: here 75 %, 75 % at the most; there 75 %, 75 % at the most."


def test_machines_are_drawn_over_time_whatever_the_axis_and_edits_are_marked() -> None:
    for x in ("step", "tokens"):
        figure = drawn("machine_load", full_data(), x)
        assert figure.layout["xaxis"]["type"] == "date"
        assert figure.data[0]["x"][0] == START.isoformat()
        assert [shape["x0"] for shape in figure.layout["shapes"] if shape["name"] == "edit"] == [START.isoformat()]


def test_a_worker_that_was_away_has_a_gap_and_one_that_vanished_no_more_points() -> None:
    at = [START + timedelta(seconds=second) for second in (0, 10, 20, 120, 130)]
    times, values = with_gaps(at, [0.1, 0.2, 0.3, 0.4, 0.5], 10.0)
    assert values == [0.1, 0.2, 0.3, None, 0.4, 0.5]
    assert at[2] < times[3] < at[3]
    assert times[-1] == at[-1]


def test_sizes_are_told_in_gigabytes() -> None:
    uses = data(machines=[machine("w1", disk_free=[30 * GB, 20 * GB], process=[None, 2 * GB])])
    assert drawn("machine_disk", uses).summary == "Free now: here 20.0 GB, 20.0 GB at the least."
    assert drawn("worker_memory", uses).data[0]["y"] == [None, 2.0]


def test_without_figures_of_machines_it_is_said_why() -> None:
    assert "24 hours" in drawn("machine_load", data()).summary


def test_names_of_machines_are_escaped() -> None:
    given: FigureData = data(machines=[machine("<b>w</b>", host="<i>h</i>")])
    assert drawn("machine_load", given).data[0]["name"] == "&lt;i&gt;h&lt;/i&gt;"
    assert drawn("worker_memory", given).data[0]["name"] == "&lt;b&gt;w&lt;/b&gt;"


def test_a_learning_rate_that_stays_as_it_is_does_not_look_like_zero() -> None:
    figure = drawn("lr", data(curve("lr", "text", {1: 5e-5, 2: 5e-5})))
    assert figure.layout["yaxis"]["autorangeoptions"]["include"] == [0, pytest.approx(6e-5)]
    assert figure.layout["yaxis"]["title"] == {"text": "learning rate"}
    assert "autorangeoptions" not in drawn("lr", data()).layout["yaxis"]
