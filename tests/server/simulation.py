"""Scheduler, recorder and simulated workers over the bus and the store. One thread, no clock: the test decides."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import event, select, text, update

from copd_engine.control import Binding
from copd_engine.job import SegmentJob
from copd_engine.plan import Segment
from copd_engine.spec import RunSpec, parse_spec
from copd_engine.store import open_store
from server.commands import create_run
from server.db.models import Attempt, Checkpoint, Edit, EditBinding, LogLine, Point, Run, SegmentRow, Series
from server.recorder.service import Recorder
from server.scheduler.archive import Archive
from server.scheduler.dispatch import Idle, Ready
from server.scheduler.leader import Term, lead
from server.scheduler.line import Limits, ready_segments
from server.scheduler.loop import Scheduler, SendError
from server.scheduler.sending import make_attempt
from server.scheduler.sight import Trust
from tests.server.backend import Backend
from tests.server.simulated_attempt import SimulatedAttempt
from worker import bus


class Killed(BaseException):
    """kill -9 of the scheduler's process, between one statement and the next."""


def small_spec(**changes: Any) -> RunSpec:
    """Two experts, two rounds, a refresh of the teachers at each step."""
    return parse_spec(
        {
            "name": "small",
            "domains": {"digits": {"source": "digit_images"}},
            "experts": {"image": {"domain": "digits"}, "video": {"domain": "digits"}},
            "agreement": {"enabled": False},
            "rounds": 2,
            "rlvr": {"steps": 3},
            "opd": {"steps": 2},
            "checkpoint": {"every": 2},
            **changes,
        }
    )


class Believing(Trust):
    """Valkey is young in a test; its missing leases mean something all the same."""

    def seen(self, uptime: float) -> bool:
        return super().seen(uptime + bus.LEASE_SECONDS)


