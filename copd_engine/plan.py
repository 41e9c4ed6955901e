"""plan(spec, edits): the DAG of segments that carries out a run. Pure: no clock, no store, no torch.

A method is nothing but a plan. A policy is a named lineage of checkpoints, one per optimizer step at which somebody needs it; a
`Ref` names one of them ("text@36"). Segments start from a Ref, train some steps or look at it, and need other segments only where a
checkpoint they read comes from there. There is no barrier between rounds, except under `opd.adaptive`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from copd_engine.spec import RunSpec
from copd_engine.structure import StructureEdit, spec_of_round

BASE, MERGED = "base", "merged"
TWO_STAGES = ("static_opd", "mopd")
"""Methods in which a student learns from the experts once these are done."""


class Kind(StrEnum):
    """What a segment does: train by RLVR or distillation, look at a policy, merge, or export."""

    rlvr = "rlvr"
    opd = "opd"
    evaluate = "evaluate"
    measure = "measure"
    merge = "merge"
    export = "export"


TRAINING = frozenset({Kind.rlvr, Kind.opd})


class Ref(NamedTuple):
    """A checkpoint of a policy: its lineage and the number of steps behind it."""

    policy: str
    step: int

    def __str__(self) -> str:
        return f"{self.policy}@{self.step}"

    @classmethod
    def parse(cls, text: str) -> Ref:
        """The Ref written as `policy@step`. Raises ValueError for another text."""
        policy, _, step = text.rpartition("@")
        return cls(policy, int(step))


@dataclass(frozen=True)
class Segment:
    """The one unit of work. `key` is unique in a run and says what it is: `opd.text@36`, `evaluate.merged@60.image`."""

    kind: Kind
    policy: str
    round: int
    start: Ref
    """The checkpoint it reads first; for a merge, the first of `teachers`."""
    steps: int = 0
    """Optimizer steps it takes; 0 for everything that does not train."""
    part: int = 0
    """Index within its phase: an OPD phase is cut at each refresh of the teachers."""
    teachers: tuple[Ref, ...] = ()
    """Other checkpoints it reads: teachers (opd), peers (measure), experts (merge)."""
    domain: str | None = None
    needs: tuple[str, ...] = ()
    """Keys of the segments that must be done before."""

    @property
    def step(self) -> int:
        """Optimizer steps behind the policy when the segment starts."""
        return self.start.step

    @property
    def key(self) -> str:
        """Unique in a run: see `segment_key`."""
        return segment_key(self.kind, self.policy, self.step, self.domain)

    @property
    def end(self) -> Ref:
        """The checkpoint it leaves behind (training and merge)."""
        return Ref(self.policy, self.step + self.steps)


def segment_key(kind: Kind, policy: str, step: int, domain: str | None = None) -> str:
    """`kind.policy@step`, with `.domain` where there is one; step is the one the segment starts from."""
    return f"{kind}.{policy}@{step}" + (f".{domain}" if domain else "")


def plan(spec: RunSpec, edits: Sequence[StructureEdit] = ()) -> list[Segment]:
    """All segments of a run, each after those it needs.

    Rounds before the first round named by an edit come out exactly as without it, whatever the edit (but for evaluations of what has
    become the last one): that is what lets a run be re-planned while it trains. Raises SpecError when an edit makes the spec invalid.
    """
    builder = _Plan()
    for domain in spec.domains:
        builder.add(Segment(Kind.evaluate, BASE, 0, Ref(BASE, 0), domain=domain))
    rounds, step = _rounds(spec, edits), 0
    for round_ in range(rounds):
        held = spec_of_round(spec, edits, round_)
        builder.evaluates = (round_ + 1) % held.evaluation.every == 0 or round_ in (rounds - 1, _last_round_known(spec, edits, round_))
        step = _add_round(builder, held, round_, step)
        builder.gate = _deciders(held, step)
    if spec.method in TWO_STAGES:
        _add_second_stage(builder, spec_of_round(spec, edits, rounds), rounds, step)
    return builder.segments


def round_count(spec: RunSpec) -> int:
    """Rounds of the plan; the second stage of a method that has one is the last."""
    return spec.rounds + (spec.method in TWO_STAGES)


def horizon(spec: RunSpec, edits: Sequence[StructureEdit], segment: Segment) -> int:
    """Optimizer steps the segment's policy was planned to take in all when the segment's round began: where a learning rate schedule ends.

    Edits of later rounds do not count, so that a segment that is sent again has the same horizon. A constant schedule has none: 0.
    """
    if spec.optimizer.schedule == "constant":
        return 0
    held = [edit for edit in edits if edit.round <= segment.round]
    return max((s.end.step for s in plan(spec, held) if s.policy == segment.policy and s.kind in TRAINING), default=0)


def export_segment(ref: Ref, made_by: str | None) -> Segment:
    """A segment outside the plan: policy `ref` as a plain Hugging Face folder. `made_by`: the key of the segment that makes `ref`."""
    return Segment(Kind.export, ref.policy, 0, ref, needs=(made_by,) if made_by else ())


def _rounds(spec: RunSpec, edits: Sequence[StructureEdit]) -> int:
    """The number of rounds; an edit never takes back a round before the one it is bound to, nor adds one before a stage that has begun."""
    rounds = spec.rounds
    for edit in sorted(edits, key=lambda e: e.version):
        if edit.path == "rounds" and not (spec.method in TWO_STAGES and edit.round > rounds):
            rounds = max(int(edit.value), edit.round)
    return rounds


def _last_round_known(spec: RunSpec, edits: Sequence[StructureEdit], round_: int) -> int:
    """The last round as it stood when `round_` began: it was evaluated, whatever was added to the plan since."""
    return _rounds(spec, [edit for edit in edits if edit.round <= round_]) - 1


@dataclass
class _Plan:
    """Segments so far, and which of them makes each checkpoint: needs follow from what a segment reads."""

    segments: list[Segment] = field(default_factory=list)
    made_by: dict[Ref, str] = field(default_factory=dict)
    gate: tuple[str, ...] = ()
    """What training needs besides: segments that decide what kind of training it is."""
    evaluates: bool = True
    """Whether accuracy is due."""

    def add(self, segment: Segment) -> None:
        reads = dict.fromkeys((segment.start, *segment.teachers))
        needs = tuple(self.made_by[ref] for ref in reads if ref in self.made_by)
        if segment.kind in TRAINING:
            needs += self.gate
        self.segments.append(replace(segment, needs=needs))
        if segment.kind in TRAINING or segment.kind is Kind.merge:
            self.made_by[segment.end] = segment.key


def _add_round(builder: _Plan, spec: RunSpec, round_: int, step: int) -> int:
    """Adds one round that starts at `step`; returns the step at which it ends."""
    learners = _learners(spec)
    learns, is_taught = _phases(spec)
    if learns:
        for name in learners:
            builder.add(Segment(Kind.rlvr, name, round_, _expert(name, step), steps=spec.rlvr.steps))
        step += spec.rlvr.steps
    if is_taught:
        if learns:
            _add_measures(builder, spec, round_, step)
        _add_opd(builder, spec, round_, step)
        step += spec.opd.steps
    _add_measures(builder, spec, round_, step)
    experts = tuple(_expert(name, step) for name in learners)
    if spec.method in TWO_STAGES:
        _add_evaluations(builder, spec, round_, experts)
    else:
        _add_merge(builder, spec, round_, experts)
    return step


def _phases(spec: RunSpec) -> tuple[bool, bool]:
    """Whether a round has phase I, and whether it has phase II. Under `opd.adaptive` it is one of them."""
    if spec.opd.adaptive is not None:
        return not spec.opd.adaptive.teach, spec.opd.adaptive.teach
    return spec.method != "opd", spec.method in ("copd", "opd") and bool(spec.edges())


def _deciders(spec: RunSpec, step: int) -> tuple[str, ...]:
    """Keys of the segments that decide the phase of the round after the one that ends at `step`: its students, measured."""
    if spec.opd.adaptive is None:
        return ()
    return tuple(segment_key(Kind.measure, name, step) for name in dict.fromkeys(student for student, _ in spec.edges()))


def _add_opd(builder: _Plan, spec: RunSpec, round_: int, phase_start: int) -> None:
    """One OPD phase in parts of `sync_every` steps; part i reads its teachers as they stood after part i-1 (Jacobi). Fixed teachers need
    one part."""
    stride = spec.opd.sync_every if spec.method == "copd" else spec.opd.steps
    for part, done in enumerate(range(0, spec.opd.steps, stride)):
        step = phase_start + done
        for name in spec.experts:
            teachers = tuple(_teacher(spec, teacher, step) for student, teacher in spec.edges() if student == name)
            steps = min(stride, spec.opd.steps - done)
            builder.add(Segment(Kind.opd, name, round_, _expert(name, step), steps=steps, part=part, teachers=teachers))


def _add_second_stage(builder: _Plan, spec: RunSpec, round_: int, end: int) -> None:
    """A student learns from the experts as they stand at step `end`: as many parts as there were rounds, and a look after each."""
    student = spec.edges()[0][0]
    teachers = tuple(_expert(teacher, end) for _, teacher in spec.edges())
    step = end if student in spec.experts else 0
    for part in range(round_):
        builder.evaluates = (part + 1) % spec.evaluation.every == 0 or part == round_ - 1
        builder.add(Segment(Kind.opd, student, round_, _expert(student, step), steps=spec.opd.steps, part=part, teachers=teachers))
        step += spec.opd.steps
        if spec.agreement.enabled:
            builder.add(Segment(Kind.measure, student, round_, _expert(student, step), teachers=teachers))
        _add_merge(builder, spec, round_, (_expert(student, step),))


def _add_merge(builder: _Plan, spec: RunSpec, round_: int, experts: tuple[Ref, ...]) -> None:
    """The method's product at this point, the mean of `experts` (of one, that one), and what all of them can do."""
    merged = Segment(Kind.merge, MERGED, round_, experts[0], teachers=experts)
    builder.add(merged)
    _add_evaluations(builder, spec, round_, (merged.end, *experts))


