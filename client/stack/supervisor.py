"""Starts the stack, keeps it running, and stops it: PostgreSQL and Valkey first, then the server's processes and the workers.

All of it happens in one thread; nothing that it starts outlives it, not even when it is killed with -9.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import httpx

from client.stack.home import Home, InstanceLock, StackInfo
from client.stack.ports import choose_port
from client.stack.postgres import Postgres
from client.stack.process import Child, Command, StopRequestedError, hold_signals, how_it_ended, pause, wait
from client.stack.server import server_command, worker_command
from client.stack.slots import slots
from client.stack.valkey import Valkey

START_SECONDS = 60.0
FAILURES_AT_START = 3
"""So many ends of one process before the stack is up are a fault, not bad luck."""
Say = Callable[[str], None]


class StartError(Exception):
    """The stack could not be started; the message holds the reason and the last lines of the log."""


class AlreadyRunningError(Exception):
    """Another supervisor holds this home."""


@dataclass(frozen=True)
class Options:
    host: str = "127.0.0.1"
    port: int | None = None
    """None: $COPD_PORT, else the port of the last time, else the default."""
    workers: int | None = None
    """None: one per GPU, else one per core."""
    threads: int = 1


class Supervisor:
    """One running stack. `run` does everything; it must be called in the main thread."""

    def __init__(self, home: Home, options: Options, say: Say) -> None:
        self._home = home
        self._options = options
        self._say = say
        self._stages: list[list[Child]] = []
        """In the order of starting. Stopped from the last to the first."""
        self._lock = -1
        self._info: StackInfo | None = None

    def run(self, on_ready: Callable[[StackInfo], None]) -> None:
        """Starts everything, calls `on_ready` once the API answers, and stays until a stop signal.

        Raises HomeError, AlreadyRunningError or StartError; whatever was started by then is stopped.
        """
        self._home.create()
        os.umask(0o077)
        hold_signals()
        with contextlib.ExitStack() as locks:
            try:
                self._take_locks(locks)
                self._info = self._start()
                self._publish()
                on_ready(self._info)
                self._watch()
            except StopRequestedError:
                self._say("Stopping …")
            finally:
                self._stop()

    # ---- start

    def _take_locks(self, locks: contextlib.ExitStack) -> None:
        """One supervisor per home, and no process of an earlier one alive: its children hold the second lock until they are gone."""
        with contextlib.suppress(TimeoutError):
            locks.enter_context(_lock(self._home, "supervisor.lock", seconds=0.5))
            children = locks.enter_context(_lock(self._home, "children.lock", seconds=START_SECONDS))
            self._lock = children.descriptor
            return
        raise AlreadyRunningError

    def _start(self) -> StackInfo:
        port = choose_port(self._options.host, self._options.port, self._home.read_stack())
        database_url, redis_url = self._start_storage()
        store_url = os.environ.get("COPD_STORE_URL") or self._home.store.as_uri()
        url = f"http://{'127.0.0.1' if self._options.host == '0.0.0.0' else self._options.host}:{port}"  # noqa: S104
        info = StackInfo(url, port, os.getpid(), database_url, redis_url, store_url)
        environment = self._home.environment(info) | {"COPD_HOST": self._options.host}
        self._migrate(environment)
        api = self._child(server_command("api", environment))
        scheduler = self._child(server_command("scheduler", environment))
        self._launch([api, scheduler])
        self._launch([self._child(worker_command(slot, environment)) for slot in slots(self._options.workers, self._options.threads)])
        self._until("API and scheduler", lambda: _answers(f"{url}/readyz"), [api, scheduler])
        return info

    def _start_storage(self) -> tuple[str, str]:
        """Starts PostgreSQL and Valkey unless the environment names others. Returns their URLs."""
        database_url, redis_url = os.environ.get("COPD_DATABASE_URL"), os.environ.get("COPD_REDIS_URL")
        started: list[tuple[str, Child, Postgres | Valkey]] = []
        if not database_url:
            postgres = Postgres(self._home)
            if not postgres.is_initialised:
                self._say("Creating the database folder …")
            postgres.initialise()
            started.append(("PostgreSQL", self._child(postgres.command()), postgres))
            database_url = postgres.url
        if not redis_url:
            valkey = Valkey(self._home)
            started.append(("Valkey", self._child(valkey.command()), valkey))
            redis_url = valkey.url
        for _, child, _ in started:
            self._launch([child])
        for title, child, storage in started:
            self._until(title, storage.is_ready, [child])
            if isinstance(storage, Postgres):
                storage.create_database()
        return database_url, redis_url

    def _migrate(self, environment: dict[str, str]) -> None:
        migrate = self._child(server_command("migrate", environment))
        began = time.monotonic()
        migrate.start()
        assert migrate.process
        while (code := migrate.process.poll()) is None:
            pause(0.02)
        if code:
            raise StartError(f"the database could not be migrated ({how_it_ended(code)}):\n{migrate.last_lines()}")
        self._say(f"Database is at the newest version ({time.monotonic() - began:.1f} s)")

    def _child(self, command: Command) -> Child:
        return Child(command, self._home.logs, self._home.root, self._lock)

    def _launch(self, stage: list[Child]) -> None:
        self._stages.append(stage)
        for child in stage:
            child.start()

    def _until(self, title: str, is_ready: Callable[[], bool], children: list[Child]) -> None:
        """Waits until `is_ready`. Raises StartError when a child keeps ending or the time is over."""
        began = time.monotonic()
        while not is_ready():
            self._tend()
            for child in children:
                if child.failures >= FAILURES_AT_START:
                    raise StartError(f"{child.command.name} cannot start:\n{child.last_lines()}\nThe whole log: {child.log}")
            if time.monotonic() - began > START_SECONDS:
                logs = ", ".join(str(child.log) for child in children)
                raise StartError(f"{title} did not become ready within {START_SECONDS:.0f} s. Logs: {logs}")
            pause(0.05)
        self._say(f"{title} ready ({time.monotonic() - began:.1f} s)")

    # ---- run

    def _watch(self) -> None:
        while True:
            due = [child.restart_at for child in self._children() if child.restart_at is not None]
            wait(min(due) - time.monotonic() if due else 3600)
            self._tend()

    def _tend(self) -> None:
        lines = [line for child in self._children() if (line := child.tend())]
        for line in lines:
            self._say(line)
        if lines:
            self._publish()

    def _children(self) -> list[Child]:
        return [child for stage in self._stages for child in stage]

    def _publish(self) -> None:
        """Writes where the stack is, and its processes, to stack.json."""
        if self._info:
            processes = {child.command.name: child.pid for child in self._children() if child.pid is not None}
            self._home.write_stack(replace(self._info, processes=processes))

    # ---- stop

    def _stop(self) -> None:
        """Workers first, PostgreSQL last. A second stop signal kills what is left; both stores recover at their next start."""
        impatient = False
        for stage in reversed(self._stages):
            for child in stage:
                child.ask_to_stop()
            deadline = time.monotonic() + max(child.command.stop_seconds for child in stage)
            while not all(child.has_ended() for child in stage):
                if impatient or time.monotonic() > deadline:
                    for child in stage:
                        child.kill()
                try:
                    wait(0.5)
                except StopRequestedError:
                    impatient = True
        if self._stages:
            self._say(f"Stopped. Everything is kept in {self._home.root}")


def _lock(home: Home, name: str, seconds: float) -> InstanceLock:
    """Raises TimeoutError when the lock is not free within `seconds`."""
    until = time.monotonic() + seconds
    while True:
        try:
            return InstanceLock(home.root / name)
        except BlockingIOError:
            if time.monotonic() > until:
                raise TimeoutError(name) from None
        pause(0.05)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, trust_env=False).is_success
    except httpx.TransportError:
        return False
