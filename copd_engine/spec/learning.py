"""How an expert learns: from verifiable rewards (phase I), and from its teachers (phase II). docs/losses.md has the formulas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from copd_engine.spec.parts import MAX_STEPS, FieldError, Name, Part, SpecError, editable

Topology = Literal["hub_and_spoke", "full", "ring", "custom"]
RlvrLoss = Literal["grpo", "dr_grpo", "dapo", "gspo"]
OpdLoss = Literal["sampled", "full", "topk"]
Divergence = Literal["reverse_kl", "forward_kl", "jsd"]
Tail = Literal["renormalised", "raw", "bucket"]


class Rlvr(Part):
    """Phase I: policy gradient on the rewards of the expert's own domain, relative to the group."""

    steps: int = editable(36, "structure", ge=1, le=MAX_STEPS, description="steps of phase I in each round")
    prompts: int = Field(default=16, ge=1, le=65536, description="prompts per step")
    group: int = Field(default=8, ge=2, le=1024, description="rollouts per prompt (G)")
    temperature: float = editable(1.0, "value", gt=0, le=10, description="sampling temperature of training rollouts")
    loss: RlvrLoss = Field(
        default="grpo",
        description="`grpo`: mean of sequence means; `dr_grpo`: no std, tokens over a constant length; `dapo`: mean over all tokens; "
        "`gspo`: one ratio per sequence",
    )
    clip_low: float = editable(0.2, "value", ge=0, lt=1, description="lowest ratio is 1 − clip_low; acts from a step's second update on")
    clip_high: float = editable(
        0.28, "value", ge=0, le=10, description="highest ratio is 1 + clip_high; acts from a step's second update on"
    )
    kl: float = Field(default=0.0, ge=0, le=1000, description="weight of the k3 penalty to the base model; 0 never loads a reference")
    overlong_buffer: int = Field(
        default=0, ge=0, le=16384, description="last tokens before max_new_tokens over which a reward falls by up to 1 (DAPO); 0: none"
    )
    max_resamples: int = Field(
        default=0, ge=0, le=64, description="how often groups of equal rewards are replaced by further prompts (DAPO); 0: never"
    )
    importance_cap: float | None = Field(
        default=None, ge=1, le=1000, description="truncation C of the weight π_train/π_sampler per token; null for no weight"
    )


class Adaptive(Part):
    """When phase II happens (ours, not the paper's; `copd_engine/adaptive.py`): a round is one phase, chosen by the overlap measured
    at the end of the round before."""

    floor: float = Field(default=0.9, ge=0, le=1, description="a mean overlap below it brings phase II")
    ceiling: float = Field(default=0.95, ge=0, le=1, description="a mean overlap above it ends phase II")
    teach: bool = editable(False, "structure", description="whether a round is opd.steps of phase II, or rlvr.steps of phase I")

    @model_validator(mode="after")
    def _floor_is_below_ceiling(self) -> Self:
        if self.floor >= self.ceiling:
            raise SpecError([FieldError("opd.adaptive.floor", f"must be below the ceiling, {self.ceiling} (given: {self.floor})")])
        return self


class Opd(Part):
    """Distillation: a step is, for each teacher, one batch on the teacher's domain; in phase II of copd also one native RLVR batch."""

    steps: int = editable(24, "structure", ge=1, le=MAX_STEPS, description="steps of phase II in each round")
    sync_every: int = editable(
        1, "structure", ge=1, le=MAX_STEPS, description="steps between teacher refreshes; 1 is the live teacher of the method"
    )
    topology: Topology = editable("hub_and_spoke", "structure", description="who teaches whom")
    hub: Name | None = Field(default=None, description="the hub of hub_and_spoke; the first expert when unset")
    student: Name | None = Field(default=None, description="the expert that learns in static_opd; the first expert when unset")
    adaptive: Adaptive | None = Field(default=None, description="choose each round's phase by measured overlap; null: every round has both")
    max_advantage: float | None = Field(default=5.0, gt=0, description="cap on a token's advantage in `sampled`; null for none")
    loss: OpdLoss = Field(
        default="sampled",
        description="`sampled`: policy gradient on δ (the method); `full`, `topk`: a divergence of distributions",
    )
    divergence: Divergence = Field(default="reverse_kl", description="`sampled` estimates the reverse KL(student ‖ teacher)")
    beta: float | None = Field(default=None, ge=0, le=1, description="jsd: 0 is KL(teacher ‖ student), 1 is KL(student ‖ teacher)")
    top_k: int | None = Field(default=None, ge=1, le=1_000_000, description="topk: tokens per state that are compared")
    tail: Tail | None = Field(default=None, description="topk: what becomes of all other tokens; three different losses")
    baseline: bool = Field(default=False, description="sampled: A = δ + KL(student ‖ teacher), exact at each state (vOPD)")
    bounded: float | None = Field(default=None, gt=0, lt=1, description="sampled: α of log(α·π_T/π_S + 1 − α) in place of δ (TOP-D)")
    gate: Annotated[list[float], Field(min_length=2, max_length=2)] | None = Field(
        default=None, description="sampled: [low, high] outside which the weight π_student/π_sampler of a token is 0 (MOPD)"
    )
    outcome: float = Field(
        default=0.0, ge=0, le=1000, description="sampled: α of A = δ + α·Â, with Â the group's advantage in the teacher's domain (MOPD)"
    )

    @model_validator(mode="after")
    def _settings_fit_the_loss(self) -> Self:
        problems = [*self._sampled_problems(), *self._divergence_problems()]
        if problems:
            raise SpecError(problems)
        return self

    def _sampled_problems(self) -> Iterator[FieldError]:
        given = {"baseline": self.baseline, "bounded": self.bounded is not None, "gate": self.gate is not None, "outcome": self.outcome > 0}
        for name in (name for name, used in given.items() if used and self.loss != "sampled"):
            yield FieldError(f"opd.{name}", f"belongs to loss sampled; loss {self.loss} has no use for it")
        if self.baseline and self.bounded is not None:
            yield FieldError("opd.baseline", "is the mean of δ, not of the bounded reward; leave out one of baseline and bounded")
        if self.gate is not None and not 0 <= self.gate[0] < 1 < self.gate[1]:
            yield FieldError("opd.gate", f"must be [low, high] with 0 <= low < 1 < high: on-policy tokens weigh 1 (given: {self.gate})")
        if self.loss == "sampled" and self.divergence != "reverse_kl":
            yield FieldError("opd.divergence", f"loss sampled is the reverse KL; for {self.divergence} use loss full or topk")

    def _divergence_problems(self) -> Iterator[FieldError]:
        wanted = {"beta": self.divergence == "jsd", "top_k": self.loss == "topk", "tail": self.loss == "topk"}
        examples = {"beta": "0.5", "top_k": "32", "tail": "bucket"}
        for name, needed in wanted.items():
            owner = "divergence jsd" if name == "beta" else "loss topk"
            if needed and getattr(self, name) is None:
                yield FieldError(f"opd.{name}", f"{owner} needs it, for example {examples[name]}")
            if not needed and getattr(self, name) is not None:
                yield FieldError(f"opd.{name}", f"belongs to {owner}; leave it out")
