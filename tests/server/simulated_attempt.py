"""A worker that trains nothing: an optimizer step is a hash.

A checkpoint's digest is a hash of all that made it: the digest before, the values of the step, the teachers' digests. Two runs that end
with the same digest therefore did the same work in the same order with the same values.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from copd_engine.control import Binding, ControlDocument, bind, values_at
from copd_engine.events import Acknowledged, Bound, Event, Log, Points, Progress, Stored, Value
from copd_engine.job import CheckpointRecord, SegmentError, SegmentJob, SegmentResult
from copd_engine.plan import BASE, TRAINING, Kind, Ref
from worker import bus

if TYPE_CHECKING:
    from tests.server.simulation import World

BASE_DIGEST = "base"


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
