"""Real worker processes on a real Valkey: what they do with jobs, and what they do when something dies."""

from __future__ import annotations

import json
import os
import select
import signal
import time
from pathlib import Path

import pytest

from tests.worker.running import Valkey, Worker, wait_until
from worker import bus
from worker.app import SOCKET_SECONDS

pytestmark = pytest.mark.integration


def test_ready_worker_says_what_it_is(worker: Worker) -> None:
    report = worker.ready()
    assert worker.wakeup("worker_idle")
    assert report.pid == worker.process.pid
    assert report.child_pid
    assert "torch" in report.versions
    assert "threads 1" in report.fingerprint
    assert worker.redis.zscore(bus.WORKERS, worker.name)


def test_parent_never_imports_torch_and_child_leads_its_own_group(worker: Worker) -> None:
    report = worker.ready()
    assert report.child_pid
    assert "libtorch" not in Path(f"/proc/{report.pid}/maps").read_text()
    assert "libtorch" in Path(f"/proc/{report.child_pid}/maps").read_text()
    assert os.getpgid(report.child_pid) == report.child_pid


def test_segment_runs_and_its_events_arrive_in_order(worker: Worker) -> None:
    worker.ready()
    job = worker.send(worker.job())
    worker.wakeup("attempt_ended", job.attempt)
    assert worker.result(job)["outcome"] == "done"
    assert [frame.event for frame in worker.frames(job)] == worker.events(job)
    assert worker.redis.get(bus.lease_key(job.run, job.attempt)) is None
    report = worker.report()  # it is idle before the scheduler wakes
    assert report
    assert (report.state, report.last_policy) == ("idle", f"{job.run}/text")


def test_attempt_delivered_twice_runs_once(worker: Worker) -> None:
    worker.ready()
    first = worker.job()
    worker.send(first)
    worker.send(first)
    after = worker.send(worker.job())
    worker.wakeup("attempt_ended", after.attempt)
    assert len(worker.events(first)) == worker.result(first)["events"] == len(worker.frames(first))


def test_attempt_leased_by_another_does_not_start(worker: Worker) -> None:
    worker.ready()
    job = worker.job()
    worker.redis.set(bus.lease_key(job.run, job.attempt), "somebody-else", px=60_000)
    worker.send(job)
    after = worker.send(worker.job())
    worker.wakeup("attempt_ended", after.attempt)
    assert not worker.attempt_folder(job).exists()


def test_attempt_ordered_to_end_before_it_began_does_not_start(worker: Worker) -> None:
    worker.ready()
    job = worker.job()
    worker.redis.hset(bus.orders_key(worker.name), str(job.attempt), "term")
    worker.send(job)
    worker.wakeup("attempt_ended", job.attempt)
    assert not worker.attempt_folder(job).exists()
    assert not worker.redis.exists(bus.orders_key(worker.name))


def test_job_that_cannot_be_read_fails_with_the_reason(worker: Worker) -> None:
    worker.ready()
    job = worker.job()
    worker.send_raw({**job.model_dump(mode="json"), "colour": "blue"})
    worker.wakeup("attempt_ended", job.attempt)
    result = worker.result(job)
    assert result["outcome"] == "failed"
    assert "colour" in result["error"]["message"]


def test_running_attempt_holds_its_lease_reports_progress_and_stops_at_a_step_when_paused(worker: Worker) -> None:
    worker.ready()
    job = worker.send(worker.job(steps=100_000))
    worker.training(job)
    key = bus.lease_key(job.run, job.attempt)
    assert worker.redis.get(key) == worker.name.encode()
    left = worker.redis.pttl(key)
    wait_until(lambda: worker.redis.pttl(key) > left)  # renewed
    report = wait_until(lambda: (r := worker.report()) and r.done > 0 and r)
    assert (report.state, report.run, report.attempt, report.total) == ("busy", job.run, job.attempt, 100_000)

    worker.redis.set(bus.control_key(job.run), json.dumps({"version": 2, "desired": "pause"}))
    worker.wakeup("attempt_ended", job.attempt)
    result = worker.result(job)
    assert result["outcome"] == "stopped"
    assert [(c["step"], c["has_state"]) for c in result["checkpoints"]] == [(result["step"], True)]
    assert ("acknowledged", 2) in [(event["type"], event.get("version")) for event in worker.events(job)]