@dataclass
class World:
    """Scheduler, recorder and workers over a real PostgreSQL and Valkey."""

    backend: Backend
    term: Term
    limits: Limits = field(default_factory=Limits)
    refuse: set[str] = field(default_factory=set)
    """Workers to whom nothing can be sent."""
    statements_left: int | None = None

    def __post_init__(self) -> None:
        self.store = open_store(self.backend.settings.store_url)
        self.redis, self.archive = self.backend.redis, Archive(self.store)
        self.inboxes: dict[str, SegmentJob] = {}
        """Worker → the job that lies on its queue."""
        self.running: dict[str, SimulatedAttempt] = {}
        self.lost: list[SimulatedAttempt] = []
        self.restart()

    def restart(self) -> None:
        """A new scheduler and recorder, which know nothing."""
        self.scheduler = Scheduler(self.term, self.redis, self.archive, self._send, self.limits)
        self.scheduler._lookout.trust = Believing()
        self.recorder = Recorder(self.term, self.redis, self.archive, block_seconds=0.001)

    def kill_at(self, statement: int) -> None:
        """The scheduler's process is killed before it carries out the given number of further statements."""
        self.statements_left = statement

    def _count(self, connection: object = None, *_: Any) -> None:
        if self.statements_left is not None and connection is not self.term._lock:  # the term is ours through all of the test
            self.statements_left -= 1
            if self.statements_left < 0:
                self.statements_left = None
                raise Killed

    def _send(self, worker: str, job: SegmentJob) -> None:
        self._count()
        if worker in self.refuse:
            raise SendError("the broker is away")
        self.inboxes[worker] = job

    # -- what happens --------------------------------------------------------------------------------------------------

    def tick_or_die(self) -> None:
        """One look, and one read of the recorder; when they are killed meanwhile, others take over."""
        event.listen(self.backend.engine, "before_cursor_execute", self._count)
        try:
            self.tick()
            self.record()
        except Killed:
            self.restart()
        finally:
            event.remove(self.backend.engine, "before_cursor_execute", self._count)

    def tick(self) -> None:
        """One look of the scheduler at what the workers have said."""
        self.scheduler._watch.hear(self.scheduler._inbox.wait(0.001))
        self.scheduler._chores_at = 0.0
        self.scheduler.tick()

    def record(self) -> None:
        self.recorder._house_at = 0.0
        self.recorder.step()

    def add_worker(self, name: str, fingerprint: str = "cpu") -> None:
        self.report(name, fingerprint=fingerprint)

    def report(self, name: str, **changes: Any) -> None:
        now = time.time()
        report = bus.WorkerReport(name=name, state="idle", host="h", pid=1, fingerprint="cpu", started_at=now, seen_at=now)
        self.redis.set(bus.worker_key(name), report.model_copy(update=changes).model_dump_json())
        self.redis.zadd(bus.WORKERS, {name: now})

    def begin(self, worker: str) -> SimulatedAttempt:
        """The worker takes the job that was sent to it."""
        attempt = SimulatedAttempt(self, worker, self.inboxes.pop(worker))
        self.running[worker] = attempt
        return attempt

    def work(self, worker: str) -> None:
        """The worker does one piece of work: begins, takes a step, or ends."""
        if worker in self.inboxes:
            self.begin(worker)
        elif worker in self.running and self.running[worker].step():
            del self.running[worker]

    def finish(self, worker: str) -> None:
        """The worker does all of what it was sent."""
        self.work(worker)
        while worker in self.running:
            self.work(worker)

    def lose(self, worker: str, *, told: bool) -> None:
        """The worker's attempt dies without a result. told: its parent process lives and says so."""
        attempt = self.running.pop(worker)
        self.lost.append(attempt)
        self.redis.delete(bus.lease_key(attempt.job.run, attempt.job.attempt))
        if told:
            attempt.say_ended()

    def notice(self) -> None:
        """Looks until a loss has been noticed: what the lost attempt sent must be recorded before."""
        self.tick()
        self.record()
        self.tick()

    def complete(self, run: str, workers: Sequence[str]) -> None:
        """Everybody works until the run is over and recorded."""
        while self.run(run).ended_at is None:
            self.tick()
            for worker in workers:
                self.finish(worker)
            self.record()
        self.settle_recorder()

    def settle_recorder(self) -> None:
        """Records until nothing is missing. Attempts are made to have ended a while ago, so that gaps are filled at once."""
        with self.backend.sessions.begin() as session:
            session.execute(update(Attempt).where(Attempt.ended_at.is_not(None)).values(ended_at=text("ended_at - interval '10 s'")))
        pause = threading.Event()
        while self.incomplete():
            self.record()
            pause.wait(0.001)

    def forget_unclaimed(self) -> None:
        """Time passes: what was never sent, because the scheduler was killed before it could, is no longer waited for."""
        with self.backend.engine.begin() as connection:
            old = "UPDATE attempts SET sent_at = now() - interval '11 s' WHERE state = 'sent' AND NOT id = ANY(:on_their_way)"
            connection.execute(text(old), {"on_their_way": [job.attempt for job in self.inboxes.values()]})

    def ready(self) -> list[Ready]:
        with self.term.reading() as session:
            return ready_segments(session, 100)

    def attempt_at(self, item: Ready, segment: Segment) -> SegmentJob | None:
        """What the scheduler would send to a worker that found `item` ready as `segment`."""
        with self.term.transaction() as session:
            return make_attempt(session, replace(item, segment=segment), Idle("w1", "cpu", None))

    # -- what can be seen ----------------------------------------------------------------------------------------------

    def submit(self, spec: RunSpec | None = None) -> str:
        with self.backend.sessions() as session:
            return create_run(session, spec or small_spec(), "source", "ann")

    def run(self, run: str) -> Run:
        return self._all(select(Run).where(Run.id == run))[0]

    def attempts(self, run: str) -> list[Attempt]:
        return self._all(select(Attempt).where(Attempt.run_id == run).order_by(Attempt.id))

    def segment(self, run: str, key: str) -> SegmentRow:
        return self._all(select(SegmentRow).where(SegmentRow.run_id == run, SegmentRow.key == key))[0]

    def edits(self, run: str) -> list[Edit]:
        return self._all(select(Edit).where(Edit.run_id == run).order_by(Edit.version))

    def bindings(self, run: str) -> list[Binding]:
        rows = self._all(select(EditBinding).where(EditBinding.run_id == run).order_by(EditBinding.version, EditBinding.policy))
        return [Binding(version=row.version, policy=row.policy, step=row.step) for row in rows]

    def lines(self, run: str) -> list[str]:
        return [line.message for line in self._all(select(LogLine).where(LogLine.run_id == run).order_by(LogLine.id))]

    def checkpoints(self, run: str) -> list[Checkpoint]:
        return self._all(select(Checkpoint).where(Checkpoint.run_id == run).order_by(Checkpoint.policy, Checkpoint.step))

    def incomplete(self) -> list[Attempt]:
        return self._all(select(Attempt).where(Attempt.events > Attempt.recorded_seq))

    def points(self, run: str) -> dict[tuple[str, int], float | None]:
        """(policy, step) → the reward there."""
        query = select(Series.policy, Point.step, Point.value).join(Point, Point.series_id == Series.id).where(Series.run_id == run)
        with self.backend.sessions() as session:
            return {(policy, step): value for policy, step, value in session.execute(query.where(Series.name == "reward"))}

    def merged_digest(self, run: str) -> str:
        return max((c.step, c.digest) for c in self.checkpoints(run) if c.policy == "merged")[1]

    def _all(self, query: Any) -> list[Any]:
        with self.backend.sessions() as session:
            return list(session.scalars(query))


@contextlib.contextmanager
def world_over(backend: Backend) -> Iterator[World]:
    with lead(backend.engine, threading.Event()) as term:
        assert term
        world = World(backend, term)
        yield world
        for attempt in [*world.lost, *world.running.values()]:
            attempt.file.close()
