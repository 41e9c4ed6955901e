"""The monitor on a real Valkey, with a child that is only a process id in the slot."""

from __future__ import annotations

import queue
import signal
import subprocess
from pathlib import Path

import pytest

from tests.worker.running import Valkey, wait_until
from worker import bus
from worker.connection import connect
from worker.monitor import MAX_FAILED_LOADS, Monitor
from worker.settings import WorkerSettings
from worker.slot import ChildState, Slot

pytestmark = pytest.mark.integration


def test_worker_whose_children_never_start_gives_up(valkey: Valkey, tmp_path: Path) -> None:
    settings = WorkerSettings(redis_url=valkey.url, store_url=tmp_path.as_uri(), worker_name="hopeless", home=tmp_path)
    slot, redis = Slot(tmp_path, "hopeless"), connect(valkey.url)
    statuses: queue.Queue[int] = queue.Queue()
    monitor = Monitor(settings, slot, slot.take(), redis, leave=statuses.put)
    monitor.start()
    wait_until(lambda: redis.exists(bus.worker_key("hopeless")))
    for _ in range(MAX_FAILED_LOADS):
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
            slot.write(ChildState(pid=child.pid), ring=True)
            wait_until(lambda pid=child.pid: _reported_child(redis.get(bus.worker_key("hopeless"))) == pid)
            child.kill()
    assert statuses.get() == 1
    monitor.join()
    assert not redis.exists(bus.worker_key("hopeless"))


def test_idle_worker_that_reads_no_messages_ends(valkey: Valkey, tmp_path: Path) -> None:
    """So that whoever starts it again has one that does; the message itself is void by then."""
    settings = WorkerSettings(redis_url=valkey.url, store_url=tmp_path.as_uri(), worker_name="deaf", home=tmp_path)
    slot, redis = Slot(tmp_path, "deaf"), connect(valkey.url)
    statuses: queue.Queue[int] = queue.Queue()
    monitor = Monitor(settings, slot, slot.take(), redis, leave=statuses.put)
    redis.lpush(bus.PREFIX + bus.queue_of("deaf"), "a message")
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, start_new_session=True) as child:
        slot.write(ChildState(pid=child.pid, state="busy"), ring=True)
        monitor.start()
        wait_until(lambda: monitor.loads)
        assert monitor._unheard == 0, "a busy worker reads none, and need not"
        slot.write(ChildState(pid=child.pid, state="idle"), ring=True)
        assert statuses.get() == 1
        monitor.join()
        assert child.wait() == -signal.SIGKILL
    assert not redis.exists(bus.worker_key("deaf"))


def _reported_child(raw: object) -> int | None:
    return bus.WorkerReport.model_validate_json(raw).child_pid if isinstance(raw, bytes) else None
