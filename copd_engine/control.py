"""Control of a running segment: what is wanted of the run, and which edited value holds at which step. Pure.

An edit binds, per policy, to that policy's next optimizer step that uses the value. The binding is recorded, so that any later attempt
at the same step finds the same value: the outcome of a run is a function of (spec, edits, bindings) and of nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from copd_engine.plan import TRAINING, Kind
from copd_engine.spec import FieldError, RunSpec, SpecError
from copd_engine.structure import field_of, structure_paths, with_edit
from copd_engine.weights import course, edge_paths

Desired = Literal["run", "pause", "cancel"]
VALUE_FIELDS = ("optimizer.lr", "rlvr.temperature", "rlvr.clip_low", "rlvr.clip_high", "seed")
"""Fields of the spec that every optimizer step uses and that may be edited; beside them, the weights of the edges and their schedules."""
DISPATCH_FIELDS = ("priority",)
"""Fields that say who goes first and never touch a weight: an edit acts at once."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ValueEdit(_Part):
    """One changed value: `path` is the spec's dotted path (`w.image.text`, `optimizer.lr`, `seed`)."""

    version: int
    path: str
    value: float
    replayed: bool = False
    """Of a recipe: its bindings are given, and it makes no other."""


class Binding(_Part):
    """Edit `version` holds for `policy` from optimizer step `step` on (the step that ends with that many steps done, from 1)."""

    version: int
    policy: str
    step: int


class ControlDocument(_Part):
    """The wanted state of a run, as the control plane publishes it. A missing document means: no change."""

    version: int = 0
    desired: Desired = "run"
    edits: tuple[ValueEdit, ...] = ()
    paused: tuple[str, ...] = ()
    """Policies that are not to be trained for now, while the run goes on."""

    def stops(self, kind: Kind, policy: str) -> bool:
        """Whether a segment of that kind and policy is to stop at its next look."""
        return self.desired != "run" or (kind in TRAINING and policy in self.paused)


class StepValues(_Part):
    """Every editable value as one optimizer step of one policy uses it."""

    lr: float
    temperature: float
    clip_low: float
    clip_high: float
    seed: int
    """Of the step's prompts and samples; evaluation, agreement, merge and adapters keep the spec's."""
    w: dict[str, float]
    """Teacher → weight, for the teachers of this step; empty in RLVR steps."""


def value_paths(spec: RunSpec) -> dict[str, float]:
    """Every path a value edit may name, with the spec's value: the weights of the edges, then VALUE_FIELDS, then the weights' schedules."""
    weights, schedules = dict[str, float](), dict[str, float]()
    for student, teacher in spec.edges():
        weight, end, steps = edge_paths(student, teacher)
        held = course(spec, student, teacher)
        weights[weight] = held.start
        schedules |= {end: held.end, steps: held.steps}
    return weights | {path: field_of(spec, path) for path in VALUE_FIELDS} | schedules


def check_value_edit(spec: RunSpec, path: str, value: object) -> float:
    """The value as it may be set: what the spec itself would take there. Raises SpecError naming the path, and what would be right."""
    values = value_paths(spec)
    paths = (*values, *DISPATCH_FIELDS)
    if path not in paths:
        help_ = f"editable are {', '.join(paths)}; and from a round on {', '.join(structure_paths(spec))}"
        raise SpecError([FieldError(path, f"not an editable value of this run; {help_}")])
    if path.startswith("w_schedule."):
        edge, _, part = path.rpartition(".")
        return field_of(with_edit(spec, edge, {name: values[f"{edge}.{name}"] for name in ("end", "steps")} | {part: value}), path)
    return field_of(with_edit(spec, path, value), path)


def paths_used(kind: Kind, policy: str, teachers: Iterable[str]) -> set[str]:
    """The editable paths one optimizer step of `policy` reads."""
    taught = teachers if kind is Kind.opd else ()
    return {*VALUE_FIELDS, *(path for teacher in taught for path in edge_paths(policy, teacher))}


def bind(
    edits: Sequence[ValueEdit], bindings: Sequence[Binding], *, kind: Kind, policy: str, teachers: Iterable[str], step: int
) -> list[Binding]:
    """The bindings that this step of `policy` makes: every edit of a value it uses that is not bound for it yet, and every replayed one
    whose given step it is."""
    used = paths_used(kind, policy, teachers)
    steps = {b.version: b.step for b in bindings if b.policy == policy}
    made = [e for e in edits if (steps.get(e.version) == step if e.replayed else e.path in used and e.version not in steps)]
    return [Binding(version=e.version, policy=policy, step=step) for e in made]


def values_at(
    spec: RunSpec, edits: Sequence[ValueEdit], bindings: Sequence[Binding], *, policy: str, teachers: Iterable[str], step: int
) -> StepValues:
    """The values of one step: the spec's, overlaid in version order by the edits bound for `policy` at or before `step`."""
    bound = {b.version: b.step for b in bindings if b.policy == policy and b.step <= step}
    active = [(e.path, e.value, bound[e.version]) for e in sorted(edits, key=lambda e: e.version) if e.version in bound]
    values = {path: field_of(spec, path) for path in VALUE_FIELDS} | {path: value for path, value, _ in active}
    weights = {teacher: course(spec, policy, teacher, active).at(step) for teacher in teachers}
    return StepValues(
        lr=values["optimizer.lr"],
        temperature=values["rlvr.temperature"],
        clip_low=values["rlvr.clip_low"],
        clip_high=values["rlvr.clip_high"],
        seed=int(values["seed"]),
        w=weights,
    )
