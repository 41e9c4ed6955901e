"""How an expert learns: from verifiable rewards (phase I), and from its teachers (phase II)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from copd_engine.spec.parts import MAX_STEPS, Name, Part, editable

Topology = Literal["hub_and_spoke", "full", "ring", "custom"]


class Rlvr(Part):
    """Phase I: GRPO on the expert's own domain (arXiv:2402.03300, with the asymmetric clip of arXiv:2503.14476)."""

    steps: int = editable(36, "structure", ge=1, le=MAX_STEPS, description="optimizer steps of phase I in each round")
    prompts: int = Field(default=16, ge=1, le=65536, description="prompts per step")
    group: int = Field(default=8, ge=2, le=1024, description="rollouts per prompt (G)")
    temperature: float = editable(1.0, "value", gt=0, le=10, description="sampling temperature of training rollouts")
    clip_low: float = Field(default=0.2, ge=0, lt=1)
    clip_high: float = Field(default=0.28, ge=0, le=10)


class Opd(Part):
    """Distillation: a step is, for each teacher, one batch on the teacher's domain; in phase II of copd also one native RLVR batch."""

    steps: int = editable(24, "structure", ge=1, le=MAX_STEPS, description="optimizer steps of phase II in each round")
    sync_every: int = editable(
        1, "structure", ge=1, le=MAX_STEPS, description="steps between teacher refreshes; 1 is the live teacher of the method"
    )
    topology: Topology = editable("hub_and_spoke", "structure", description="who teaches whom")
    hub: Name | None = Field(default=None, description="the hub of hub_and_spoke; the first expert when unset")
    student: Name | None = Field(default=None, description="the expert that learns in static_opd; the first expert when unset")
    max_advantage: float | None = Field(default=5.0, gt=0, description="cap on |w·δ| per token; null for none")
