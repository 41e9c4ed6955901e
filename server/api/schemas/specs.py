"""What a spec would do, and the specs that are shipped."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from copd_engine.plan import Segment
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


class SpecCheck(BaseModel):
    """The answer of a dry run: nothing is stored."""

    valid: bool
    errors: list[FieldProblem]
    spec: dict[str, Any] | None = Field(None, description="with all defaults filled in")
    segments: list[PlannedSegment] = []
    total_steps: int = 0
    rollouts: int = 0


class SpecTemplate(BaseModel):
    name: str
    title: str
    description: str
    source: str


class SpecTemplateList(BaseModel):
    templates: list[SpecTemplate]
