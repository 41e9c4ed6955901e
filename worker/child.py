"""The child: a fresh interpreter with torch in it that carries out one segment after another. It alone imports the engine."""

from __future__ import annotations

import ctypes
import importlib.metadata
import os
import signal
import time
from typing import Any, Final

import structlog
from pydantic import ValidationError
from redis.exceptions import RedisError

from copd_engine.control import ControlDocument
from copd_engine.events import Event, Progress
from copd_engine.job import SegmentError, SegmentJob, SegmentResult
from copd_engine.plan import TRAINING
from worker import bus
from worker.connection import connect
from worker.link import Link
from worker.log import configure
from worker.settings import WorkerSettings
from worker.slot import ChildState, EndedAttempt, Slot

PR_SET_PDEATHSIG: Final = 1
PROGRESS_SECONDS: Final = 0.25
"""How often the slot's state is rewritten for progress alone."""
REPORTED_VERSIONS: Final = ("torch", "transformers", "copd")

log = structlog.get_logger(__name__)


class Child:
    def __init__(self) -> None:
        lead_own_group(parent=int(os.environ["COPD_WORKER_PARENT"]))
        self.settings = WorkerSettings()  # pyright: ignore[reportCallIssue]  # the fields come from the environment
        configure(as_json=self.settings.log_json)
        self.slot = Slot(self.settings.home, self.settings.name)
        self.state = ChildState(pid=os.getpid(), progress_at=time.monotonic())
        self.slot.write(self.state, ring=True)
        self.redis = connect(self.settings.redis_url)

    def load(self) -> None:
        """Imports torch and the engine, which takes seconds, and reports idle."""
        import torch

        from copd_engine.cache import PolicyCache
        from copd_engine.fingerprint import fingerprint, make_deterministic
        from copd_engine.segment import run_segment
        from copd_engine.store import open_store

        make_deterministic(self.settings.worker_threads)
        if self.settings.device.startswith("cuda") and not torch.cuda.is_available():
            raise RuntimeError(f"COPD_DEVICE={self.settings.device}: torch sees no GPU here")
        self._run_segment = run_segment
        self._store = open_store(self.settings.store_url)
        self._cache = PolicyCache()
        self._report(
            state="idle",
            device=torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
            fingerprint=fingerprint(self.settings.worker_threads),
            versions={name: importlib.metadata.version(name) for name in REPORTED_VERSIONS},
        )

    def run(self, data: dict[str, Any]) -> None:
        """One message: an attempt at a segment. Raises nothing; how it ended is in the store, that it ended is in the slot."""
        # billiard would turn SIGTERM into an exception inside the segment; an attempt that is ordered to end simply dies.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        try:
            job = SegmentJob.model_validate(data)
        except ValidationError as error:
            self._refuse(data, error)
            return
        with structlog.contextvars.bound_contextvars(
            run=job.run, policy=job.segment.policy, segment=job.segment.segment().key, attempt=job.attempt
        ):
            if self._claim(job):
                self._carry_out(job)

    # -- one attempt ---------------------------------------------------------------------------------------------------

    def _claim(self, job: SegmentJob) -> bool:
        """Takes the attempt's lease, unless the attempt runs or ran already or has been ordered to end before it began."""
        if self._store.exists(f"runs/{job.run}/{job.folder}/events.jsonl"):
            log.warning("attempt has been run before; not running it again")
            return False
        try:
            if self.redis.hexists(bus.orders_key(self.settings.name), str(job.attempt)):
                log.info("attempt was ordered to end before it began")
                self._report(ended=EndedAttempt(run=job.run, attempt=job.attempt))
                return False
            key = bus.lease_key(job.run, job.attempt)
            if not self.redis.set(key, self.settings.name, nx=True, px=round(bus.LEASE_SECONDS * 1000)):
                log.warning("attempt is leased already; not running it again")
                return False
        except RedisError as error:  # the parent takes the lease when Redis is back; nobody is judged before
            log.warning("Redis is away; starting all the same", error=str(error))
        return True

    def _carry_out(self, job: SegmentJob) -> None:
        self._report(
            state="busy", run=job.run, attempt=job.attempt, segment=job.segment.segment().key,
            done=0, total=job.segment.steps, progress_at=time.monotonic(),
        )  # fmt: skip
        result = self._attempted(job)
        if job.segment.kind in TRAINING:
            self.state = self.state.model_copy(update={"last_policy": f"{job.run}/{job.segment.policy}"})
        sound = self.state.device == "cpu" or result is None or result.outcome != "failed"
        self._report(
            state="idle" if sound else "loading", run=None, attempt=None, segment=None, done=0, total=0,
            ended=EndedAttempt(run=job.run, attempt=job.attempt),
        )  # fmt: skip
        if not sound:
            os._exit(1)  # after some CUDA errors every later call fails too; the next segment gets a new process

    def _attempted(self, job: SegmentJob) -> SegmentResult | None:
        """Runs the segment; None where it left no result."""
        began = time.monotonic()
        try:
            with Link(self.redis, self.settings.name, job, on_lost=die) as link:
                result = self._run_segment(job, self._store, self._reader(link), self._emitter(link), self._progress, self._cache)
        except FileExistsError as error:
            log.warning("attempt has been run before; not running it again", error=str(error))
            return None
        except Exception:  # the store may be out of reach: without a result the scheduler sends the segment again
            log.exception("attempt ended without a result")
            return None
        told = {"seconds": round(time.monotonic() - began, 3)}
        if result.error:
            log.error(result.outcome, reason=result.error.message, **told)
        else:
            log.info(result.outcome, **told)
        return result

    def _reader(self, link: Link) -> Any:
        from copd_engine.attempt import StopWanted

        def read_control() -> ControlDocument | None:
            if self.slot.stop_wanted():
                raise StopWanted
            return link.read_control()

        return read_control

    def _emitter(self, link: Link) -> Any:
        def emit(event: Event) -> None:
            if isinstance(event, Progress):
                self.state = self.state.model_copy(update={"done": event.done, "total": event.total})
            link.emit(event)

        return emit

    def _progress(self) -> None:
        """Called for every token and micro-batch: almost always only a look at the clock."""
        now = time.monotonic()
        if now - self.state.progress_at >= PROGRESS_SECONDS:
            self.state = self.state.model_copy(update={"progress_at": now})
            self.slot.write(self.state, ring=False)

    # -- reports -------------------------------------------------------------------------------------------------------

    def _report(self, **changes: Any) -> None:
        self.state = self.state.model_copy(update=changes)
        self.slot.write(self.state, ring=True)

    def _refuse(self, data: dict[str, Any], error: ValidationError) -> None:
        """A job this version of the engine cannot read fails with a reason, if it says at least whose it is."""
        log.error("cannot read the job", error=str(error))
        run, attempt = data.get("run"), data.get("attempt")
        if not (isinstance(run, str) and isinstance(attempt, int)):
            return
        reason = SegmentError(kind="ValidationError", message=f"the worker cannot read this job: {error}", data=dict(self.state.versions))
        result = SegmentResult(attempt=attempt, outcome="failed", step=0, events=0, error=reason)
        self._store.write(f"runs/{run}/attempts/{attempt}/result.json", result.model_dump_json(indent=1).encode())
        self._report(ended=EndedAttempt(run=run, attempt=attempt))


def lead_own_group(parent: int) -> None:
    """Makes this process the head of its own group, so that it can be ended with all it starts, and lets it die with its parent."""
    os.setpgid(0, 0)
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # the parent died before the line above
        os._exit(1)


def die(reason: str) -> None:
    """Ends this process and all it started, at once: the attempt no longer counts. The parent notices and reports."""
    log.warning("attempt is superseded", reason=reason)
    os.killpg(0, signal.SIGKILL)
