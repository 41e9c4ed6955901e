"""Workers that are coroutines: they report, take messages from their queues, hold leases, send events and leave results as real ones do.

Instead of training they sleep. What they say and where is `worker.bus`'s; what they leave in the store is what the engine leaves,
without the weights.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
import time
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis

from copd_engine.events import EVENT, Acknowledged, Event, Points, Progress, Stored, Value
from copd_engine.job import CheckpointRecord, SegmentJob, SegmentResult
from copd_engine.plan import TRAINING, Kind
from copd_engine.store import Store
from worker import bus

FINGERPRINT = "simulated"
REPORT_LIFE_SECONDS = 5
WORKERS_PER_HOST = 8
"""Workers whose reports go out together: they are alike, and a process for each would measure this machine and not the scheduler."""


class Fleet:
    """All workers, in one event loop. `seconds`: how long a segment takes, on average; may be changed meanwhile."""

    def __init__(self, url: str, store: Store, count: int) -> None:
        self.seconds = 0.0
        self.gaps: list[float] = []
        """Seconds from an attempt's end to the same worker's next message, in the order in which the messages came."""
        self.received = 0
        """Messages that came."""
        self._changed = asyncio.Condition()
        self._redis = Redis.from_url(url, max_connections=10_000, socket_timeout=None)
        self._store = store
        self._workers = [SimulatedWorker(self, f"simulated-{number}") for number in range(count)]

    async def work(self) -> None:
        """Works until it is cancelled."""
        hosts = [self._workers[start : start + WORKERS_PER_HOST] for start in range(0, len(self._workers), WORKERS_PER_HOST)]
        try:
            async with asyncio.TaskGroup() as tasks:
                for host in hosts:
                    tasks.create_task(self._keep_alive(host))
                for worker in self._workers:
                    tasks.create_task(worker.serve(self._redis, self._store))
        finally:
            await self._redis.aclose()

    async def until(self, received: int) -> None:
        """Waits until so many messages have come."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.received >= received)

    async def count(self) -> None:
        """One more message has come."""
        async with self._changed:
            self.received += 1
            self._changed.notify_all()

    def wait_seconds(self) -> float:
        """How long the next segment takes: between half and one and a half times the average."""
        return self.seconds * (0.5 + random.random())

    async def _keep_alive(self, workers: Sequence[SimulatedWorker]) -> None:
        await asyncio.sleep(random.random() * bus.HEARTBEAT_SECONDS)
        while True:
            pipe = self._redis.pipeline(transaction=False)
            for worker in workers:
                worker.beat(pipe)
            await pipe.execute()
            await asyncio.sleep(bus.HEARTBEAT_SECONDS)


