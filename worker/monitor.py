"""The Celery parent's second thread: reports the worker, keeps the attempt's lease, carries out orders, ends the worker.

It never imports torch and never waits for the child. What Redis does not take now it gets at the next beat.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable

import structlog
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError

from worker import bus
from worker.childwatch import ChildWatch
from worker.settings import WorkerSettings
from worker.slot import Slot
from worker.usage import UsageWatch, visible_gpu

REPORT_LIFE_SECONDS = 5
"""A worker whose report has expired is gone."""
INBOX_LENGTH = 10_000
"""About how many wake-ups are kept for a scheduler that is away."""
MAX_FAILED_LOADS = 3
DEAF_BEATS = 6
"""So many looks in a row find a message waiting for an idle worker: it no longer reads its queue."""
KILL_SECONDS = 2.0
"""How long the death of a killed child may take to notice."""

log = structlog.get_logger(__name__)


class Monitor(threading.Thread):
    """One per worker. `leave(code)` ends the process; called once, when nothing is left to do or to wait for."""

    def __init__(self, settings: WorkerSettings, slot: Slot, bell: int, redis: Redis, leave: Callable[[int], None]) -> None:
        super().__init__(name="monitor", daemon=True)
        self._settings, self._slot, self._redis, self._leave = settings, slot, redis, leave
        self._watch = ChildWatch(slot, bell)
        self._host, self._started_at = socket.gethostname(), time.time()
        self._usage = UsageWatch(settings.home, visible_gpu(), self._training_process)
        self._loads = 0
        """Children whose readiness Redis has been told of."""
        self.ended = 0
        """Attempts whose end Redis has been told of."""
        self._unheard = 0
        """Looks in a row that found a message waiting though the worker was idle."""
        self._stop_at: float | None = None
        self._redis_away = False

    def _training_process(self) -> int | None:
        child = self._watch.child
        return child.pid if child else None

    def run(self) -> None:
        self._usage.start()
        try:
            self._leave(self._serve())
        except Exception:
            log.exception("the monitor failed; a worker without it would only look alive")
            self._leave(1)

    def stop(self) -> None:
        """Lets the attempt end at its next step, then ends the process. Safe to call from a signal handler."""
        if self._stop_at is None:
            self._stop_at = time.monotonic() + self._settings.stop_seconds
            self._slot.ask_to_stop()
            self._slot.ring()

    def _serve(self) -> int:
        """Until the worker is to end; returns its exit status."""
        watch, beat_at = self._watch, 0.0
        while self._stop_at is None or (watch.busy and time.monotonic() < self._stop_at):
            news = watch.wait(beat_at)
            watch.look()
            if watch.silence > self._settings.stall_seconds:
                watch.end(signal.SIGKILL, f"no progress for {self._settings.stall_seconds:g} s")
            if watch.failed_loads >= MAX_FAILED_LOADS:
                log.error("no child could start; giving up", tries=watch.failed_loads)
                break
            if self._unheard >= DEAF_BEATS:
                log.error("messages wait and are not read; ending, for a new worker would read them")
                break
            if news or time.monotonic() >= beat_at:
                beat_at = time.monotonic() + bus.HEARTBEAT_SECONDS
                self._beat()
        if watch.busy:
            watch.end(signal.SIGKILL, f"did not stop within {self._settings.stop_seconds:g} s")
            watch.wait(time.monotonic() + KILL_SECONDS)
            watch.look()
        self._say_goodbye()
        watch.signal(signal.SIGKILL)
        return 0 if self._stop_at is not None else 1

    # -- Redis ---------------------------------------------------------------------------------------------------------

    def _beat(self) -> None:
        try:
            orders = self._exchange()
        except RedisError as error:
            if not self._redis_away:
                log.warning("Redis is away; training goes on", error=str(error))
            self._redis_away = True
            return
        if self._redis_away:
            log.info("Redis is back")
        self._redis_away = False
        child = self._watch.child
        if child and (order := orders.get(str(child.attempt).encode())):
            self._watch.end(signal.SIGKILL if order == b"kill" else signal.SIGTERM, f"ordered: {order.decode()}")

    def _exchange(self) -> dict[bytes, bytes]:
        """Tells Redis all there is to tell, in the order in which the scheduler may act on it; returns this worker's orders."""
        name, watch, child = self._settings.name, self._watch, self._watch.child
        pipe: Pipeline = self._redis.pipeline(transaction=False)
        pipe.set(bus.worker_key(name), self.report().model_dump_json(), ex=REPORT_LIFE_SECONDS)
        pipe.zadd(bus.WORKERS, {name: time.time()})
        for ended in watch.ended:
            pipe.delete(bus.lease_key(ended.run, ended.attempt))
            pipe.hdel(bus.orders_key(name), str(ended.attempt))
            _wake(pipe, bus.Wakeup(reason="attempt_ended", run=ended.run, attempt=ended.attempt, worker=name, why=ended.why))
        if watch.loads > self._loads:
            _wake(pipe, bus.Wakeup(reason="worker_idle", worker=name))
        if child and child.run and child.attempt is not None:
            pipe.set(bus.lease_key(child.run, child.attempt), name, px=round(bus.LEASE_SECONDS * 1000))
        pipe.llen(bus.PREFIX + bus.queue_of(name))
        pipe.hgetall(bus.orders_key(name))
        waiting, orders = pipe.execute()[-2:]
        self._unheard = self._unheard + 1 if waiting and child and child.state == "idle" else 0
        if child and watch.loads > self._loads:
            log.info("ready", device=child.device, threads=self._settings.worker_threads)
        self.ended += len(watch.ended)
        watch.ended, self._loads = [], watch.loads
        return orders

    @property
    def loads(self) -> int:
        """Children that became ready."""
        return self._watch.loads

    def report(self) -> bus.WorkerReport:
        """The worker about itself, as it is now."""
        settings, child = self._settings, self._watch.child
        report = bus.WorkerReport(
            name=settings.name, state="starting", host=self._host, pid=os.getpid(), threads=settings.worker_threads,
            usage=self._usage.latest, started_at=self._started_at, seen_at=time.time(),
        )  # fmt: skip
        if child:
            shared = child.model_dump(exclude={"pid", "progress_at", "ended"})
            report = report.model_copy(update={**shared, "child_pid": child.pid})
        return report if self._stop_at is None else report.model_copy(update={"state": "stopping"})

    def _say_goodbye(self) -> None:
        """So that nobody has to wait for a lease or a report to run out."""
        self._beat()
        name = self._settings.name
        pipe: Pipeline = self._redis.pipeline(transaction=False)
        pipe.delete(bus.worker_key(name), bus.orders_key(name))
        pipe.zrem(bus.WORKERS, name)
        _wake(pipe, bus.Wakeup(reason="worker_gone", worker=name))
        try:
            pipe.execute()
        except RedisError as error:
            log.warning("Redis is away; leaving without goodbye", error=str(error))


def _wake(pipe: Pipeline, wakeup: bus.Wakeup) -> None:
    entry = wakeup.model_dump_json(exclude_none=True)
    pipe.xadd(bus.INBOX, {bus.STREAM_FIELD: entry}, maxlen=INBOX_LENGTH, approximate=True)
