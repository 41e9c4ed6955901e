"""Children on a leash: restarted when killed, stopped in order, and never left behind."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from client.stack.home import Home, InstanceLock
from tests.embedded import processes_of, temporary_home

SCRIPT = Path(__file__).with_name("sleepers.py")
pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def home() -> Iterator[Home]:
    with temporary_home() as home:
        yield home


@pytest.fixture
def supervisor(home: Home) -> Iterator[subprocess.Popen[str]]:
    process = start(home)
    yield process
    if process.poll() is None:
        process.kill()
    process.wait()
    assert process.stdout
    process.stdout.close()
    wait_until_free(home)


def start(home: Home) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, str(SCRIPT), str(home.root)], stdout=subprocess.PIPE, text=True, start_new_session=True)


def next_pids(process: subprocess.Popen[str]) -> dict[str, int]:
    assert process.stdout
    line = next(line for line in process.stdout if line.startswith("PIDS"))
    return ast.literal_eval(line.removeprefix("PIDS "))


def wait_until_free(home: Home) -> None:
    """Returns when the last child is gone: each of them holds this lock."""
    import fcntl

    descriptor = os.open(home.root / "children.lock", os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    os.close(descriptor)


def test_a_killed_child_is_started_again(supervisor: subprocess.Popen[str]) -> None:
    before = next_pids(supervisor)
    os.kill(before["first"], signal.SIGKILL)
    while (after := next_pids(supervisor)).get("first", before["first"]) == before["first"]:
        pass
    assert after["second"] == before["second"]


def test_ctrl_c_stops_the_last_stage_first_and_kills_the_stubborn(supervisor: subprocess.Popen[str], home: Home) -> None:
    next_pids(supervisor)
    supervisor.send_signal(signal.SIGINT)
    said, _ = supervisor.communicate()
    assert supervisor.returncode == 0
    assert said.splitlines() == ["Stopping …", f"Stopped. Everything is kept in {home.root}"]
    ended = [(home.logs / f"{name}.log").stat().st_mtime_ns for name in ("second", "first")]
    assert ended == sorted(ended)
    assert processes_of(home) == []


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGHUP])
def test_other_stop_signals_do_the_same(supervisor: subprocess.Popen[str], home: Home, with_signal: signal.Signals) -> None:
    next_pids(supervisor)
    supervisor.send_signal(with_signal)
    assert supervisor.wait() == 0
    assert "first ended" in (home.logs / "first.log").read_text()


def test_kill_9_of_the_supervisor_leaves_no_child(supervisor: subprocess.Popen[str]) -> None:
    children = [psutil.Process(pid) for pid in next_pids(supervisor).values()]
    supervisor.kill()
    supervisor.wait()
    assert psutil.wait_procs(children, timeout=30)[1] == []


def test_the_next_start_after_kill_9_works(supervisor: subprocess.Popen[str], home: Home) -> None:
    next_pids(supervisor)
    supervisor.kill()
    again = start(home)
    assert next_pids(again)
    again.send_signal(signal.SIGINT)
    again.communicate()
    assert again.returncode == 0


def test_a_second_ctrl_c_waits_for_nobody(supervisor: subprocess.Popen[str], home: Home) -> None:
    os.kill(next_pids(supervisor)["second"], signal.SIGSTOP)  # it cannot even hear the first one
    supervisor.send_signal(signal.SIGINT)
    assert supervisor.stdout
    assert next(supervisor.stdout) == "Stopping …\n"
    supervisor.send_signal(signal.SIGINT)
    said, _ = supervisor.communicate()
    assert (supervisor.returncode, said) == (0, f"Stopped. Everything is kept in {home.root}\n")


def test_a_second_supervisor_is_refused(supervisor: subprocess.Popen[str], home: Home) -> None:
    next_pids(supervisor)
    assert home.is_running()
    second = subprocess.run([sys.executable, str(SCRIPT), str(home.root)], capture_output=True, text=True)
    assert (second.returncode, second.stdout) == (3, "already running\n")


def test_logs_are_rotated_at_each_start(home: Home) -> None:
    for _ in range(2):
        process = start(home)
        next_pids(process)
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert (home.logs / "first.log").read_text() == (home.logs / "first.log.1").read_text() == "first runs\nfirst ended\n"


def test_a_lock_is_free_again_when_its_holder_is_gone(tmp_path: Path) -> None:
    with InstanceLock(tmp_path / "lock"), pytest.raises(BlockingIOError):
        InstanceLock(tmp_path / "lock")
    InstanceLock(tmp_path / "lock").close()