class SimulatedWorker:
    def __init__(self, fleet: Fleet, name: str) -> None:
        self.name = name
        self._fleet = fleet
        now = time.time()
        self._report = bus.WorkerReport(
            name=name, state="idle", host="simulated", pid=1, fingerprint=FINGERPRINT, started_at=now, seen_at=now
        )

    def beat(self, pipe: Any) -> None:
        """What a worker's parent tells Redis each second."""
        report = self._report
        pipe.set(bus.worker_key(self.name), report.model_copy(update={"seen_at": time.time()}).model_dump_json(), ex=REPORT_LIFE_SECONDS)
        pipe.zadd(bus.WORKERS, {self.name: time.time()})
        if report.run and report.attempt is not None:
            pipe.set(bus.lease_key(report.run, report.attempt), self.name, px=round(bus.LEASE_SECONDS * 1000))
        pipe.hgetall(bus.orders_key(self.name))

    async def serve(self, redis: Redis, store: Store) -> None:
        """Carries out one message after the other."""
        queue, idle_since = bus.PREFIX + bus.queue_of(self.name), 0.0
        while True:
            answer: Any = await redis.brpop([queue])
            if idle_since:
                self._fleet.gaps.append(time.perf_counter() - idle_since)
            await self._fleet.count()
            await self._carry_out(redis, store, job_of(answer[1]))
            idle_since = time.perf_counter()

    async def _carry_out(self, redis: Redis, store: Store, job: SegmentJob) -> None:
        segment = job.segment.segment()
        self._report = self._report.model_copy(update={"state": "busy", "run": job.run, "attempt": job.attempt, "segment": segment.key})
        pipe = redis.pipeline(transaction=False)
        self.beat(pipe)
        await pipe.execute()
        await asyncio.sleep(self._fleet.wait_seconds())
        events = numbered(events_of(job))
        pipe = redis.pipeline(transaction=False)
        for event in events:
            frame = bus.Frame(time=time.time(), attempt=job.attempt, segment=segment.key, event=event.model_dump(mode="json"))
            pipe.xadd(bus.run_stream(job.run), {bus.STREAM_FIELD: frame.model_dump_json(exclude_defaults=True)})
        leave_result(store, job, events)
        ended = bus.Wakeup(reason="attempt_ended", run=job.run, attempt=job.attempt, worker=self.name)
        last = f"{job.run}/{segment.policy}" if segment.kind in TRAINING else self._report.last_policy
        self._report = self._report.model_copy(update={"state": "idle", "run": None, "attempt": None, "segment": None, "last_policy": last})
        self.beat(pipe)
        pipe.delete(bus.lease_key(job.run, job.attempt))
        pipe.xadd(bus.INBOX, {bus.STREAM_FIELD: ended.model_dump_json(exclude_none=True)}, maxlen=10_000, approximate=True)
        await pipe.execute()


def job_of(message: bytes) -> SegmentJob:
    """The job in a Celery message."""
    arguments, _, _ = json.loads(base64.b64decode(json.loads(message)["body"]))
    return SegmentJob.model_validate(arguments[0])


def events_of(job: SegmentJob) -> list[Event]:
    """What an attempt tells: a point and its progress at each step, and what it stored."""
    segment = job.segment.segment()
    told: list[Event] = [Acknowledged(version=job.control.version)]
    if segment.kind in TRAINING:
        for step in range(segment.step + 1, segment.end.step + 1):
            told.append(Points(policy=segment.policy, step=step, values=[Value(name="reward", value=random.random())]))
            told.append(Progress(done=step - segment.step, total=segment.steps))
    elif segment.kind is not Kind.merge:
        told.append(Points(policy=segment.policy, step=segment.step, values=[Value(name="accuracy", value=random.random())]))
    return [*told, *(Stored(checkpoint=record) for record in checkpoints_of(job))]


def checkpoints_of(job: SegmentJob) -> list[CheckpointRecord]:
    segment = job.segment.segment()
    if segment.kind not in (*TRAINING, Kind.merge):
        return []
    path, digest = f"{job.folder}/{segment.end.policy}@{segment.end.step}", random.randbytes(32).hex()
    has_state = segment.kind in TRAINING
    return [CheckpointRecord(policy=segment.end.policy, step=segment.end.step, path=path, digest=digest, bytes=1, has_state=has_state)]


def numbered(events: Sequence[Event]) -> list[Event]:
    return [event.model_copy(update={"seq": number}) for number, event in enumerate(events, start=1)]


def leave_result(store: Store, job: SegmentJob, events: Sequence[Event]) -> None:
    """The attempt's files, the result last."""
    folder, segment = f"runs/{job.run}/{job.folder}", job.segment.segment()
    records = [event.checkpoint for event in events if isinstance(event, Stored)]
    store.write(f"{folder}/events.jsonl", b"".join(EVENT.dump_json(event) + b"\n" for event in events))
    result = SegmentResult(attempt=job.attempt, outcome="done", step=segment.end.step, events=len(events), checkpoints=records)
    store.write(f"{folder}/result.json", result.model_dump_json().encode())
