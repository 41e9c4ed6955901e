"""A whole embedded stack for tests: real PostgreSQL, Valkey, API, scheduler and workers, started by the real `copd up`."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg

from client.api import ApiError, Client
from client.stack.home import Home, InstanceLock, StackInfo
from client.stack.server import login_code

OVER = frozenset({"completed", "failed", "cancelled"})


@dataclass
class Stack:
    home: Home
    process: subprocess.Popen[str]
    client: Client
    token: str

    @property
    def info(self) -> StackInfo:
        """As it is now: `info.processes` changes when a child is started again."""
        info = self.home.read_stack()
        assert info
        return info

    @property
    def url(self) -> str:
        return self.client.url

    @property
    def environment(self) -> dict[str, str]:
        """The variables the server's processes and the workers run with."""
        return self.home.environment(self.info)

    def login_link(self, page: str = "/") -> str:
        """A fresh one-use link, as `copd open` prints it."""
        return f"{self.url}{page}#code={login_code(self.environment)}"

    def database(self) -> psycopg.Connection:
        """A connection to the stack's PostgreSQL, in autocommit mode."""
        return psycopg.connect(self.info.database_url.replace("postgresql+psycopg", "postgresql"), autocommit=True)

    def column(self, statement: str, *values: object) -> list[Any]:
        """The first of what each row has."""
        with self.database() as database:
            return [first for (first, *_) in database.execute(statement.encode(), values).fetchall()]

    def kill(self, name: str) -> int:
        """SIGKILL to one child (`api`, `scheduler`, `postgres`, `valkey`, `worker-1` …), whose pid is returned. The supervisor goes on."""
        pid = self.info.processes[name]
        os.kill(pid, signal.SIGKILL)
        return pid

    def next_line(self, containing: str) -> str:
        """Reads what the supervisor says until a line contains the words."""
        assert self.process.stdout
        for line in self.process.stdout:
            if containing in line:
                return line.strip()
        raise AssertionError(f"the supervisor ended with {self.process.wait()} before it said '{containing}'")

    def wait_for(self, run_id: str, *states: str) -> None:
        """Waits until the run is in one of the states, by default those that end it; fails when it ends in another. pytest's own time
        limit holds.

        The database is asked: whoever follows a small run through the API costs as much processor time as its training takes.
        """
        wanted = frozenset(states) or OVER
        with self.database() as database:
            while (state := self._state(database, run_id)) not in wanted:
                if state in OVER:
                    run = self.client.run(run_id)
                    raise AssertionError(f"{run.name} is {run.state}: {run.error}")
                time.sleep(0.05)

    def _state(self, database: psycopg.Connection, run_id: str) -> str:
        found = database.execute("SELECT state FROM runs WHERE id = %s", (run_id,)).fetchone()
        assert found, f"there is no run {run_id}"
        return found[0]


@contextlib.contextmanager
def temporary_home() -> Iterator[Home]:
    """A home that PostgreSQL's user can reach even when the tests run as root; pytest's own temporary folders are closed to it."""
    folder = Path(tempfile.mkdtemp(prefix="copd-test-"))
    folder.chmod(0o755)
    try:
        yield Home(folder / "home")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def running_stack(home: Home, workers: int = 2) -> Iterator[Stack]:
    """`copd up` in a process of its own, ready to use; stopped by SIGINT at the end, after which none of its processes may be alive."""
    process = start(home, workers=workers)
    try:
        lines = read_until_ready(process, home)
        assert lines
        token = home.token_file.read_text().strip()
        info = home.read_stack()
        assert info
        with Client(info.url, token) as client:
            yield Stack(home, process, client, token)
    finally:
        stop(process)
    _, alive = psutil.wait_procs(processes_of(home), timeout=30)
    assert alive == [], "processes outlived their supervisor"
    InstanceLock(home.root / "children.lock").close()  # raises when one of them still holds it


def start(
    home: Home,
    *,
    workers: int = 2,
    port: int | None = None,
    user: int | None = None,
    variables: dict[str, str] | None = None,
    python: str = sys.executable,
    options: Sequence[str] = (),
) -> subprocess.Popen[str]:
    """`copd up` as a process, by default on a free port."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith("COPD_") and name != "SSH_CONNECTION"}
    command = [python, "-P", "-m", "client", "up", "--home", str(home.root), "--workers", str(workers), "--port", str(port or free_port())]
    return subprocess.Popen(
        [*command, *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**outside, "PYTHONUNBUFFERED": "1", **(variables or {})},
        start_new_session=True,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
        cwd="/",
    )


def read_until_ready(process: subprocess.Popen[str], home: Home) -> list[str]:
    """What it said up to the link. Fails, with all logs, when it ends before."""
    assert process.stdout
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.rstrip())
        if "#code=" in line:
            return lines
    logs = [f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}" for log in sorted(home.logs.glob("*.log"))]
    raise AssertionError("\n".join([f"`copd up` ended with {process.wait()}", *lines, *logs]))


def stop(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    if process.stdout:
        process.stdout.close()


def processes_of(home: Home) -> list[psutil.Process]:
    """Every process that was started with this home in its environment or on its command line."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            words = [*process.cmdline(), process.environ().get("COPD_HOME", "")]
            if process.status() != psutil.STATUS_ZOMBIE and any(str(home.root) in word for word in words):
                found.append(process)
    return found


def eventually(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Waits until `holds`; an API that is away counts as no."""
    until = time.monotonic() + seconds
    while True:
        asked = time.monotonic()
        with contextlib.suppress(ApiError):
            if holds():
                return
        assert time.monotonic() < until, f"still not so after {seconds:.0f} s"
        time.sleep(max(0.1, 5 * (time.monotonic() - asked)))  # more often, and the asking takes the processor from what is waited for


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
