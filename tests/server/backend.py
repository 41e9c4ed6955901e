"""A private PostgreSQL and Valkey for tests of the server, without its processes: the app runs inside the test."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import redis
from sqlalchemy import Engine, text

from client.stack.home import Home
from client.stack.postgres import Postgres
from client.stack.process import Command
from client.stack.valkey import Valkey
from server.db.migrate import migrate
from server.db.models import Base
from server.db.session import SessionFactory, create_database_engine, session_factory
from server.settings import Settings, settings
from tests.embedded import temporary_home


@dataclass
class Backend:
    settings: Settings
    engine: Engine
    redis: redis.Redis
    valkey: ValkeyProcess

    @property
    def sessions(self) -> SessionFactory:
        return session_factory(self.engine)

    @property
    def store(self) -> Path:
        return self.settings.home / "store"

    def empty(self) -> None:
        """As after the migration: no rows, no keys, no files."""
        tables = ", ".join(table for table in Base.metadata.tables if table != "leader")
        with self.engine.begin() as connection:
            connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
        self.redis.flushall()
        for entry in self.store.iterdir():
            shutil.rmtree(entry)

    def is_empty(self) -> bool:
        """Whether nothing of a run is anywhere."""
        with self.engine.connect() as connection:
            names = [name for name in Base.metadata.tables if name not in ("leader", "tokens", "users", "login_tries", "log")]
            counts = [*(f"SELECT count(*) FROM {name}" for name in names), "SELECT count(*) FROM log WHERE run_id IS NOT NULL"]
            rows = sum(connection.execute(text(count)).scalar_one() for count in counts)
        return rows == 0 and not self.redis.keys("*") and not list(self.store.iterdir())


class ValkeyProcess:
    """Can be taken away and brought back."""

    def __init__(self, valkey: Valkey) -> None:
        self.valkey = valkey
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = start(self.valkey.command(), Path("/"))
        wait_until(self.valkey.is_ready)

    def kill(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def running_backend() -> Iterator[Backend]:
    with temporary_home() as home, contextlib.ExitStack() as stack:
        home.create()
        postgres, valkey = Postgres(home), ValkeyProcess(Valkey(home))
        postgres.initialise()
        process = start(unsafe(postgres.command()), home.root)
        stack.callback(end, process)
        valkey.start()
        stack.callback(valkey.kill)
        wait_until(postgres.is_ready)
        postgres.create_database()
        migrate(postgres.url)
        configured = configure(home, postgres.url, valkey.valkey.url)
        engine = create_database_engine(configured.database_url)
        stack.callback(engine.dispose)
        client = redis.Redis.from_url(configured.redis_url)
        stack.callback(client.close)
        yield Backend(configured, engine, client, valkey)


def configure(home: Home, database_url: str, redis_url: str) -> Settings:
    """Also for code that reads the settings itself."""
    variables = {
        "HOME": str(home.root),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "STORE_URL": home.store.as_uri(),
        "MODEL_ROOTS": "/",
        "DATA_ROOTS": "/",
        "ALLOW_HUB": "1",
    }
    os.environ.update({f"COPD_{name}": value for name, value in variables.items()})
    settings.cache_clear()
    return settings()


def unsafe(postgres: Command) -> Command:
    """A PostgreSQL that waits for no disk: nothing here outlives it. What survives its death is tested on whole stacks."""
    options = ("fsync", "synchronous_commit", "full_page_writes")
    return replace(postgres, argv=[*postgres.argv, *(word for name in options for word in ("-c", f"{name}=off"))])


def start(command: Command, folder: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, **command.environment}
    groups = None if command.user is None else []
    return subprocess.Popen(
        command.argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, env=environment,
        user=command.user, group=command.group, extra_groups=groups,
    )  # fmt: skip


def end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGQUIT)  # at once, without writing what nobody will read
    process.wait()


def wait_until(holds: Callable[[], bool]) -> None:
    """Asks again and again. pytest's time limit holds."""
    pause = threading.Event()
    while not holds():
        pause.wait(0.01)
