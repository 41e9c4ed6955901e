"""The child's line to Redis, on a real Valkey."""

from __future__ import annotations

import json
import queue
from typing import Any

import pytest
from redis import Redis

from copd_engine.events import Log
from copd_engine.job import SegmentData, SegmentJob
from copd_engine.plan import plan
from tests.worker.running import Valkey, mini_spec, wait_until
from worker import bus, link
from worker.connection import connect
from worker.link import Link

pytestmark = pytest.mark.integration


@pytest.fixture
def redis(valkey: Valkey) -> Redis:
    client = connect(valkey.url)
    client.flushall()
    return client


@pytest.fixture
def job() -> SegmentJob:
    spec = mini_spec()
    return SegmentJob(run="r", attempt=5, spec=spec, segment=SegmentData.of(plan(spec)[0]))


def messages(redis: Redis, job: SegmentJob) -> list[str]:
    entries: Any = redis.xrange(bus.run_stream(job.run))
    frames = [bus.Frame.model_validate_json(fields[bus.STREAM_FIELD.encode()]) for _, fields in entries]
    assert {(frame.attempt, frame.segment) for frame in frames} == {(5, job.segment.segment().key)}
    return [frame.event["message"] for frame in frames if frame.event]


def never(reason: str) -> None:
    raise AssertionError(reason)


def test_all_events_are_out_when_the_attempt_ends(redis: Redis, job: SegmentJob) -> None:
    with Link(redis, "w", job, never) as line:
        for number in range(2000):
            line.emit(Log(seq=number, message=str(number)))
    assert messages(redis, job) == [str(number) for number in range(2000)]


def test_control_document_is_seen_and_a_broken_or_missing_one_changes_nothing(redis: Redis, job: SegmentJob) -> None:
    with Link(redis, "w", job, never) as line:
        assert line.read_control() is None
        redis.set(bus.control_key(job.run), json.dumps({"version": 3, "desired": "pause"}))
        first = wait_until(line.read_control)
        redis.set(bus.control_key(job.run), "not JSON")
        redis.set(bus.control_key(job.run), json.dumps({"version": 4}))
        wait_until(lambda: line.read_control() != first)
        redis.delete(bus.control_key(job.run))
        document = line.read_control()
    assert document
    assert document.version == 4


@pytest.mark.parametrize("sign", ["another holder", "an order"])
def test_superseded_attempt_is_told(redis: Redis, job: SegmentJob, sign: str) -> None:
    reasons: queue.Queue[str] = queue.Queue()
    redis.set(bus.lease_key(job.run, job.attempt), "w" if sign == "an order" else "other")
    if sign == "an order":
        redis.hset(bus.orders_key("w"), str(job.attempt), "term")
    with Link(redis, "w", job, reasons.put):
        assert ("term" if sign == "an order" else "other") in reasons.get()


def test_end_of_an_attempt_waits_for_an_absent_redis_only_so_long(valkey: Valkey, job: SegmentJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "FLUSH_SECONDS", 0.2)
    absent = connect(valkey.url + ".gone")
    with Link(absent, "w", job, never) as line:
        line.emit(Log(message="lost, but in the attempt's file"))
        assert line.read_control() is None


def test_events_of_an_outage_arrive_after_it(valkey: Valkey, redis: Redis, job: SegmentJob) -> None:
    with Link(redis, "w", job, never) as line:
        line.emit(Log(message="before"))
        wait_until(lambda: messages(redis, job) if redis.exists(bus.run_stream(job.run)) else [])
        valkey.kill()
        line.emit(Log(message="during"))
        valkey.start()
        line.emit(Log(message="after"))
        wait_until(lambda: messages(redis, job)[-1] == "after")
    assert messages(redis, job) == ["before", "during", "after"]


def test_a_stream_that_nobody_reads_stays_bounded(redis: Redis, job: SegmentJob, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest entries are kept; the others are in the attempt's file."""
    monkeypatch.setattr(bus, "STREAM_LENGTH", 300)
    with Link(redis, "w", job, never) as line:
        for number in range(3000):
            line.emit(Log(seq=number, message=str(number)))
    kept = messages(redis, job)
    assert 300 <= len(kept) < 500, "Redis removes whole blocks of entries"
    assert kept == [str(number) for number in range(3000 - len(kept), 3000)]
