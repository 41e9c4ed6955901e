"""A run is deleted with everything of it, and with nothing of any other."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, text

from server.commands import delete_run, request_export
from server.db.models import Base, Deletion, LogLine, Point, Run
from server.recorder.writer import PositionMovedError
from server.scheduler.retention import AFTERMATH_SECONDS
from tests.server.api import RUNS, submit
from tests.server.simulation import Killed, World
from worker.bus import control_key, run_stream

pytestmark = pytest.mark.integration
AT_WORK = ("w1", "w2")


@pytest.fixture
def over(world: World) -> str:
    """A run that is over and recorded."""
    run = world.submit()
    world.complete(run, AT_WORK)
    world.tick()
    return run


def rows(world: World) -> dict[str, int]:
    """Rows of all runs by table."""
    with world.backend.sessions() as db:
        counts = {table.name: db.scalars(select(func.count()).select_from(table)).one() for table in Base.metadata.sorted_tables}
        counts["log"] = db.scalars(select(func.count()).where(LogLine.run_id.is_not(None))).one()
    others = ("leader", "users", "tokens", "login_tries", "deletions")
    return {name: count for name, count in counts.items() if count and name not in others}


def folder(world: World, run: str) -> Path:
    return world.backend.store / "runs" / run


def test_everything_of_it_goes_and_nothing_of_another(world: World, over: str, api: TestClient) -> None:
    (world.backend.store / "cache").mkdir()
    other = submit(api)
    before, all_rows = rows(world), rows(world)
    mine = api.delete(f"{RUNS}/{over}?dry_run=true").json()
    assert mine["dry_run"] is True
    assert mine["bytes"] == sum(path.stat().st_size for path in folder(world, over).rglob("*") if path.is_file()) > 0
    assert {"runs", "segments", "attempts", "checkpoints", "series", "points", "log"} <= mine["rows"].keys()
    assert rows(world) == before
    assert api.delete(f"{RUNS}/{over}").json() == {**mine, "dry_run": False}
    assert api.get(f"{RUNS}/{over}").status_code == 404
    assert rows(world) == {name: left for name, count in all_rows.items() if (left := count - mine["rows"].get(name, 0))}
    assert api.get(f"{RUNS}/{other}").status_code == 200
    assert api.delete(f"{RUNS}/{over}").status_code == 404
    world.tick()
    assert not folder(world, over).exists()
    assert (world.backend.store / "cache").exists()
    assert not world.redis.exists(run_stream(over), control_key(over))
    [line] = [line for line in api.get("/api/v1/audit").json()["entries"] if "deleted the run" in line["message"]]
    assert (line["actor"], line["message"]) == ("ann", f"deleted the run 'small' ({over})")


def test_one_that_is_not_over_is_refused(world: World, over: str, api: TestClient) -> None:
    queued = submit(api)
    for query in ("", "?dry_run=true"):
        refused = api.delete(f"{RUNS}/{queued}{query}")
        assert (refused.status_code, refused.json()["detail"]) == (409, "a run that is queued cannot be deleted; cancel it first")
    api.post(f"{RUNS}/{queued}/cancel")
    with world.backend.sessions() as session:
        request_export(session, over, "merged", None, "ann")
    world.tick()
    assert "still busy with this run" in api.delete(f"{RUNS}/{over}").json()["detail"]
    assert api.delete(f"{RUNS}/{queued}").status_code == 200


def killed(*_: object, **__: object) -> None:
    raise Killed


def test_killed_before_its_commit_the_run_is_whole(world: World, over: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = rows(world)
    monkeypatch.setattr("server.commands.deletion.log", killed)
    with world.backend.sessions() as session, pytest.raises(Killed):
        delete_run(session, over, "ann", 0)
    world.tick()
    assert rows(world) == before
    assert folder(world, over).exists()


def test_killed_between_two_files_the_rest_goes_too(world: World, over: str, api: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    api.delete(f"{RUNS}/{over}")
    with monkeypatch.context() as patch:
        patch.setattr("copd_engine.store.shutil.rmtree", killed)
        with pytest.raises(Killed):
            world.tick()
    world.restart()
    world.tick()
    assert list((world.backend.store / "runs").iterdir()) == []


def test_what_a_cut_off_worker_writes_later_goes_too(world: World, over: str, api: TestClient) -> None:
    api.delete(f"{RUNS}/{over}")
    world.tick()
    world.store.write(f"runs/{over}/attempts/99/result.json", b"{}")
    world.tick()
    assert folder(world, over).exists(), "not looked at again yet"
    with world.backend.engine.begin() as connection:
        connection.execute(text(f"UPDATE deletions SET cleared_at = now() - interval '{AFTERMATH_SECONDS + 1} s'"))
    world.tick()
    assert not folder(world, over).exists()
    with world.backend.sessions() as db:
        assert db.scalars(select(func.count()).select_from(Deletion)).one() == 0


def test_the_recorder_leaves_no_point_of_a_deleted_run(world: World, api: TestClient) -> None:
    """It had read a batch of the run when the run was deleted."""
    run = world.submit()
    world.tick()
    world.work("w1")
    world.work("w1")
    world.recorder._house_at = 0.0
    world.recorder._keep_house()
    with world.backend.engine.begin() as connection:
        connection.execute(text("UPDATE attempts SET state = 'lost'"))
        connection.execute(text("UPDATE runs SET state = 'failed', ended_at = now()"))
    assert api.delete(f"{RUNS}/{run}").status_code == 200
    with pytest.raises(PositionMovedError):
        world.recorder._store(run, world.redis.xrange(run_stream(run)))  # pyright: ignore[reportArgumentType]
    with world.backend.sessions() as db:
        assert db.scalars(select(func.count()).select_from(Point)).one() == db.scalars(select(func.count()).select_from(Run)).one() == 0