def _add_evaluations(builder: _Plan, spec: RunSpec, round_: int, refs: tuple[Ref, ...]) -> None:
    for ref in refs if builder.evaluates else ():
        for domain in spec.domains:
            builder.add(Segment(Kind.evaluate, ref.policy, round_, ref, domain=domain))


def _add_measures(builder: _Plan, spec: RunSpec, round_: int, step: int) -> None:
    """Every expert as student against all its peers at equal steps, and its fixed teachers: one rollout serves all pairs of a row."""
    if not spec.agreement.enabled:
        return
    learners = _learners(spec)
    for name in learners:
        peers = tuple(_teacher(spec, peer, step) for peer in (*learners, *spec.teachers) if peer != name)
        if peers:
            builder.add(Segment(Kind.measure, name, round_, _expert(name, step), teachers=peers))


def _learners(spec: RunSpec) -> list[str]:
    """The policies that train in every round."""
    return [name for name, domains in spec.policies().items() if domains]


def _teacher(spec: RunSpec, name: str, step: int) -> Ref:
    """A fixed teacher has one state only."""
    return Ref(name, 0) if name in spec.teachers else _expert(name, step)


def _expert(name: str, step: int) -> Ref:
    """An expert's checkpoint; before its first step every expert is the base."""
    return Ref(name, step) if step else Ref(BASE, 0)
