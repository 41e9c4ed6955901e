"""How busy the workers' machines were: kept for a day, by PostgreSQL's clock, and told to pages and figures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from server.db.models import Attempt, Run, UsageRow
from server.queries.usage import machine_use
from server.scheduler.usage import KEPT, SAMPLE_SECONDS, UsageHistory, keep
from tests.server.api import RUNS
from tests.server.backend import Backend
from tests.server.seed import add_run, finish
from tests.server.simulation import World
from worker.bus import GpuUsage, Usage, WorkerReport

pytestmark = pytest.mark.integration
GPU = GpuUsage(utilisation=0.9, memory_used=60, memory_total=80, temperature=None)


def report(name: str, **usage: Any) -> WorkerReport:
    told = {"cpu": 0.5, "memory_used": 8, "memory_total": 16, "disk_free": 100, "process_memory": 2, **usage}
    return WorkerReport(name=name, state="idle", host="here", pid=1, started_at=0, seen_at=0, usage=Usage(**told))


def looked(backend: Backend, minutes_ago: float, *reports: WorkerReport) -> None:
    """A look at that time."""
    with backend.sessions.begin() as db:
        keep(db, reports)
        at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
        db.execute(update(UsageRow).where(UsageRow.time > datetime.now(UTC) - timedelta(seconds=30)).values(time=at))


def rows(backend: Backend) -> list[UsageRow]:
    with backend.sessions() as db:
        return list(db.scalars(select(UsageRow).order_by(UsageRow.time, UsageRow.worker)))


def test_the_scheduler_looks_every_few_seconds_and_not_at_every_tick(world: World, backend: Backend) -> None:
    """A worker's own clock, which says 1970 here, is not asked."""
    now = [0.0]
    history = UsageHistory(world.term, clock=lambda: now[0])
    for now[0] in (0.0, 1.0, SAMPLE_SECONDS - 0.1, SAMPLE_SECONDS + 0.1):
        history.look([report("w1"), report("w2", gpu=GPU)])
    found = rows(backend)
    assert [row.worker for row in found] == ["w1", "w2"] * 2
    assert found[0].time == found[1].time < found[2].time
    assert all(abs(datetime.now(UTC) - row.time) < timedelta(minutes=1) for row in found)
    assert (found[1].gpu, found[1].gpu_memory_used, found[0].gpu, found[0].process_memory) == (0.9, 60, None, 2)


def test_a_ticking_scheduler_keeps_what_its_workers_report(world: World, backend: Backend) -> None:
    world.report("w1", usage=report("w1").usage)
    world.redis.zadd("copd:workers", {"w1": 1.0})
    world.tick()
    assert [row.worker for row in rows(backend)] == ["w1"]


def test_it_is_bounded(backend: Backend) -> None:
    too_old = KEPT.total_seconds() / 60 + 1
    for minutes in (too_old, too_old + 600, 30):
        looked(backend, minutes, report("w1"))
    with backend.sessions.begin() as db:
        keep(db, [])
    assert len(rows(backend)) == 1


def test_a_worker_that_knows_nothing_of_its_machine_yet_has_no_row(backend: Backend) -> None:
    silent = report("w1").model_copy(update={"usage": None})
    looked(backend, 0, silent)
    assert rows(backend) == []


def test_a_worker_that_vanished_is_listed_with_what_it_told_last(api: TestClient, world: World, backend: Backend) -> None:
    world.report("w1")
    world.redis.zadd("copd:workers", {"w1": 1.0})
    for minutes in (50, 40):
        looked(backend, minutes, report("gone", gpu=GPU), report("w1"))
    looked(backend, 5, report("w1", cpu=1.0))
    answer = api.get("/api/v1/workers/usage").json()["workers"]
    gone, there = answer
    assert (gone["worker"], gone["is_there"], there["worker"], there["is_there"]) == ("gone", False, "w1", True)
    assert (len(gone["time"]), gone["gpu"], gone["gpu_memory"], gone["memory"]) == (2, [0.9, 0.9], [0.75, 0.75], [0.5, 0.5])
    assert (there["cpu"], there["gpu"], there["gpu_memory"]) == ([0.5, 0.5, 1.0], None, None)
    assert [len(each["time"]) for each in api.get("/api/v1/workers/usage?minutes=10").json()["workers"]] == [1]


@pytest.mark.parametrize("minutes", ["0", "1441", "x"])
def test_how_far_back_is_bounded(api: TestClient, minutes: str) -> None:
    assert api.get(f"/api/v1/workers/usage?minutes={minutes}").status_code == 422


def test_a_stretch_is_told_by_its_highest_and_of_free_disk_its_lowest(backend: Backend) -> None:
    for minutes in range(60):
        spike = minutes == 31
        looked(backend, minutes + 1, report("w1", cpu=1.0 if spike else 0.1, disk_free=1 if spike else 100))
    now = datetime.now(UTC)
    with backend.sessions() as db:
        [use] = machine_use(db, None, now - timedelta(hours=2), now, points=10)
    assert len(use.time) <= 11
    assert (max(use.cpu), min(use.disk_free), use.seconds) == (1.0, 1, 720.0)
    assert list(use.time) == sorted(use.time)


def test_a_run_shows_the_machines_it_used_while_it_was_under_way(api: TestClient, backend: Backend) -> None:
    with backend.sessions() as db:
        run = add_run(db)
        finish(db, run, "rlvr.text@0", 60.0, start=datetime.now(UTC) - timedelta(minutes=20), steps=3)
        db.execute(update(Attempt).values(seconds={"rollout": 40.0, "update": 10.0}))
        db.execute(update(Run).where(Run.id == run).values(ended_at=datetime.now(UTC) - timedelta(minutes=5)))
        db.commit()
    for minutes in (40, 15, 10, 1):
        looked(backend, minutes, report("w1"), report("stranger"))
    figure = api.get(f"{RUNS}/{run}/figures/worker_memory").json()
    assert [(trace["name"], len(trace["y"])) for trace in figure["data"]] == [("w1", 3)]  # two looks, and the gap between them
    split = api.get(f"{RUNS}/{run}/figures/time_split").json()
    assert {trace["name"]: trace["x"][0] for trace in split["data"]} == {"rollout": 40.0, "update": 10.0, "rest": 10.0}
