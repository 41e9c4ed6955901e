"""The child's line to Redis while an attempt runs: events out, control in, in one thread, so that training never waits for a network.

Events are delivered at least once and in order; a reader knows a repeated one by (attempt, seq).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import structlog
from pydantic import ValidationError
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError

from copd_engine.control import ControlDocument
from copd_engine.events import Event
from copd_engine.job import SegmentJob
from worker import bus
from worker.outbox import Outbox

LOOK_SECONDS = 0.1
"""How often the control document is read."""
RETRY_SECONDS = 0.5
BATCH, CAPACITY = 500, 20_000
FLUSH_SECONDS = 2.0
"""How long the end of a segment waits for Redis to take the last events. What it does not take is in the attempt's file."""

log = structlog.get_logger(__name__)


class Link:
    """`with Link(…) as link:` around one attempt. `on_lost` is called when it has been superseded or ordered to end."""

    def __init__(self, redis: Redis, worker: str, job: SegmentJob, on_lost: Callable[[str], None]) -> None:
        self._redis, self._worker, self._job, self._on_lost = redis, worker, job, on_lost
        self._segment = job.segment.segment().key
        self._log = log.bind(run=job.run, segment=self._segment, attempt=job.attempt)
        self._outbox = Outbox(CAPACITY)
        self._closing_at: float | None = None
        self._raw: bytes | None = None
        self._control: ControlDocument | None = None
        self._look_at = 0.0
        self._thread = threading.Thread(target=self._work, name=f"link-{job.attempt}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._outbox.changed:
            self._closing_at = time.monotonic() + FLUSH_SECONDS
            self._outbox.changed.notify_all()
        self._thread.join()
        if left := len(self._outbox):
            self._log.warning("Redis did not take the last events; they are in the attempt's file", events=left)

    def emit(self, event: Event) -> None:
        frame = bus.Frame(time=time.time(), attempt=self._job.attempt, segment=self._segment, event=event.model_dump(mode="json"))
        self._outbox.put(frame.model_dump_json(exclude_defaults=True).encode())

    def read_control(self) -> ControlDocument | None:
        """The newest document that was seen; None until there is one."""
        return self._control

    # -- the thread ----------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        away = False
        while not self._finished():
            batch = self._outbox.take(BATCH)
            looks = time.monotonic() >= self._look_at
            try:
                self._exchange(batch, looks)
            except RedisError as error:
                self._outbox.failed()
                if not away:
                    self._log.warning("Redis is away; training goes on", error=str(error))
                away = True
                self._rest_from_failure()
                continue
            if away:
                self._log.info("Redis is back")
            away = False
            self._outbox.sent()
            self._rest()

    def _finished(self) -> bool:
        with self._outbox.changed:
            if self._closing_at is None:
                return False
            return not len(self._outbox) or time.monotonic() > self._closing_at

    def _rest(self) -> None:
        """Waits for something to send, the time of the next look, or the end of the attempt."""
        with self._outbox.changed:
            seconds = max(0.0, self._look_at - time.monotonic())
            self._outbox.changed.wait_for(lambda: self._closing_at is not None or len(self._outbox) > 0, seconds)

    def _rest_from_failure(self) -> None:
        """Waits until Redis may be back; an attempt that ends cuts the wait short, but its own flush waits between tries too."""
        with self._outbox.changed:
            if self._closing_at is None:
                self._outbox.changed.wait_for(lambda: self._closing_at is not None, RETRY_SECONDS)
            else:
                self._outbox.changed.wait(RETRY_SECONDS / 5)

    def _exchange(self, batch: list[bytes], looks: bool) -> None:
        pipe: Pipeline = self._redis.pipeline(transaction=False)
        stream = bus.run_stream(self._job.run)
        for frame in batch:
            pipe.xadd(stream, {bus.STREAM_FIELD: frame}, maxlen=bus.STREAM_LENGTH, approximate=True)
        if looks:
            pipe.get(bus.control_key(self._job.run))
            pipe.get(bus.lease_key(self._job.run, self._job.attempt))
            pipe.hget(bus.orders_key(self._worker), str(self._job.attempt))
        replies = pipe.execute() if batch or looks else []
        if looks:
            self._look_at = time.monotonic() + LOOK_SECONDS
            self._see(*replies[len(batch) :])

    def _see(self, control: bytes | None, holder: bytes | None, order: bytes | None) -> None:
        if control is not None and control != self._raw:
            self._raw = control
            try:
                self._control = ControlDocument.model_validate_json(control)
            except ValidationError as error:
                self._log.error("cannot read the control document; going on with the last one", error=str(error))
        if holder is not None and holder.decode() != self._worker:
            self._on_lost(f"its lease is held by {holder.decode()}")
        if order is not None:
            self._on_lost(f"ordered to end ({order.decode()})")
