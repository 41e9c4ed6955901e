"""The child: a fresh interpreter with torch in it that carries out one segment after another. It alone imports the engine."""

from __future__ import annotations

import importlib.metadata
import os
import signal
import time
from typing import Any, Final

import structlog
import torch
from pydantic import ValidationError
from redis.exceptions import RedisError

from copd_engine.attempt import EVENTS, RESULT, StopWanted
from copd_engine.cache import PolicyCache
from copd_engine.control import ControlDocument
from copd_engine.events import Event, Progress
from copd_engine.fingerprint import fingerprint, make_deterministic
from copd_engine.job import SegmentError, SegmentJob, SegmentResult
from copd_engine.plan import TRAINING
from copd_engine.segment import run_segment
from copd_engine.store import open_store
from worker import bus
from worker.connection import connect
from worker.link import Link
from worker.selfreport import SelfReport
from worker.settings import WorkerSettings
from worker.slot import EndedAttempt, Slot

WHY_LENGTH: Final = 1000
REPORTED_VERSIONS: Final = ("torch", "transformers", "copd")

log = structlog.get_logger(__name__)


class Child:
    """Reports idle once it exists. Raises RuntimeError when the device it is to use is not there."""

    def __init__(self, settings: WorkerSettings, slot: Slot, report: SelfReport) -> None:
        self._worker, self._slot, self._report = settings.name, slot, report
        self._redis = connect(settings.redis_url)
        self._store = open_store(settings.store_url)
        self._cache = PolicyCache(reach=settings.reach)
        make_deterministic(settings.worker_threads)
        if settings.device.startswith("cuda") and not torch.cuda.is_available():
            raise RuntimeError(f"COPD_DEVICE={settings.device}: torch sees no GPU here")
        report.tell(
            state="idle",
            device=torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
            fingerprint=fingerprint(settings.worker_threads),
            versions={name: importlib.metadata.version(name) for name in REPORTED_VERSIONS},
        )

    def run(self, data: dict[str, Any]) -> None:
        """One message: an attempt at a segment. How it ended is in the store, that it ended is in the slot."""
        try:
            job = SegmentJob.model_validate(data)
        except ValidationError as error:
            self._refuse(data, error)
            return
        segment = job.segment.segment().key
        with structlog.contextvars.bound_contextvars(run=job.run, policy=job.segment.policy, segment=segment, attempt=job.attempt):
            if self._claim(job):
                self._carry_out(job, segment)

    def _claim(self, job: SegmentJob) -> bool:
        """Takes the attempt's lease, unless the attempt runs or ran already or has been ordered to end before it began."""
        if self._store.exists(f"runs/{job.run}/{job.folder}/{EVENTS}"):
            log.warning("attempt has been run before; not running it again")
            return False
        try:
            if self._redis.hexists(bus.orders_key(self._worker), str(job.attempt)):
                log.info("attempt was ordered to end before it began")
                self._report.tell(ended=EndedAttempt(run=job.run, attempt=job.attempt))
                return False
            lease = bus.lease_key(job.run, job.attempt)
            if not self._redis.set(lease, self._worker, nx=True, px=round(bus.LEASE_SECONDS * 1000)):
                log.warning("attempt is leased already; not running it again")
                return False
        except RedisError as error:  # the parent takes the lease when Redis is back; nobody is judged before
            log.warning("Redis is away; starting all the same", error=str(error))
        return True

    def _carry_out(self, job: SegmentJob, segment: str) -> None:
        self._report.tell(
            state="busy", run=job.run, attempt=job.attempt, segment=segment, done=0, total=job.segment.steps, progress_at=time.monotonic()
        )
        result, why = self._attempted(job)
        if job.segment.kind in TRAINING:
            self._report.note(last_policy=f"{job.run}/{job.segment.policy}")
        # after some CUDA errors every later call fails too: the next segment gets a new process
        spoilt = result is not None and result.outcome == "failed" and torch.cuda.is_available()
        self._report.tell(
            state="loading" if spoilt else "idle", run=None, attempt=None, segment=None, done=0, total=0,
            ended=EndedAttempt(run=job.run, attempt=job.attempt, why=why),
        )  # fmt: skip
        if spoilt:
            os._exit(1)

    def _attempted(self, job: SegmentJob) -> tuple[SegmentResult | None, str]:
        """Runs the segment. Where it left no result: None, and why."""
        began = time.monotonic()

        def read_control() -> ControlDocument | None:
            if self._slot.stop_wanted():
                raise StopWanted
            return link.read_control()

        def emit(event: Event) -> None:
            if isinstance(event, Progress):
                self._report.note(done=event.done, total=event.total)
            link.emit(event)

        try:
            with Link(self._redis, self._worker, job, on_lost=die) as link:
                result = run_segment(job, self._store, read_control, emit, self._report.progress, self._cache)
        except FileExistsError as error:
            log.warning("attempt has been run before; not running it again", error=str(error))
            return None, ""
        except Exception as error:  # the store may be full or out of reach: without a result the scheduler sends the segment again
            log.exception("attempt ended without a result")
            return None, f"{type(error).__name__}: {error}"[:WHY_LENGTH]
        seconds = round(time.monotonic() - began, 3)
        if result.error:
            log.error(result.outcome, seconds=seconds, reason=result.error.message)
        else:
            log.info(result.outcome, seconds=seconds)
        return result, ""

    def _refuse(self, data: dict[str, Any], error: ValidationError) -> None:
        """A job this version of the engine cannot read fails with a reason, if it says at least whose it is."""
        log.error("cannot read the job", error=str(error))
        run, attempt = data.get("run"), data.get("attempt")
        if isinstance(run, str) and isinstance(attempt, int):
            versions = dict(self._report.state.versions)
            reason = SegmentError(kind="ValidationError", message=f"the worker cannot read this job: {error}", data=versions)
            result = SegmentResult(attempt=attempt, outcome="failed", step=0, events=0, error=reason)
            self._store.write(f"runs/{run}/attempts/{attempt}/{RESULT}", result.model_dump_json(indent=1).encode())
            self._report.tell(ended=EndedAttempt(run=run, attempt=attempt))


def die(reason: str) -> None:
    """Ends this process and all it started, at once: its attempt no longer counts. The parent notices and reports."""
    log.warning("the attempt is over", reason=reason)
    os.killpg(0, signal.SIGKILL)
