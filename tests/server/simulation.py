"""Workers that speak the bus and the store but train nothing: an optimizer step is a hash. One thread, no clock: the test decides.

A checkpoint's digest is a hash of all that made it: the digest before, the values of the step, the teachers' digests. Two runs that end
with the same digest therefore did the same work in the same order with the same values.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sqlalchemy import event, select, text, update

from copd_engine.control import Binding, ControlDocument, ValueEdit, bind, values_at
from copd_engine.events import Acknowledged, Bound, Event, Log, Points, Progress, Stored, Value
from copd_engine.job import CheckpointRecord, SegmentError, SegmentJob, SegmentResult
from copd_engine.plan import BASE, TRAINING, Kind, Ref, Segment, plan
from copd_engine.spec import RunSpec, parse_spec
from copd_engine.store import open_store
from copd_engine.structure import spec_of_round
from server.commands import create_run
from server.db.models import Attempt, Checkpoint, Edit, EditBinding, LogLine, Point, Run, SegmentRow, Series
from server.db.segments import structure_edits
from server.recorder.service import Recorder
from server.scheduler.archive import Archive
from server.scheduler.dispatch import Idle, Ready
from server.scheduler.leader import Term, lead
from server.scheduler.line import Limits, ready_segments
from server.scheduler.loop import Scheduler, SendError
from server.scheduler.sending import make_attempt
from server.scheduler.sight import Trust
from tests.server.backend import Backend
from worker import bus

BASE_DIGEST = "base"


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


@dataclass
class SimulatedAttempt:
    world: World
    worker: str
    job: SegmentJob

    def __post_init__(self) -> None:
        self.segment = self.job.segment.segment()
        self.control, self.bindings = self.job.control, list(self.job.bindings)
        self.made: list[Binding] = []
        self.checkpoints: list[CheckpointRecord] = []
        self.overlap: dict[str, float] = {}
        self.seq = 0
        self.file = self.world.store.append(f"runs/{self.job.run}/{self.job.folder}/events.jsonl")
        origin = Ref.parse(self.job.resume) if self.job.resume else self.segment.start
        self.at, self.digest = origin.step, self._digest_of(origin)
        self.world.redis.set(bus.lease_key(self.job.run, self.job.attempt), self.worker)
        self.world.report(self.worker, state="busy", run=self.job.run, attempt=self.job.attempt, segment=self.segment.key)
        self.emit(Acknowledged(version=self.control.version))

    def step(self) -> bool:
        """One optimizer step, or all of a segment that does not train. Returns whether the attempt has ended."""
        self._look()
        if self.control.stops(self.segment.kind, self.segment.policy):
            if self.segment.kind in TRAINING and self.at > self._origin_step():
                self._store(self.segment.policy, self.at, self.digest)
            self.end("stopped")
            return True
        if self.segment.kind in TRAINING:
            self._train()
            if self.at < self.segment.end.step:
                return False
        elif self.segment.kind is Kind.merge:
            digests = [self._digest_of(ref) for ref in self.segment.teachers]
            self._store("merged", self.segment.step, hash_of(digests))
        else:
            self.overlap = {ref.policy: overlap_of(self.digest, self._digest_of(ref)) for ref in self.segment.teachers}
            self.emit(Points(policy=self.segment.policy, step=self.segment.step, values=[Value(name="accuracy", value=0.5)]))
        self.end("done")
        return True

    def end(self, outcome: Literal["done", "stopped", "failed"], error: str | None = None, kind: str = "ValueError") -> None:
        """Leaves the result and says so."""
        if self not in self.world.lost:
            self.file.close()
        result = SegmentResult(
            attempt=self.job.attempt,
            outcome=outcome,
            step=self.at,
            events=self.seq,
            checkpoints=self.checkpoints,
            bindings=self.made,
            overlap=self.overlap,
            error=SegmentError(kind=kind, message=error) if error else None,
            export=f"{self.job.folder}/export" if self.segment.kind is Kind.export else None,
        )
        self.world.store.write(f"runs/{self.job.run}/{self.job.folder}/result.json", result.model_dump_json().encode())
        self.world.redis.delete(bus.lease_key(self.job.run, self.job.attempt))
        self.say_ended()

    def say_ended(self) -> None:
        self.world.report(self.worker)
        wakeup = bus.Wakeup(reason="attempt_ended", run=self.job.run, attempt=self.job.attempt, worker=self.worker)
        self.world.redis.xadd(bus.INBOX, {bus.STREAM_FIELD: wakeup.model_dump_json()})

    def emit(self, said: Event) -> None:
        self.seq += 1
        said = said.model_copy(update={"seq": self.seq})
        self.file.write(said.model_dump_json().encode() + b"\n")
        frame = bus.Frame(time=time.time(), attempt=self.job.attempt, segment=self.segment.key, event=said.model_dump(mode="json"))
        self.world.redis.xadd(bus.run_stream(self.job.run), {bus.STREAM_FIELD: frame.model_dump_json()})

    def _look(self) -> None:
        held: Any = self.world.redis.get(bus.control_key(self.job.run))
        document = ControlDocument.model_validate_json(held) if held else None
        if document is not None and document.version > self.control.version:
            self.control = document
            self.emit(Acknowledged(version=document.version))

    def _train(self) -> None:
        policy, step, teachers = self.segment.policy, self.at + 1, [ref.policy for ref in self.segment.teachers]
        for binding in bind(self.control.edits, self.bindings, kind=self.segment.kind, policy=policy, teachers=teachers, step=step):
            self.emit(Bound(**binding.model_dump()))
            self.bindings.append(binding)
            self.made.append(binding)
        values = values_at(self.job.spec, self.control.edits, self.bindings, policy=policy, teachers=teachers, step=step)
        self.digest = hash_of([self.digest, values.model_dump(), [self._digest_of(ref) for ref in self.segment.teachers]])
        self.at = step
        self.emit(Points(policy=policy, step=step, values=[Value(name="reward", value=reward_of(self.digest))]))
        self.emit(Progress(done=self.at - self.segment.step, total=self.segment.steps))
        every = self.job.spec.checkpoint.every
        if self.at == self.segment.end.step or (every and (self.at - self.segment.step) % every == 0):
            self._store(policy, self.at, self.digest)

    def _store(self, policy: str, step: int, digest: str) -> None:
        path = f"{self.job.folder}/{policy}@{step}"
        self.world.store.write(f"runs/{self.job.run}/{path}/manifest.json", json.dumps(digest).encode())
        record = CheckpointRecord(policy=policy, step=step, path=path, digest=digest, bytes=1, has_state=policy != "merged")
        self.checkpoints.append(record)
        self.emit(Stored(checkpoint=record))
        self.emit(Log(message=f"stored {policy}@{step}"))

    def _origin_step(self) -> int:
        return Ref.parse(self.job.resume).step if self.job.resume else self.segment.step

    def _digest_of(self, ref: Ref) -> str:
        if ref.policy == BASE:
            return BASE_DIGEST
        return json.loads(self.world.store.read(f"runs/{self.job.run}/{self.job.checkpoints[str(ref)]}/manifest.json"))


def hash_of(parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def overlap_of(student: str, peer: str) -> float:
    """Any number in [0, 1], but always the same of the same two."""
    return reward_of(hash_of([student, peer]))


def reward_of(digest: str) -> float:
    return int(digest[:8], 16) / 2**32


@dataclass
class Undisturbed:
    """What a run must come to: its plan carried out in order, with its edits bound where they were."""

    spec: RunSpec
    edits: list[Edit] = field(default_factory=list)
    bindings: list[Binding] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.digests: dict[Ref, str] = {Ref(BASE, 0): BASE_DIGEST}
        self.rewards: dict[tuple[str, int], float] = {}
        self.structure = structure_edits(self.edits)
        for segment in plan(self.spec, self.structure):
            if segment.kind in TRAINING:
                self._train(segment)
            elif segment.kind is Kind.merge:
                self.digests[segment.end] = hash_of([self.digests[ref] for ref in segment.teachers])

    @property
    def merged_digest(self) -> str:
        return max((ref.step, digest) for ref, digest in self.digests.items() if ref.policy == "merged")[1]

    def _train(self, segment: Segment) -> None:
        values_edits = [ValueEdit(version=e.version, path=e.path, value=e.value) for e in self.edits if e.kind == "value"]
        spec, digest = spec_of_round(self.spec, self.structure, segment.round), self.digests[segment.start]
        teachers = [ref.policy for ref in segment.teachers]
        for step in range(segment.step + 1, segment.end.step + 1):
            values = values_at(spec, values_edits, self.bindings, policy=segment.policy, teachers=teachers, step=step)
            digest = hash_of([digest, values.model_dump(), [self.digests[ref] for ref in segment.teachers]])
            self.rewards[segment.policy, step] = reward_of(digest)
        self.digests[segment.end] = digest


@contextlib.contextmanager
def world_over(backend: Backend) -> Iterator[World]:
    with lead(backend.engine, threading.Event()) as term:
        assert term
        world = World(backend, term)
        yield world
        for attempt in [*world.lost, *world.running.values()]:
            attempt.file.close()
