"""What every kind of segment has at hand while it runs: its events, the control document, checkpoints, policies and domains."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from torch import Tensor

from copd_engine.cache import PolicyCache
from copd_engine.checkpoint import opened, publish
from copd_engine.clock import Clock
from copd_engine.control import ControlDocument
from copd_engine.domains import Domain
from copd_engine.events import Acknowledged, Event, Log, Points, Progress, Stored, Value
from copd_engine.expert import Expert
from copd_engine.job import CheckpointRecord, SegmentJob
from copd_engine.plan import BASE, MERGED, Ref
from copd_engine.policy import Policy
from copd_engine.recompute import recompute_layers
from copd_engine.store import Store

ReadControl = Callable[[], ControlDocument | None]
Emit = Callable[[Event], None]
EVENTS, RESULT = "events.jsonl", "result.json"


class StopWanted(Exception):  # noqa: N818 – not an error: the run was paused or cancelled
    """Raised between two pieces of work when the run is to pause or to be cancelled."""


class EventLog:
    """Numbers an attempt's events from 1, appends them to its file, and then passes them on. Any thread may emit."""

    def __init__(self, store: Store, path: str, forward: Emit) -> None:
        self.count = 0
        self._lock = threading.RLock()  # what an event's way logs is an event too
        self._file = store.append(path)
        self._forward = forward

    def emit(self, event: Event) -> None:
        """Writes and forwards one event under the next number."""
        with self._lock:
            numbered = event.model_copy(update={"seq": self.count + 1})
            self._file.write(numbered.model_dump_json().encode() + b"\n")
            self.count += 1
            self._forward(numbered)

    def sync(self) -> None:
        """Returns when all events so far are safe in the store."""
        self._file.sync()

    def close(self) -> None:
        """Ends the file; no event may follow."""
        self._file.close()