@pytest.mark.parametrize("ordered", [True, False])
def test_attempt_whose_child_is_ended_or_killed_ends_at_once_and_another_child_comes(worker: Worker, ordered: bool) -> None:
    child = worker.ready().child_pid
    assert child
    job = worker.send(worker.job(steps=100_000))
    worker.training(job)
    if ordered:
        worker.redis.hset(bus.orders_key(worker.name), str(job.attempt), "term")
    else:
        os.kill(child, signal.SIGKILL)
    worker.wakeup("attempt_ended", job.attempt)
    assert not worker.redis.exists(bus.lease_key(job.run, job.attempt), bus.orders_key(worker.name))
    assert not (worker.attempt_folder(job) / "result.json").exists()
    worker.wakeup("worker_idle")
    assert worker.ready().child_pid != child
    again = worker.send(worker.job())
    worker.wakeup("attempt_ended", again.attempt)
    assert worker.result(again)["outcome"] == "done"


def test_frozen_child_is_ended_when_it_counts_as_stalled(own_worker: Worker) -> None:
    child = own_worker.ready().child_pid
    assert child
    job = own_worker.send(own_worker.job(steps=100_000))
    own_worker.training(job)
    os.kill(child, signal.SIGSTOP)
    own_worker.wakeup("attempt_ended", job.attempt)
    assert not own_worker.redis.exists(bus.lease_key(job.run, job.attempt))


def test_training_goes_on_while_redis_is_away(worker: Worker, valkey: Valkey) -> None:
    worker.ready()
    job = worker.send(worker.job(steps=100_000))
    worker.training(job)
    valkey.kill()
    before = len(worker.events(job))
    wait_until(lambda: len(worker.events(job)) > before + 10)
    valkey.start()
    worker.redis.set(bus.control_key(job.run), json.dumps({"version": 2, "desired": "pause"}))
    worker.wakeup("attempt_ended", job.attempt)
    assert worker.result(job)["outcome"] == "stopped"
    arrived = {frame.event["seq"]: frame.event for frame in worker.frames(job) if frame.event}
    assert list(arrived.values()) == worker.events(job)  # a batch may come twice, but none is missing and none is early
    worker.redis.flushall()
    assert worker.ready()  # it registers again
    after = worker.send(worker.job())
    worker.wakeup("attempt_ended", after.attempt)
    assert worker.result(after)["outcome"] == "done"


def test_worker_from_whom_redis_is_away_just_as_its_child_begins_goes_on_reading(worker: Worker, valkey: Valkey) -> None:
    """The message has been taken and could not be acknowledged, were that asked for: Celery would only log it, and never read again."""
    child = worker.ready().child_pid
    assert child
    assert valkey.process
    os.kill(child, signal.SIGSTOP)
    worker.send(worker.job())
    wait_until(lambda: worker.redis.llen(bus.PREFIX + bus.queue_of(worker.name)) == 0)
    worker.another_report()  # by now the message has been handed to the child
    worker.another_report()
    valkey.process.send_signal(signal.SIGSTOP)
    os.kill(child, signal.SIGCONT)
    time.sleep(SOCKET_SECONDS + 1)  # no longer than this does any call wait
    valkey.process.send_signal(signal.SIGCONT)
    worker.ready()
    again = worker.send(worker.job())
    worker.wakeup("attempt_ended", again.attempt)
    assert worker.result(again)["outcome"] == "done"
    assert worker.process.poll() is None


def test_sigterm_stores_the_state_and_says_goodbye(own_worker: Worker) -> None:
    child = own_worker.ready().child_pid
    job = own_worker.send(own_worker.job(steps=100_000))
    own_worker.training(job)
    own_worker.process.send_signal(signal.SIGTERM)
    assert own_worker.process.wait() == 0
    result = own_worker.result(job)
    assert result["outcome"] == "stopped"
    assert result["checkpoints"][-1]["has_state"]
    own_worker.wakeup("attempt_ended", job.attempt)
    own_worker.wakeup("worker_gone")
    assert own_worker.report() is None
    assert own_worker.redis.zscore(bus.WORKERS, own_worker.name) is None
    assert not own_worker.redis.exists(bus.lease_key(job.run, job.attempt))
    assert not Path(f"/proc/{child}").exists()


def test_child_dies_with_its_parent(own_worker: Worker) -> None:
    child = own_worker.ready().child_pid
    assert child
    job = own_worker.send(own_worker.job(steps=100_000))
    own_worker.training(job)
    death = os.pidfd_open(child)
    own_worker.process.kill()
    wait_until(lambda: _is_over(death))
    os.close(death)


def _is_over(pidfd: int) -> bool:
    return bool(select.select([pidfd], [], [], 0)[0])
