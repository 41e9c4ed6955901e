"""What a spec would do, and the specs that are shipped."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from copd_engine.plan import Segment
from server.api.schemas.estimates import Estimate
from server.api.schemas.parts import FieldProblem


class PlannedSegment(BaseModel):
    key: str
    kind: str
    policy: str
    round: int
    step: int
    steps: int
    needs: list[str]

    @classmethod
    def of(cls, segment: Segment) -> PlannedSegment:
        """A segment of a plan, to look at."""
        names = ("key", "policy", "round", "step", "steps")
        return cls(**{name: getattr(segment, name) for name in names}, kind=segment.kind.value, needs=list(segment.needs))


class PolicyView(BaseModel):
    """A policy with its look: one colour everywhere, on both themes."""

    name: str
    role: Literal["base", "expert", "merged"]
    domain: str | None
    colour: int = Field(description="index into the palette")


class SpecCheck(BaseModel):
    """The answer of a dry run: nothing is stored."""

    valid: bool
    errors: list[FieldProblem]
    spec: dict[str, Any] | None = Field(None, description="with all defaults filled in")
    policies: list[PolicyView] = []
    segments: list[PlannedSegment] = []
    total_steps: int = 0
    rollouts: int = 0
    edges: list[tuple[str, str]] = Field(default=[], description="(student, teacher)")
    estimate: Estimate | None = Field(default=None, description="what it will take; of a fork, what is left")


class SpecTemplate(BaseModel):
    name: str
    title: str
    description: str
    source: str


class SpecTemplateList(BaseModel):
    templates: list[SpecTemplate]
