"""run_segment(): the one unit of work, used by the local runner and by every worker."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

from copd_engine.attempt import RESULT, Attempt, Emit, ReadControl, StopWanted
from copd_engine.cache import PolicyCache
from copd_engine.control import Binding, bind, values_at
from copd_engine.evaluate import evaluate, measure
from copd_engine.events import Bound
from copd_engine.expert import Expert, TrainingError
from copd_engine.export import export
from copd_engine.fingerprint import make_deterministic
from copd_engine.job import SegmentError, SegmentJob, SegmentResult
from copd_engine.keeping import store_rollouts
from copd_engine.merge import merge
from copd_engine.overheard import overheard
from copd_engine.plan import BASE, TRAINING, Kind, Ref
from copd_engine.provenance import Provenance, fingerprints, provenance
from copd_engine.step import Teacher
from copd_engine.store import Store
from copd_engine.training import Trainer


def run_segment(
    job: SegmentJob,
    store: Store,
    read_control: ReadControl,
    emit: Emit,
    progress: Callable[[], None],
    cache: PolicyCache | None = None,
) -> SegmentResult:
    """Carries out one attempt at a segment and writes its result.json, last; returns the same result.

    store: the root of the checkpoint store. read_control: the run's newest control document, or None for no change; called between steps.
    emit: gets each event after it is in the attempt's file. progress: called at least once per token position and micro-batch.
    An exception inside the segment becomes outcome `failed`. Raises FileExistsError when this attempt ran before, and whatever
    the store raises when even the result cannot be written.
    """
    attempt = Attempt(job, store.below(f"runs/{job.run}"), read_control, emit, progress, cache or PolicyCache())
    work = _Work(attempt)
    try:
        with overheard(attempt.log.emit):
            result = work.run()
    finally:
        attempt.log.close()
    attempt.store.write(f"{job.folder}/{RESULT}", result.model_dump_json(indent=1).encode())
    return result


class _Work:
    """A segment under way: what it has reached so far, whatever ends it."""

    def __init__(self, attempt: Attempt) -> None:
        self.attempt, self.segment = attempt, attempt.segment
        self.step = attempt.segment.step
        self.bindings: list[Binding] = list(attempt.job.bindings)
        self.made: list[Binding] = []
        self.export: str | None = None
        self.overlap: dict[str, float] = {}
        self.provenance: Provenance | None = None

    def run(self) -> SegmentResult:
        try:
            make_deterministic(self.attempt.spec.compute.threads)
            self.provenance = provenance(self.attempt.spec)  # now: after a failure the GPU may not answer any more
            self.attempt.acknowledge()
            self._carry_out()
        except StopWanted:
            return self._result("stopped")
        except Exception as error:  # the one place where any failure becomes a result  # noqa: BLE001
            return self._result("failed", _described(error))
        return self._result("done")

    def _result(self, outcome: str, error: SegmentError | None = None) -> SegmentResult:
        attempt = self.attempt
        return SegmentResult.model_validate(
            {
                "attempt": attempt.job.attempt, "outcome": outcome, "step": self.step, "events": attempt.log.count,
                "checkpoints": attempt.checkpoints, "bindings": self.made, "seconds": dict(attempt.clock.seconds),
                "counts": dict(attempt.counts), "export": self.export, "overlap": self.overlap, "error": error,
                "provenance": self._provenance(),
            }
        )  # fmt: skip

    def _provenance(self) -> dict[str, Any] | None:
        if self.provenance is None:
            return None
        return {**self.provenance.model_dump(), "data": fingerprints(self.attempt.domains.values())}

    def _carry_out(self) -> None:
        match self.segment.kind:
            case kind if kind in TRAINING:
                self._train()
            case Kind.evaluate:
                evaluate(self.attempt)
            case Kind.measure:
                self.overlap = measure(self.attempt)
            case Kind.merge:
                merge(self.attempt)
            case Kind.export:
                self.export = export(self.attempt)

    def _train(self) -> None:
        """Steps until the segment's end; state is stored there, at a stop, and every `checkpoint.every` steps on the way."""
        attempt, segment, every = self.attempt, self.segment, self.attempt.spec.checkpoint.every
        origin = Ref.parse(attempt.job.resume) if attempt.job.resume else segment.start
        expert = attempt.expert(origin)
        self.step = expert.step
        trainer = self._trainer(expert)
        path = attempt.job.checkpoints.get(str(origin))  # of the newest checkpoint; None: the base
        stored = origin
        try:
            while expert.step < segment.end.step:
                self._step(expert, trainer)
                path = None
                if expert.step == segment.end.step or (every and (expert.step - segment.step) % every == 0):
                    path, stored = attempt.store_expert(expert), Ref(expert.name, expert.step)
        except TrainingError as error:
            raise TrainingError(f"{error}; the last good checkpoint is {stored}") from error
        except StopWanted:
            if path is None and expert.step > origin.step:
                path = attempt.store_expert(expert)
            self._keep(expert, path)
            raise
        self._keep(expert, path)

    def _keep(self, expert: Expert, path: str | None) -> None:
        """Keeps the expert in memory, as the checkpoint it equals, for the segment that goes on from there."""
        if path is not None:
            self.attempt.cache.keep_expert((self.attempt.job.run, path), expert)

    def _step(self, expert: Expert, trainer: Trainer) -> None:
        """One step: control is read and new edits bind before it, its numbers are told after it."""
        attempt, segment, policy, step = self.attempt, self.segment, expert.name, expert.step + 1
        spec = attempt.spec
        edits = attempt.look().edits
        teachers = list(trainer.teachers)
        for binding in bind(edits, self.bindings, kind=segment.kind, policy=policy, teachers=teachers, step=step):
            attempt.log.emit(Bound(version=binding.version, policy=policy, step=step))
            self.bindings.append(binding)
            self.made.append(binding)
        spent = trainer.step(values_at(spec, edits, self.bindings, policy=policy, teachers=teachers, step=step))
        self.step = expert.step
        attempt.counts.update(
            steps=1, optimizer_steps=spec.optimizer.updates, rollouts=spent.rollouts, tokens=spent.tokens, prompts=spent.prompts
        )
        attempt.points(step, spent.values)
        attempt.tell_failures(step, spent.failures)
        store_rollouts(attempt, step, trainer.kept)
        attempt.done(expert.step - segment.step, segment.steps)

    def _trainer(self, expert: Expert) -> Trainer:
        attempt, spec = self.attempt, self.attempt.spec
        teachers = {}
        for ref in self.segment.teachers:
            domain, policy = spec.teacher_domain(ref.policy), attempt.policy(ref)
            policy.check_same_tokens(expert.policy, ref.policy, expert.name)
            teachers[ref.policy] = Teacher(policy, attempt.domain(domain))
        natives = [attempt.domain(name) for name in spec.native_domains(expert.name, in_opd=self.segment.kind is Kind.opd)]
        reference = attempt.policy(Ref(BASE, 0)) if spec.rlvr.kl > 0 and natives else None
        return Trainer(expert, spec, natives, teachers, attempt.clock, attempt.progress, reference)


def _described(error: Exception) -> SegmentError:
    message = " ".join(str(error).split()) or type(error).__name__
    return SegmentError(kind=type(error).__name__, message=message, traceback="".join(traceback.format_exception(error)))
