"""Comparing runs through the API."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from server.db.models import Edit, EditBinding, Run
from tests.server.backend import Backend
from tests.server.seed import EPOCH, add_points, add_run, finish

pytestmark = pytest.mark.integration
COMPARE = "/api/v1/compare"


@pytest.fixture
def runs(backend: Backend) -> list[str]:
    """Two seeds of one experiment, and one without distillation that has only begun."""
    with backend.sessions() as db:
        made = [add_run(db, name="co 0", seed=0), add_run(db, name="co <b>1</b>", seed=1), add_run(db, name="alone", method="experts")]
        for number, run in enumerate(made[:2]):
            for domain in ("text", "image"):
                add_points(db, run, "capability", "merged", [0.2, 0.4 + number / 10], domain=domain, se=0.03)
                add_points(db, run, "capability", "base", [0.1], domain=domain, se=0.03)
            add_points(db, run, "reward", "text", [0.1, 0.2, 0.3])
            add_points(db, run, "reward", "image", [0.3, 0.4])
            for pair in (("text", "image"), ("image", "text")):
                add_points(db, run, "overlap", pair[0], [1.0, 0.9 - number / 10], peer=pair[1])
            add_points(db, run, "tokens", "text", [10, 10, 10])
            add_points(db, run, "tokens", "image", [5, 5])
            finish(db, run, "rlvr.text@0", 2.0, rollouts=64, tokens=1000, optimizer_steps=3)
            db.execute(update(Run).where(Run.id == run).values(started_at=EPOCH - timedelta(minutes=number)))
        db.commit()
    return made


def get(api: TestClient, path: str, ids: Sequence[str], **params: Any) -> Any:
    return api.get(COMPARE + path, params={"run": list(ids), **params}).raise_for_status().json()


def test_seeds_are_taken_together_and_differences_named(api: TestClient, runs: list[str]) -> None:
    found = get(api, "", runs)
    assert [run["id"] for run in found["runs"]] == runs
    assert found["domains"] == ["text", "image"]
    assert found["policies"] == ["merged", "base", "text", "image"]
    seeds, alone = found["table"]["groups"]
    assert (seeds["runs"], seeds["seeds"], seeds["unfinished"], seeds["rollouts"], seeds["tokens"]) == (runs[:2], [0, 1], 2, 64, 1000)
    assert (alone["seeds"], alone["rollouts"]) == ([0], 0)
    base, merged, pending = found["table"]["lines"]
    assert (base["label"], base["policy"], base["cells"][0]["seeds"]) == ("tiny", "base", 2)
    cell = merged["cells"][0]
    assert cell["mean"] == pytest.approx(0.45)
    assert (cell["low"], cell["high"]) == (0.0, 1.0), "two seeds say little: 0.45 ± 12.7 × 0.05"
    assert merged["mean"]["best"]
    assert not base["mean"]["best"]
    assert pending["cells"] == [None, None]
    differing = {each["path"]: each["values"] for each in found["differences"]}
    assert differing["method"] == ["copd", "copd", "experts"]
    assert differing["seed"] == ["0", "1", "0"]
    assert [figure["name"] for figure in found["figures"]] == ["capability.text", "capability.image", "overlap", "reward"]


def test_a_figure_has_one_curve_for_each_run(api: TestClient, runs: list[str]) -> None:
    figure = get(api, "/figures/capability.text", runs)
    assert [trace["name"] for trace in figure["data"]] == ["co 0", "co &lt;b&gt;1&lt;/b&gt;"], "a name is no markup"
    assert figure["data"][0]["y"] == [0.2, 0.4]
    assert figure["data"][0]["error_y"]["array"] == pytest.approx([1.96 * 0.03] * 2)
    assert "alone has no points yet" in figure["summary"]
    assert {trace["meta"]["mode"] for trace in figure["data"]} == {"replace"}
    looks = [(trace["line"]["color"], trace["line"]["dash"]) for trace in figure["data"]]
    assert len(set(looks)) == 2
    [kept] = get(api, "/figures/capability.text", runs[1:2], place=1)["data"]
    assert (kept["line"]["color"], kept["line"]["dash"]) == looks[1], "a look stays when another run goes"


def test_reward_and_overlap_are_means_where_all_have_a_point(api: TestClient, runs: list[str]) -> None:
    reward = get(api, "/figures/reward", runs)["data"][0]
    assert (reward["x"], reward["y"]) == ([1, 2], [pytest.approx(0.2), pytest.approx(0.3)])
    one = get(api, "/figures/reward", runs, policy="text")["data"][0]
    assert one["y"] == [0.1, 0.2, 0.3]
    overlap = get(api, "/figures/overlap", runs)["data"][1]
    assert overlap["y"] == [1.0, pytest.approx(0.8)]


def test_the_mean_of_some_pairs_is_not_taken_for_that_of_all(api: TestClient, backend: Backend, runs: list[str]) -> None:
    with backend.sessions() as db:
        add_points(db, runs[2], "overlap", "text", [0.9], peer="image")
        db.commit()
    assert not any(trace.get("y") for trace in get(api, "/figures/overlap", [runs[2]])["data"])
    with backend.sessions() as db:
        add_points(db, runs[2], "overlap", "image", [0.7], peer="text")
        db.commit()
    assert [trace["y"] for trace in get(api, "/figures/overlap", [runs[2]])["data"]] == [[pytest.approx(0.8)]]


def test_axes_are_tokens_or_time_since_each_runs_start(api: TestClient, runs: list[str]) -> None:
    tokens = get(api, "/figures/reward", runs, x="tokens")
    assert tokens["data"][0]["x"] == [15, 30], "all experts' together: what it cost"
    assert tokens["layout"]["xaxis"]["title"]["text"] == "tokens generated"
    figure = get(api, "/figures/reward", runs, x="time")
    assert figure["layout"]["xaxis"]["title"]["text"] == "seconds since the start"
    assert [trace["x"] for trace in figure["data"]] == [[1, 2], [61, 62]]


def test_edits_are_marked_where_they_took_effect_on_each_runs_own_axis(api: TestClient, backend: Backend, runs: list[str]) -> None:
    with backend.sessions.begin() as db:
        db.add(Edit(run_id=runs[1], version=2, kind="value", path="w.image.text", old=1.0, value=0.3, author="ann"))
        db.add(EditBinding(run_id=runs[1], version=2, policy="image", step=2, attempt_id=1, bound_at=EPOCH + timedelta(seconds=5)))
    for x, place in (("step", 2), ("tokens", 30), ("time", 65)):
        [note] = get(api, "/figures/reward", runs, x=x)["layout"]["annotations"]
        assert (note["x"], note["hovertext"]) == (place, "co &lt;b&gt;1&lt;/b&gt;<br>weight image ← text: 1.0 → 0.3")
    assert "annotations" not in get(api, "/figures/reward", runs[:1])["layout"]


def test_a_window_shows_its_steps_and_counts_time_as_the_whole_does(api: TestClient, backend: Backend) -> None:
    with backend.sessions() as db:
        long, short = add_run(db, name="long"), add_run(db, name="short")
        add_points(db, long, "reward", "text", [0.5] * 400)
        add_points(db, short, "reward", "text", [0.5] * 3)
    figure = get(api, "/figures/reward", [long, short], policy="text", x="time", start=11, stop=20)
    assert figure["layout"]["xaxis"]["title"]["text"] == "minutes since the start"
    assert [trace["meta"]["step"] for trace in figure["data"]] == [list(range(11, 21)), []], "a run that ends before keeps its place"
    assert figure["data"][0]["meta"]["total"] == 10


def test_domains_that_only_some_have_are_said(api: TestClient, backend: Backend, runs: list[str]) -> None:
    with backend.sessions() as db:
        domains = {"audio": {"source": "reasoning_gym", "tasks": {"gcd": {}}}}
        other = add_run(db, name="other", domains=domains, experts={"audio": {"domain": "audio"}})
    assert get(api, "", [runs[0], other])["domains"] == ["text", "image", "audio"]
    figure = get(api, "/figures/capability.audio", [runs[0], other])
    assert figure["data"] == []
    assert "co 0 has no domain audio" in figure["summary"]


def test_agreement_of_each_run_by_step(api: TestClient, runs: list[str]) -> None:
    found = get(api, "/agreement", runs)
    assert found["steps"] == [1, 2]
    assert list(found["histories"]) == runs
    first = found["histories"][runs[0]]
    assert np.array(first["values"][1], dtype=float) == pytest.approx(np.array([[np.nan, 0.9], [0.9, np.nan]]), nan_ok=True)
    assert found["histories"][runs[2]]["steps"] == []


def test_a_curve_of_a_long_run_is_thinned_to_what_was_asked(api: TestClient, backend: Backend) -> None:
    with backend.sessions() as db:
        run = add_run(db)
        add_points(db, run, "reward", "text", [0.5 if step != 777 else 1.0 for step in range(3000)])
    [trace] = get(api, "/figures/reward", [run], limit=100, policy="text")["data"]
    assert len(trace["x"]) <= 100
    assert trace["meta"]["total"] == 3000
    assert max(trace["y"]) == 1.0


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({}, 422), ({"run": "nothere"}, 404), ({"run": ["x"] * 33}, 422), ({"run": "a b"}, 422), ({"run": "x", "place": [0, 1]}, 422),
        ({"run": "x", "place": 32}, 422), ({"run": "x", "place": "a"}, 422),
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["", "/figures/overlap", "/agreement"])
def test_what_cannot_be_compared_is_refused(api: TestClient, params: dict[str, Any], status: int, path: str) -> None:
    answer = api.get(COMPARE + path, params=params)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_figure_that_is_not_there_is_refused(api: TestClient, runs: list[str]) -> None:
    answer = api.get(f"{COMPARE}/figures/gap", params={"run": runs})
    assert answer.status_code == 404
    assert "capability.text" in answer.json()["detail"]
    assert get(api, "", [runs[0], runs[0]])["runs"][1:] == [], "each run once"
