"""The server's own doctor, on a set-up that works and on each way in which it can be broken."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from server import checks
from server.checks import Check, examine
from server.db.models import Run
from tests.server.backend import Backend
from tests.server.seed import add_run
from worker.bus import STREAM_FIELD, WorkerReport, run_stream

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def by_name(found: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in found}


def report(name: str, fingerprint: str = "f", seen_at: float = NOW.timestamp()) -> WorkerReport:
    return WorkerReport(name=name, state="idle", host="h", pid=1, fingerprint=fingerprint, started_at=seen_at, seen_at=seen_at)


def test_a_set_up_without_scheduler_and_workers(backend: Backend) -> None:
    found = by_name(examine(backend.settings))
    assert {name for name, check in found.items() if check.state != "ok"} - {"page"} == {"scheduler", "workers"}
    assert found["scheduler"].state == "fail"
    assert "python -m server scheduler" in found["scheduler"].message
    assert list(backend.store.iterdir()) == [], "the probe of the store is gone"


def test_tables_of_an_older_version(backend: Backend) -> None:
    with backend.engine.connect() as connection:
        assert checks.migrations(connection, backend.settings.database_url).state == "ok"
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        check = checks.migrations(connection, backend.settings.database_url)
        connection.rollback()
    assert check.state == "fail"
    assert "python -m server migrate" in check.message


def test_a_database_and_a_redis_that_are_away(backend: Backend, tmp_path: Path) -> None:
    away = {"database_url": f"postgresql+psycopg://copd@/copd?host={tmp_path}", "redis_url": f"unix://{tmp_path}/none.sock"}
    found = by_name(examine(backend.settings.model_copy(update=away)))
    assert (found["PostgreSQL"].state, found["Redis"].state) == ("fail", "fail")
    assert "COPD_DATABASE_URL" in found["PostgreSQL"].message
    assert "COPD_REDIS_URL" in found["Redis"].message


def test_a_store_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check = checks.store_usable((tmp_path / "file" / "store").as_uri())
    assert check.state == "fail"
    assert "COPD_STORE_URL" in check.message


def test_a_redis_that_forgets(backend: Backend) -> None:
    assert checks.redis_server(backend.redis).state == "ok"
    backend.redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        assert checks.redis_server(backend.redis).state == "fail"
    finally:
        backend.redis.config_set("maxmemory-policy", "noeviction")


@pytest.mark.parametrize(
    ("reports", "states"),
    [
        ([], {"workers": "warn"}),
        ([report("a"), report("b")], {"workers": "ok", "fingerprints": "ok", "clock of worker a": "ok"}),
        ([report("a"), report("b", "other")], {"workers": "ok", "fingerprints": "warn"}),
        ([report("a"), report("b", seen_at=NOW.timestamp() + 3600)], {"clock of worker b": "fail"}),
        ([report("a", fingerprint="")], {"workers": "ok"}),
    ],
)
def test_workers(reports: list[WorkerReport], states: dict[str, str]) -> None:
    found = by_name(checks.workers(reports, NOW))
    assert {name: found[name].state for name in states} == states


def test_a_recorder_that_is_behind(backend: Backend) -> None:
    with backend.sessions() as db:
        run = add_run(db)
        assert checks.recorder(backend.engine, backend.redis) == [], "no live run"
        db.get_one(Run, run).state = "running"
        db.commit()
    backend.redis.delete(run_stream(run))
    assert [check.state for check in checks.recorder(backend.engine, backend.redis)] == ["ok"]
    long_ago = round((time.time() - 60) * 1000)
    backend.redis.xadd(run_stream(run), {STREAM_FIELD: "{}"}, id=f"{long_ago}-0")
    [check] = checks.recorder(backend.engine, backend.redis)
    assert check.state == "warn"
    assert "look at the scheduler's log" in check.message
