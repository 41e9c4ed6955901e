"""What can be wrong with a set-up, seen from the server's side: `python -m server doctor` prints it, `copd doctor` shows it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Literal

import redis
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from pydantic import BaseModel
from sqlalchemy import Connection, Engine, select, text
from sqlalchemy.exc import SQLAlchemyError

from copd_engine.store import open_store
from server.api.page import static_folder
from server.db.migrate import migration_config
from server.db.models import Leader
from server.db.session import create_database_engine, session_factory
from server.notices import redis_client
from server.queries.lag import recorder_lag
from server.queries.system import worker_reports
from server.scheduler.leader import is_led
from server.settings import Settings
from worker.bus import WorkerReport

REDIS_SECONDS = 2.0
CLOCK_WARNING, CLOCK_FAILURE = 1.0, 10.0
"""Seconds by which two clocks may differ: times in the log then look odd, and leases then look old."""
LAG_WARNING, LAG_FAILURE = 10.0, 120.0
"""Seconds the recorder may be behind. The stream keeps a few minutes."""


class Check(BaseModel):
    """One line: what was looked at, how it is, and in one sentence what was seen or what to do."""

    name: str
    state: Literal["ok", "warn", "fail"]
    message: str


def examine(settings: Settings) -> list[Check]:
    """All checks. What cannot be looked at, because a part it needs is away, is left out: that part's own line says so."""
    checks = [page_built(), store_usable(settings.store_url)]
    with _engine(settings) as engine:
        return [*checks, *_of_postgres(engine, settings.database_url), *_of_redis(engine, settings.redis_url)]


def _of_postgres(engine: Engine, url: str) -> list[Check]:
    try:
        with engine.connect() as connection:
            time_there = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
            clock = _clock("PostgreSQL", time_there, datetime.now(UTC))
            return [database(connection), migrations(connection, url), scheduler(connection), *clock]
    except SQLAlchemyError as error:
        return [_fail("PostgreSQL", f"cannot be used ({_first_line(error)}); start it, or correct COPD_DATABASE_URL")]


def _of_redis(engine: Engine, url: str) -> list[Check]:
    client = redis_client(url, timeout=REDIS_SECONDS)
    try:
        clock = _clock("Redis", _redis_time(client), datetime.now(UTC))
        found = workers(worker_reports(client), datetime.now(UTC))
        return [redis_server(client), *clock, *found, *recorder(engine, client)]
    except redis.RedisError as error:
        return [_fail("Redis", f"cannot be used ({_first_line(error)}); start it, or correct COPD_REDIS_URL")]
    finally:
        client.close()


def page_built() -> Check:
    if (static_folder() / "index.html").is_file():
        return _ok("page", "is built")
    return _warn("page", "is not built, the API works without it; `make setup` builds it")


def store_usable(url: str) -> Check:
    """Writes, reads and deletes a small object."""
    try:
        store = open_store(url)
        name = f"doctor-{time.time_ns()}"
        store.write(name, b"copd")
        alike = store.read(name) == b"copd"
        store.delete(name)
    except (OSError, ImportError, ValueError) as error:
        return _fail("checkpoint store", f"{url} cannot be written ({_first_line(error)}); correct COPD_STORE_URL or its rights")
    return _ok("checkpoint store", f"{url} can be written") if alike else _fail("checkpoint store", f"{url} gives back other bytes")


def database(connection: Connection) -> Check:
    return _ok("PostgreSQL", f"version {connection.execute(text('SHOW server_version')).scalar_one()} answers")


def migrations(connection: Connection, url: str) -> Check:
    head = ScriptDirectory.from_config(migration_config(url)).get_current_head()
    current = MigrationContext.configure(connection).get_current_revision()
    if current == head:
        return _ok("tables", f"are at revision {current}, the newest")
    return _fail("tables", f"are at revision {current or 'none'}, this version needs {head}; run `python -m server migrate`")


def scheduler(connection: Connection) -> Check:
    try:
        with session_factory(connection.engine)() as db:
            if not is_led(db):
                return _fail("scheduler", "none leads, so no run goes on; start `copd up` or `python -m server scheduler`")
            leader = db.execute(select(Leader.holder, Leader.since)).one()
    except SQLAlchemyError as error:
        return _fail("scheduler", f"cannot be looked for: {_first_line(error)}")
    return _ok("scheduler", f"{leader.holder} leads since {leader.since:%Y-%m-%d %H:%M:%S} UTC")


def redis_server(client: redis.Redis) -> Check:
    info: Any = client.info()
    if info["maxmemory_policy"] != "noeviction":
        return _fail("Redis", f"maxmemory-policy is {info['maxmemory_policy']}, which drops work silently; set it to noeviction")
    if not info["aof_enabled"]:
        return _warn("Redis", "keeps nothing over a restart; set appendonly yes, so that messages survive one")
    return _ok("Redis", f"version {info.get('valkey_version') or info['redis_version']} answers and keeps its data")


def workers(reports: list[WorkerReport], now: datetime) -> list[Check]:
    """Whether there are any, whether they would give equal bits, and whether their clocks are right."""
    if not reports:
        return [_warn("workers", "none is alive, so no run goes on; start `copd workers` or `python -m worker`")]
    loaded = {report.fingerprint for report in reports if report.fingerprint}
    checks = [_ok("workers", f"{len(reports)} alive: {', '.join(f'{report.name} {report.state}' for report in reports[:8])}")]
    if len(loaded) > 1:
        checks.append(_warn("fingerprints", f"the workers are of {len(loaded)} kinds; a run stays with the kind it began on"))
    elif loaded:
        checks.append(_ok("fingerprints", "all workers are of one kind, so any can go on with any run"))
    skew = max(reports, key=lambda report: abs(now.timestamp() - report.seen_at))
    return checks + _clock(f"worker {skew.name}", datetime.fromtimestamp(skew.seen_at, UTC), now, slack=2.0)


def recorder(engine: Engine, client: redis.Redis) -> list[Check]:
    """How old the oldest event is that was sent and is not stored; nothing without PostgreSQL or a live run."""
    try:
        with session_factory(engine)() as db:
            lag = recorder_lag(db, client)
    except SQLAlchemyError:
        return []
    if lag.seconds < LAG_WARNING:
        return [_ok("recorder", f"{lag.seconds:.1f} s behind")] if lag.runs else []
    make = _fail if lag.seconds >= LAG_FAILURE else _warn
    return [make("recorder", f"{lag.seconds:.0f} s behind; look at the scheduler's log, and whether PostgreSQL's disk is busy or full")]


def _clock(whose: str, theirs: datetime, ours: datetime, slack: float = 0.0) -> list[Check]:
    difference = abs((theirs - ours).total_seconds())
    if difference < CLOCK_WARNING + slack:
        return [_ok(f"clock of {whose}", "agrees with this machine's")]
    make = _fail if difference >= CLOCK_FAILURE else _warn
    return [make(f"clock of {whose}", f"differs from this machine's by {difference:.1f} s; set both by NTP")]


def _redis_time(client: redis.Redis) -> datetime:
    seconds, micros = client.time()
    return datetime.fromtimestamp(seconds + micros / 1e6, UTC)


@contextmanager
def _engine(settings: Settings) -> Iterator[Engine]:
    engine = create_database_engine(settings.database_url)
    try:
        yield engine
    finally:
        engine.dispose()


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _make(state: Literal["ok", "warn", "fail"]) -> Callable[[str, str], Check]:
    return lambda name, message: Check(name=name, state=state, message=message)


_ok, _warn, _fail = _make("ok"), _make("warn"), _make("fail")
