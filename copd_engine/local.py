"""A whole run in this process: the segments of its plan one after the other, through the same run_segment() that workers use.

What was done is in the store (a ledger of attempts, and their results), so that a run that was stopped or killed goes on from there.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from copd_engine.adaptive import mean_overlap, next_phase
from copd_engine.attempt import EVENTS, RESULT, Emit
from copd_engine.cache import PolicyCache
from copd_engine.control import Binding, ControlDocument
from copd_engine.events import EVENT, Bound, Event, Stored
from copd_engine.job import CheckpointRecord, SegmentData, SegmentJob, SegmentResult
from copd_engine.plan import MERGED, TRAINING, Kind, Ref, Segment, export_segment, horizon, plan
from copd_engine.recipe import Recipe, RecipeEdit
from copd_engine.segment import run_segment
from copd_engine.spec import RunSpec
from copd_engine.store import Store
from copd_engine.structure import TEACH, StructureEdit, spec_of_round
from copd_engine.urgency import urgency

LEDGER = "ledger.json"
Order = Callable[[Segment], Any]


class Ledger(BaseModel):
    """Which attempt worked on which segment; attempt n is `attempts[n - 1]`."""

    model_config = ConfigDict(extra="forbid")

    spec: RunSpec
    edits: tuple[RecipeEdit, ...] = ()
    attempts: list[str] = []


def run_id(spec: RunSpec, edits: Sequence[RecipeEdit] = ()) -> str:
    """The folder name of a local run: the same spec and edits continue the same run."""
    slug = re.sub(r"[^a-z0-9]+", "-", spec.name.lower()).strip("-")[:40] or "run"
    data = spec.model_dump(mode="json")
    told = {"spec": data, "edits": [edit.model_dump(mode="json") for edit in edits]} if edits else data
    return f"{slug}-{hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:8]}"


class LocalRun:
    """order: which of the ready segments goes first; any order gives the same merged weights. cache: shared by several runs, say. edits: of
    the recipe that is replayed."""

    def __init__(
        self,
        spec: RunSpec,
        store: Store,
        emit: Emit = lambda _: None,
        order: Order = urgency,
        cache: PolicyCache | None = None,
        edits: Sequence[RecipeEdit] = (),
    ) -> None:
        self.spec, self.store, self.order = spec, store, order
        self.recipe = Recipe(spec=spec, edits=tuple(edits))
        self.id = run_id(spec, edits)
        self.folder = store.below(f"runs/{self.id}")
        self.edits: list[StructureEdit] = self.recipe.structure()
        """The recipe's, and what the adaptive schedule decides: that is never stored, for the results in the ledger lead to it again."""
        self.segments = self._plan()
        self.done: dict[str, SegmentResult] = {}
        self.spent: Counter[tuple[str, str]] = Counter()
        """(policy, unit) → what all attempts at training used up, lost ones aside."""
        self.emit = emit
        self._cache = cache or PolicyCache(capacity=max(4, len(spec.policies())))
        self._paths: dict[str, str] = {}
        self._resume: dict[str, str] = {}
        self._bindings: list[Binding] = self.recipe.bindings()
        self._ledger = self._read_ledger()
        for number, key in enumerate(self._ledger.attempts, start=1):
            self._recall(number, self._segment(key))

    # -- the loop ------------------------------------------------------------------------------------------------------

    def execute(self, stopping: Callable[[], bool] = lambda: False) -> SegmentResult | None:
        """Runs what is not done yet. Returns the result that ended it early (stopped, failed), or None when all is done."""
        while (segment := self._next()) is not None:
            if stopping():
                return SegmentResult(attempt=0, outcome="stopped", step=segment.step, events=0)
            result = self._attempt(segment, stopping)
            self._commit(segment, result)
            if result.outcome != "done":
                return result
            self._forget()
        return None

    def _next(self) -> Segment | None:
        ready = [s for s in self.segments if s.key not in self.done and all(need in self.done for need in s.needs)]
        return min(ready, key=self.order, default=None)

    def _attempt(self, segment: Segment, stopping: Callable[[], bool]) -> SegmentResult:
        self._ledger.attempts.append(segment.key)
        self.folder.write(LEDGER, self._ledger.model_dump_json(indent=1).encode())
        resume = self._resume.get(segment.key)
        reads = [str(ref) for ref in (segment.start, *segment.teachers)] + [resume] * (resume is not None)
        control = ControlDocument(version=len(self.recipe.edits), edits=self.recipe.values())
        job = SegmentJob(
            run=self.id,
            attempt=len(self._ledger.attempts),
            spec=spec_of_round(self.spec, self.edits, segment.round),
            segment=SegmentData.of(segment),
            resume=resume,
            checkpoints={ref: self._paths[ref] for ref in reads if ref in self._paths},
            control=control,
            bindings=tuple(self._bindings),
            horizon=horizon(self.spec, self.edits, segment),
        )

        def read_control() -> ControlDocument | None:
            return control.model_copy(update={"version": control.version + 1, "desired": "pause"}) if stopping() else None

        return run_segment(job, self.store, read_control, self.emit, lambda: None, self._cache)

    # -- what was done -------------------------------------------------------------------------------------------------

    def events(self) -> Iterator[Event]:
        """The events of all attempts so far, in order."""
        for number in range(1, len(self._ledger.attempts) + 1):
            yield from self._events_of(number)

    @property
    def merged(self) -> SegmentResult:
        """The last merge. Raises KeyError before the run is done."""
        return self.done[next(s.key for s in reversed(self.segments) if s.kind is Kind.merge)]

    @property
    def merged_digest(self) -> str:
        """SHA-256 over the merged weights by name. Raises KeyError before the run is done."""
        return self.merged.checkpoints[0].digest

    @property
    def export(self) -> str:
        """The exported folder, below the store. Raises KeyError before the run is done."""
        return f"runs/{self.id}/{self.done[self.segments[-1].key].export}"

    def _recall(self, number: int, segment: Segment) -> None:
        """Takes an earlier attempt into account: its result, or, when it was killed, what it had stored."""
        path = f"attempts/{number}/{RESULT}"
        if self.folder.exists(path):
            self._commit(segment, SegmentResult.model_validate_json(self.folder.read(path)))
            return
        for event in self._events_of(number):
            if isinstance(event, Stored) and event.checkpoint.has_state:
                self._found(segment, event.checkpoint)
            elif isinstance(event, Bound):
                self._bindings.append(Binding(version=event.version, policy=event.policy, step=event.step))

    def _commit(self, segment: Segment, result: SegmentResult) -> None:
        if result.outcome == "done":
            self.done[segment.key] = result
        for record in result.checkpoints:
            self._found(segment, record)
        self._bindings += result.bindings
        if segment.kind is Kind.measure and result.outcome == "done":
            self._choose_phase(segment.round)
        if segment.kind in TRAINING:
            self.spent.update({(segment.policy, unit): count for unit, count in result.counts.items()})

    def _choose_phase(self, round_: int) -> None:
        """Plans the rounds after `round_` anew where what was measured at its end asks for another phase, and nobody chose one for them."""
        if any(edit.path == TEACH and edit.round == round_ + 1 for edit in self.edits):
            return
        spec = spec_of_round(self.spec, self.edits, round_)
        looks = [s for s in self.segments if s.kind is Kind.measure and s.round == round_ and s.key in self.done]
        overlap = mean_overlap(spec, {s.policy: self.done[s.key].overlap for s in looks})
        version = max((len(self.recipe.edits), *(edit.version for edit in self.edits))) + 1
        edit = None if overlap is None else next_phase(spec, round_, overlap, version)
        if edit is not None:
            self.edits.append(edit)
            self.segments = self._plan()

    def _found(self, segment: Segment, record: CheckpointRecord) -> None:
        ref = str(Ref(record.policy, record.step))
        self._paths[ref] = record.path
        if record.step < segment.end.step:
            self._resume[segment.key] = ref

    def _forget(self) -> None:
        """Deletes checkpoints that nobody will read any more; the last round's and every merged model stay."""
        unread = [s for s in self.segments if s.key not in self.done]
        last = next(s for s in reversed(self.segments) if s.kind is Kind.merge)
        needed = {str(ref) for s in unread for ref in (s.start, *s.teachers)} | {str(ref) for ref in last.teachers}
        needed |= {ref for key, ref in self._resume.items() if key not in self.done}
        for ref in [ref for ref in self._paths if ref not in needed and not ref.startswith(f"{MERGED}@")]:
            self.folder.delete(self._paths.pop(ref))

    def _events_of(self, number: int) -> Iterator[Event]:
        path = f"attempts/{number}/{EVENTS}"
        if self.folder.exists(path):
            for line in self.folder.read(path).split(b"\n")[:-1]:  # what follows the last newline was cut off by a kill
                yield EVENT.validate_json(line)

    def _read_ledger(self) -> Ledger:
        if not self.folder.exists(LEDGER):
            return Ledger(spec=self.spec, edits=self.recipe.edits)
        return Ledger.model_validate_json(self.folder.read(LEDGER))

    def _plan(self) -> list[Segment]:
        segments = plan(self.spec, self.edits)
        last = next(s for s in reversed(segments) if s.kind is Kind.merge)
        return [*segments, export_segment(last.end, last.key)]

    def _segment(self, key: str) -> Segment:
        return next(s for s in self.segments if s.key == key)