class Attempt:
    """One attempt at one segment. `store` is the run's folder."""

    def __init__(
        self, job: SegmentJob, store: Store, read_control: ReadControl, emit: Emit, progress: Callable[[], None], cache: PolicyCache
    ) -> None:
        self.job, self.store, self.cache, self.progress = job, store, cache, progress
        self.segment = job.segment.segment()
        self.spec = job.spec
        cache.progress = progress
        self.log = EventLog(store, f"{job.folder}/{EVENTS}", emit)
        self.clock = Clock()
        self.counts: Counter[str] = Counter()
        self.checkpoints: list[CheckpointRecord] = []
        self.domains: dict[str, Domain] = {}
        """Those it has used."""
        self.control = job.control
        self._read_control = read_control

    # -- control -------------------------------------------------------------------------------------------------------

    def acknowledge(self) -> None:
        """Says which control document the attempt starts with."""
        if self.control.version:
            self.log.emit(Acknowledged(version=self.control.version))

    def look(self) -> ControlDocument:
        """The newest control document. Raises StopWanted when the run or its policy is to pause, or the run to be cancelled."""
        self.progress()
        document = self._read_control()
        if document is not None and document.version > self.control.version:
            self.control = document
            self.acknowledge()
        if self.control.stops(self.segment.kind, self.segment.policy):
            raise StopWanted
        return self.control

    # -- reports -------------------------------------------------------------------------------------------------------

    def points(self, step: int, values: Iterable[Value]) -> None:
        """Emits a step's numbers; one that is not finite becomes a gap."""
        finite = [v if v.value is None or math.isfinite(v.value) else v.model_copy(update={"value": None}) for v in values]
        self.log.emit(Points(policy=self.segment.policy, step=step, values=finite))

    def tell_failures(self, step: int, reasons: Sequence[str]) -> None:
        """Logs that verifiers failed, and why the first one did; each cost its completion a zero."""
        if reasons:
            count = f"{len(reasons)} judgement{'s' * (len(reasons) > 1)} failed and counted as 0"
            self.log.emit(Log(level="warning", message=f"{self.segment.policy} step {step}: {count}; first: {reasons[0]}"))

    def done(self, done: int, total: int) -> None:
        """Emits how far the segment is, in its own units: optimizer steps, prompts or domains."""
        self.log.emit(Progress(done=done, total=total))

    # -- policies ------------------------------------------------------------------------------------------------------

    def domain(self, name: str) -> Domain:
        """The domain of that name in the spec. Raises ValueError, naming the field, for data that cannot be used."""
        self.domains[name] = domain = self.cache.domain(name, self.spec.domains[name])
        return domain

    def path_of(self, ref: Ref) -> str:
        """The folder of a checkpoint this job was given. Raises ValueError for one it was not."""
        path = self.job.checkpoints.get(str(ref))
        if path is None:
            raise ValueError(f"the job names no checkpoint for {ref}")
        return path

    def policy(self, ref: Ref) -> Policy:
        """A policy to look at, not to train."""
        with self.clock("load"):
            if ref.policy == BASE:
                return self.cache.base(self.spec.model)
            if ref.policy in self.spec.teachers:
                return self.cache.fixed(self.spec.model.model_copy(update={"path": self.spec.teachers[ref.policy].path, "lora": None}))
            path = self.path_of(ref)

            def load() -> Policy:
                policy = self.cache.copy_of_base(self.spec.model) if self._is_dense(ref) else self._learner()
                with opened(self.store, path, self.progress) as checkpoint:
                    policy.load_tensors(checkpoint.weights, self.progress)
                return policy

            return self.cache.snapshot((self.job.run, path), load, teaches=ref in self.segment.teachers)

    def expert(self, ref: Ref) -> Expert:
        """The segment's policy at `ref`, to train. From the base, it starts with a fresh optimizer."""
        with self.clock("load"):
            expert = None if ref.policy == BASE else self.cache.take_expert((self.job.run, self.path_of(ref)))
            expert = expert or self._loaded_expert(ref)
            expert.horizon = self.job.horizon
            if self.spec.compute.gradient_checkpointing:
                recompute_layers(expert.policy.model)
            return expert

    def _loaded_expert(self, ref: Ref) -> Expert:
        expert = Expert(self.segment.policy, self._learner(), self.spec.optimizer, ref.step)
        if ref.policy != BASE:
            with opened(self.store, self.path_of(ref), self.progress) as checkpoint:
                expert.policy.load_tensors(checkpoint.weights, self.progress)
                expert.load_optimizer(checkpoint.optimizer)
        return expert

    def _learner(self) -> Policy:
        return self.cache.learner(self.spec.model, self.spec.seed)

    def _is_dense(self, ref: Ref) -> bool:
        """Whether a checkpoint holds all weights: a merge always does, an expert unless it is an adapter."""
        return self.spec.model.lora is None or ref.policy == MERGED

    @contextmanager
    def dense_weights(self, ref: Ref) -> Iterator[Mapping[str, Tensor]]:
        """All weights of the policy at `ref` by the names of the base's, each read or computed when asked for."""
        with opened(self.store, self.path_of(ref), self.progress) as checkpoint:
            if self._is_dense(ref):
                yield checkpoint.weights
            else:
                from copd_engine.lora import DenseWeights  # peft takes seconds to import

                assert self.spec.model.lora is not None
                yield DenseWeights(self.cache.base(self.spec.model).tensors(), checkpoint.weights, self.spec.model.lora)

    def store_expert(self, expert: Expert) -> str:
        """Publishes an expert's weights and optimizer under this attempt's folder, says so, and returns the checkpoint's path."""
        path = f"{self.job.folder}/{expert.name}@{expert.step}"
        with self.clock("store"):
            self.log.sync()  # no point may be missing before a step from which training could go on
            record = publish(
                self.store, path, expert.name, expert.step, expert.parameters, expert.optimizer_tensors(), progress=self.progress
            )
        self.stored(record)
        return path

    def stored(self, record: CheckpointRecord) -> None:
        """Says that a checkpoint is in the store."""
        self.checkpoints.append(record)
        self.log.emit(Stored(checkpoint=record))
