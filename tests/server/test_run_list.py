"""Lists of runs: every order is a total one, whatever is equal, so that no page shows a run twice and none is left out."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from copd_engine.events import Points, Value
from server.commands import Fork, edit_controls, fork
from server.db.models import Attempt, Run, SegmentRow
from server.queries.run_list import URGENCY, RunSort
from tests.server.api import RUNS
from tests.server.backend import Backend
from tests.server.seed import add_points, add_run, finish
from tests.server.simulation import World, small_spec
from worker import bus

pytestmark = pytest.mark.integration
START = datetime(2026, 3, 1, tzinfo=UTC)
COUNT = 25


def seeded(backend: Backend, seed: int) -> None:
    """Runs of which many are equal in whatever they are sorted by, and some have no number."""
    draw = random.Random(seed)
    with backend.sessions() as db:
        for number in range(COUNT):
            run = add_run(db, name=f"run {number}", rounds=1)
            started = draw.choice([None, START, START + timedelta(hours=1)])
            values: dict[str, Any] = {
                "name": draw.choice(["a", "B", "c", "ä"]),
                "state": draw.choice(list(URGENCY)).value,
                "created_at": START + timedelta(days=draw.randrange(3)),
                "started_at": started,
                "ended_at": started and draw.choice([None, started + timedelta(minutes=5), started + timedelta(minutes=7)]),
                "capability": draw.choice([None, 0.1 + 0.2, 0.3, 0.5]),
                "trained": draw.choice([0.0, 1 / 3, 1.0]),
            }
            db.execute(update(Run).where(Run.id == run).values(values))
        db.commit()


def pages(api: TestClient, limit: int, **params: Any) -> Iterator[list[dict[str, Any]]]:
    after = ""
    while after is not None:
        answer = api.get(RUNS, params={"limit": limit, "after": after, **params}).raise_for_status().json()
        assert answer["total"] == COUNT
        yield answer["runs"]
        after = answer["next"]


def key(run: dict[str, Any], sort: str, trained: dict[str, float]) -> Any:
    """What a run is sorted by, as its page shows it."""
    if sort == "state":
        return [state.value for state in URGENCY].index(run["state"])
    if sort == "progress":
        return trained[run["id"]]
    if sort == "accuracy":
        return run["capability"]
    if sort == "duration":
        if run["started_at"] is None:
            return None
        end = datetime.fromisoformat(run["ended_at"]) if run["ended_at"] else datetime(2100, 1, 1, tzinfo=UTC)
        return end - datetime.fromisoformat(run["started_at"])
    return run["name"].lower() if sort == "name" else run["created_at"]


def test_no_run_is_shown_twice_or_left_out_whatever_is_equal(api: TestClient, backend: Backend) -> None:
    seeded(backend, seed=7)
    with backend.sessions() as db:
        trained = dict(db.execute(select(Run.id, Run.trained)).all())
    for sort in RunSort:
        for descending in (True, False):
            _check_order(api, sort, trained, descending=descending)


def _check_order(api: TestClient, sort: RunSort, trained: dict[str, float], *, descending: bool) -> None:
    params = {"sort": sort.value, "descending": descending}
    everything = next(pages(api, COUNT, **params))
    assert {run["id"] for run in everything} == trained.keys()
    for limit in (1, 7) if sort is RunSort.accuracy else (7,):
        assert [run["id"] for page in pages(api, limit, **params) for run in page] == [run["id"] for run in everything]
    for offset in (13, COUNT - 1, COUNT + 5):
        part = api.get(RUNS, params={**params, "limit": 5, "offset": offset}).json()["runs"]
        assert [run["id"] for run in part] == [run["id"] for run in everything[offset : offset + 5]]

    keys = [key(run, sort, trained) for run in everything]
    numbers = [each for each in keys if each is not None]
    assert keys == [*numbers, *[None] * (COUNT - len(numbers))], "those without a number stand at the end"
    if sort is not RunSort.by_name:  # the alphabet is the database's
        assert numbers == sorted(numbers, reverse=descending)
    for one, other in itertools.pairwise(everything):
        if key(one, sort, trained) == key(other, sort, trained):
            assert (one["id"] > other["id"]) == descending


def test_filters_are_all_held_and_a_run_is_found_by_the_beginning_of_its_id(api: TestClient, backend: Backend) -> None:
    with backend.sessions() as db:
        mine = add_run(db, name="One 100%", tags=["a", "b"])
        other = add_run(db, name="Two", tags=["a"], method="experts")
    for params, expected in (
        ({"q": "one"}, [mine]), ({"q": "0%"}, [mine]), ({"q": "_"}, []), ({"q": mine[:5]}, [mine]), ({"q": mine[1:5]}, []),
        ({"method": "experts"}, [other]), ({"method": ["experts", "copd"]}, [other, mine]), ({"tag": ["a", "b"]}, [mine]),
        ({"state": ["queued", "running"], "tag": "a"}, [other, mine]), ({"state": "running"}, []),
    ):  # fmt: skip
        assert [run["id"] for run in api.get(RUNS, params=params).json()["runs"]] == expected, params
    assert api.get(f"{RUNS}/tags").json()["tags"] == [{"tag": "a", "runs": 2}, {"tag": "b", "runs": 1}]


def test_a_trend_is_the_mean_of_the_domains_where_all_were_evaluated(api: TestClient, backend: Backend) -> None:
    with backend.sessions() as db:
        run = add_run(db)
        add_points(db, run, "capability", "merged", [i / 100 for i in range(40)], domain="text")
        add_points(db, run, "capability", "merged", [i / 50 for i in range(39)], domain="image")
        add_points(db, run, "capability", "text", [0.9] * 40, domain="text")
    shown = api.get(f"{RUNS}/{run}").json()
    assert shown["trend"] == pytest.approx([1.5 * i / 100 for i in range(8, 39)])
    assert shown["capability"] == pytest.approx((0.38 + 0.76) / 2), "of the newest step at which all were"


def test_what_is_sorted_by_follows_what_a_run_does(world: World) -> None:
    """From the submission to the end, with an edit of its length in between."""
    run = world.submit(small_spec(rounds=2))
    world.add_worker("w1")
    longer = False
    while world.run(run).ended_at is None:
        world.tick()
        world.finish("w1")
        world.record()
        if world.run(run).trained > 0.2 and not longer:
            with world.backend.sessions() as db:
                edit_controls(db, run, {"rounds": 3}, "ann", world.run(run).control_version)
            longer = True
            told(world, run, {"digits": 0.25, "letters": 0.75}, step=5)
            told(world, run, {"digits": 0.5}, step=10)
        assert world.run(run).trained == pytest.approx(trained_by_segments(world, run))
    assert longer
    assert world.run(run).trained == 1.0
    world.settle_recorder()
    assert world.run(run).capability == pytest.approx((0.25 + 0.75) / 2), "of the newest step at which every domain was evaluated"
    with world.backend.sessions() as db:
        child = fork(db, world.store, run, Fork(1, {}), "ann")
    assert 0 < world.run(child).trained < 1
    assert world.run(child).trained == pytest.approx(trained_by_segments(world, child))


def told(world: World, run: str, accuracies: dict[str, float], *, step: int) -> None:
    """A worker says how the merged model does."""
    with world.backend.sessions() as db:
        attempt = db.scalars(select(Attempt.id).where(Attempt.run_id == run).limit(1)).one()
    values = [Value(name="capability", domain=domain, value=value) for domain, value in accuracies.items()]
    event = Points(seq=1000 + step, policy="merged", step=step, values=values)
    frame = bus.Frame(time=time.time(), attempt=attempt, segment="evaluate", event=event.model_dump(mode="json"))
    world.redis.xadd(bus.run_stream(run), {bus.STREAM_FIELD: frame.model_dump_json(exclude_defaults=True)})
    world.record()


def trained_by_segments(world: World, run: str) -> float:
    with world.backend.sessions() as db:
        rows = [row for row in db.scalars(select(SegmentRow).where(SegmentRow.run_id == run)) if row.kind in ("rlvr", "opd")]
    return sum(row.steps for row in rows if row.state == "done") / sum(row.steps for row in rows)


def test_tags_of_many_runs_change_at_once_each_for_itself(api: TestClient, backend: Backend) -> None:
    with backend.sessions() as db:
        first, full = add_run(db, tags=["old", "kept"]), add_run(db, tags=[f"t{i}" for i in range(32)])
    body = {"runs": [first, "nothere", full, first], "add": ["new", "kept"], "remove": ["old"]}
    results = api.post(f"{RUNS}/tags", json=body).raise_for_status().json()["results"]
    assert [(each["run"], each["state"], bool(each["error"])) for each in results] == [
        (first, "queued", False), ("nothere", None, True), (full, None, True),
    ]  # fmt: skip
    assert "at most 32 tags" in results[2]["error"]
    assert api.get(f"{RUNS}/{first}").json()["tags"] == ["kept", "new"]
    assert len(api.get(f"{RUNS}/{full}").json()["tags"]) == 32
    assert api.get(f"{RUNS}/{first}/log").json()["entries"][-1]["message"] == "changed its tags"


def test_a_finished_segment_counts(backend: Backend) -> None:
    with backend.sessions() as db:
        run = add_run(db, rounds=1)
        finish(db, run, "rlvr.text@0", 2.0)
        assert db.scalar(select(Attempt.state).where(Attempt.run_id == run)) == "done"
        assert db.scalar(select(Run.trained).where(Run.id == run)) == pytest.approx(3 / 10)
