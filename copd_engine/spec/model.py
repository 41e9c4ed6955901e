"""The model every policy starts from, how its weights are updated, and how experts are merged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from copd_engine.spec.parts import MAX_STEPS, FieldError, Name, Part, Text, Weight, editable

ALL_LINEAR: Final = "all-linear"
MergeMethod = Literal["mean", "weighted", "task_arithmetic", "ties", "dare", "slerp"]


def _all_linear_or_names(targets: object) -> object:
    """Refuses, in one sentence, what a union of types would refuse once per type."""
    names = isinstance(targets, list | tuple) and targets and all(isinstance(name, str) and name for name in targets)
    if targets != ALL_LINEAR and not names:
        raise ValueError(f'must be "{ALL_LINEAR}" or a list of layer names such as [q_proj, v_proj]')
    return tuple(targets) if isinstance(targets, list) else targets  # a spec can be the key of a mapping


class Lora(Part):
    """Experts as low-rank adapters of the base (arXiv:2106.09685): W + alpha / rank · B A, of which only A and B train."""

    rank: int = Field(default=16, ge=1, le=4096)
    alpha: float = Field(default=32.0, gt=0, le=1e6)
    targets: Annotated[Literal["all-linear"] | tuple[Text, ...], BeforeValidator(_all_linear_or_names)] = Field(
        default=ALL_LINEAR, description="the last part of the names of the layers that get one; all-linear: every linear one but the output"
    )


class Model(Part):
    """The model every policy starts from."""

    path: Annotated[Text, StringConstraints(min_length=1, max_length=1024)] = Field(
        default="tiny", description="`tiny` (shipped), a local folder or .gguf file, or a Hugging Face id"
    )
    dtype: Literal["float32", "bfloat16"] = Field(default="float32", description="compute dtype; optimizer and weights stay float32")
    lora: Lora | None = Field(default=None, description="train adapters on one shared base; null: all weights")


class Optimizer(Part):
    """AdamW on float32 weights."""

    lr: float = editable(1e-4, "value", ge=0, le=1, description="at its highest: warm-up rises to it, the schedule may fall from it")
    schedule: Literal["constant", "linear", "cosine"] = Field(
        default="constant", description="how the learning rate falls from the warm-up's end to the last planned step of a policy"
    )
    warmup: int = Field(default=0, ge=0, le=MAX_STEPS, description="steps over which the learning rate rises to lr")
    beta1: float = Field(default=0.9, ge=0, lt=1)
    beta2: float = Field(default=0.999, ge=0, lt=1)
    eps: float = Field(default=1e-8, gt=0)
    weight_decay: float = Field(default=0.01, ge=0, le=1)
    grad_clip: float = Field(default=1.0, gt=0, description="largest global gradient norm")
    updates: int = Field(
        default=1, ge=1, le=64, description="updates on the rollouts of each step (μ of GRPO); only from the second on do ratio clips act"
    )


class Merge(Part):
    """How experts become one model (formulas in `copd_engine/merge.py`). The default is the plain mean."""

    method: MergeMethod = Field(
        default="mean",
        description="`mean`; `weighted` mean; `task_arithmetic`, `ties` and `dare` on what each expert adds to the base; `slerp` of two",
    )
    weights: dict[Name, Weight] | None = Field(
        default=None, description="expert → weight; only their proportions matter, and an expert not named weighs 1"
    )
    scale: float = Field(default=1.0, ge=0, le=100, description="how far to go from the base (task_arithmetic, ties, dare)")
    density: float = Field(default=1.0, gt=0, le=1, description="share of each expert's change that is kept (ties, dare); 1 keeps all")
    seed: int | None = Field(default=None, ge=0, lt=2**31, description="of dare's masks; the run's seed when unset")

    @property
    def needs_base(self) -> bool:
        """Whether the method works on what experts add to the base."""
        return self.method in ("task_arithmetic", "ties", "dare")

    def problems(self, merged: Sequence[str]) -> Iterator[FieldError]:
        """What does not fit the method, or the names of the policies that are merged."""
        if self.method == "slerp" and len(merged) != 2:
            yield FieldError("merge.method", f"slerp joins exactly two experts, and {len(merged)} are merged; use another method")
        trims = self.method in ("ties", "dare")
        takes = {"weights": self.method != "mean", "scale": self.needs_base, "density": trims, "seed": self.method == "dare"}
        for field, allowed in takes.items():
            if not allowed and getattr(self, field) != type(self).model_fields[field].default:
                yield FieldError(f"merge.{field}", f"method {self.method} does not use it; leave it out")
        for name in self.weights or {}:
            if name not in merged:
                yield FieldError(f"merge.weights.{name}", f"no such expert is merged; merged are {', '.join(sorted(merged))}")
        if self.weights and not any(self.weights.get(name, 1.0) for name in merged):
            yield FieldError("merge.weights", "at least one merged expert must weigh more than 0")
