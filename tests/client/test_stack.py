"""The embedded stack as a whole, on real processes: it starts, is found, survives kill -9 of any part, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from client.api import ApiError, Client
from client.stack.home import Home, InstanceLock
from tests.embedded import Stack, eventually, processes_of, read_until_ready, start, stop, temporary_home

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]
PARTS = ["api", "scheduler", "valkey", "postgres", "worker-1"]


def copd(home: Home, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The real command, against this home."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COPD_")} | {"COPD_HOME": str(home.root)}
    return subprocess.run([sys.executable, "-P", "-m", "client", *arguments], capture_output=True, text=True, env=environment, cwd="/")


def test_every_part_runs_under_the_supervisor(stack: Stack) -> None:
    assert set(stack.info.processes) == {"postgres", "valkey", "api", "scheduler", "worker-1", "worker-2"}
    assert {psutil.Process(pid).ppid() for pid in stack.info.processes.values()} == {stack.process.pid}


def test_postgres_and_valkey_listen_on_no_port(stack: Stack) -> None:
    for name in ("postgres", "valkey"):
        assert [c for c in psutil.Process(stack.info.processes[name]).net_connections("inet") if c.status == psutil.CONN_LISTEN] == []


def test_the_api_listens_on_loopback_only(stack: Stack) -> None:
    connections = psutil.Process(stack.info.processes["api"]).net_connections("inet")
    assert {c.laddr.ip for c in connections if c.status == psutil.CONN_LISTEN} == {"127.0.0.1"}


def test_the_login_link_works_once(stack: Stack) -> None:
    code = stack.login_link().partition("#code=")[2]
    headers = {"Origin": stack.url}
    first, second = (httpx.post(f"{stack.url}/api/v1/session", json={"code": code}, headers=headers) for _ in range(2))
    assert first.is_success
    assert "HttpOnly" in first.headers["set-cookie"]
    assert second.status_code in (401, 403)


def test_without_a_token_nothing_is_answered(stack: Stack) -> None:
    with Client(stack.url, "wrong") as stranger, pytest.raises(ApiError) as refused:
        stranger.runs()
    assert refused.value.status == 401


def test_the_command_finds_the_stack_by_its_home(stack: Stack) -> None:
    assert copd(stack.home, "list", "--json").returncode == 0
    opened = copd(stack.home, "open")
    assert f"{stack.url}/#code=" in opened.stdout


def test_a_second_stack_in_the_same_home_is_refused_and_the_first_named(stack: Stack) -> None:
    second = copd(stack.home, "up")
    assert second.returncode == 1
    assert f"already running in {stack.home.root}, at {stack.url}" in second.stdout
    assert stack.client.is_ready()


@pytest.mark.parametrize("name", PARTS)
def test_a_part_killed_with_9_comes_back(stack: Stack, name: str) -> None:
    others = {part: pid for part, pid in stack.info.processes.items() if part != name}
    killed = stack.kill(name)
    stack.next_line(f"{name} is started again")
    eventually(lambda: stack.info.processes.get(name) not in (None, killed))
    eventually(stack.client.is_ready)
    eventually(lambda: {worker.state for worker in stack.client.workers().workers} <= {"idle", "busy"})
    assert {part: pid for part, pid in stack.info.processes.items() if part != name} == others


def bind_quietly(listener: socket.socket) -> int:
    """Binds it where the next port stays free too: not among those that the system gives to outgoing connections."""
    for port in range(18_000 + os.getpid() % 10_000, 32_000):
        with contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port
    raise AssertionError("every port is taken")


def test_everything_dies_with_the_supervisor_and_the_next_start_finds_all_again() -> None:
    """But its port, which is taken now: it moves on. A stop signal ends it quietly."""
    with temporary_home() as home, socket.socket() as other:
        process = start(home, workers=1)
        read_until_ready(process, home)
        before = home.read_stack()
        assert before
        family = processes_of(home)
        process.kill()
        assert psutil.wait_procs(family, timeout=60)[1] == []
        InstanceLock(home.root / "children.lock").close()
        stop(process)

        token = home.token_file.read_text()
        taken = bind_quietly(other)
        other.listen()
        again = start(home, workers=0, port=taken)
        try:
            read_until_ready(again, home)
            info = home.read_stack()
            assert info
            assert info.port > taken
            assert home.token_file.read_text() == token
            with Client(info.url, token.strip()) as client:
                assert client.runs().runs == []
            again.send_signal(signal.SIGTERM)
            rest, _ = again.communicate()
            assert again.returncode == 0
            assert rest.splitlines()[-2:] == ["Stopping …", f"Stopped. Everything is kept in {home.root}"]
            assert "Traceback" not in rest
        finally:
            stop(again)
        assert processes_of(home) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="the stack of an ordinary user is what all other tests use then")
def test_an_ordinary_user_needs_no_rights() -> None:
    nobody = pwd.getpwnam("nobody")
    python = _python_for(nobody)
    with temporary_home() as home:
        home.root.parent.chmod(0o777)
        packages = os.pathsep.join(path for path in sys.path if path)
        variables = {"PYTHONPATH": packages, "HOME": str(home.root.parent), "PYTHONDONTWRITEBYTECODE": "1"}
        process = start(home, workers=0, user=nobody.pw_uid, variables=variables, python=python)
        try:
            read_until_ready(process, home)
            assert {p.uids().real for p in processes_of(home)} == {nobody.pw_uid}
        finally:
            stop(process)
        assert home.stack_file.stat().st_uid == nobody.pw_uid


def _python_for(user: pwd.struct_passwd) -> str:
    """A Python of this version that the user can run; root's own may lie in a closed folder."""
    for python in (sys.executable, shutil.which(f"python3.{sys.version_info.minor}", path="/usr/bin:/usr/local/bin")):
        if python and Path(python).exists():
            try:
                subprocess.run([python, "-c", ""], user=user.pw_uid, group=user.pw_gid, extra_groups=[], check=True, cwd="/")
            except (OSError, subprocess.CalledProcessError):
                continue
            return python
    pytest.skip("no Python that an ordinary user of this machine can run")
