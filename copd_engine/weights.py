"""The weight of an edge over a student's steps: what the spec says, and what edits make of it from the step on at which they bind. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from copd_engine.spec import RunSpec
from copd_engine.spec.run import Ramp

EdgeField = Literal["weight", "end", "steps"]


@dataclass(frozen=True)
class Course:
    """A weight that moves linearly from `start` in step `begun` to `end`, over `steps` steps, and stays there."""

    start: float
    begun: int
    end: float
    steps: int

    def at(self, step: int) -> float:
        """The weight in a step, from `begun` on."""
        return self.start + (self.end - self.start) * min(1.0, (step - self.begun) / self.steps)

    def edited(self, field: EdgeField, value: float, step: int) -> Course:
        """As it goes on from `step`: a new weight holds at once and stays; a new end or length begins with the weight of that moment."""
        if field == "weight":
            return Course(value, step, value, self.steps)
        held = replace(self, start=self.at(step), begun=step)
        return replace(held, end=value) if field == "end" else replace(held, steps=int(value))


def edge_paths(student: str, teacher: str) -> dict[str, EdgeField]:
    """The editable paths of an edge: its weight, and where and how fast its schedule goes."""
    ramp = f"w_schedule.{student}.{teacher}"
    return {f"w.{student}.{teacher}": "weight", f"{ramp}.end": "end", f"{ramp}.steps": "steps"}


def course(spec: RunSpec, student: str, teacher: str, edits: Iterable[tuple[str, float, int]] = ()) -> Course:
    """The weight under `edits`: (path, value, the student's step at which it bound), in the order in which they were made."""
    start, fields = spec.w.get(student, {}).get(teacher, 1.0), edge_paths(student, teacher)
    ramp = spec.w_schedule.get(student, {}).get(teacher) or Ramp(end=start, steps=1)
    held = Course(start, 1, ramp.end, ramp.steps)
    for path, value, step in edits:
        if path in fields:
            held = held.edited(fields[path], value, step)
    return held
