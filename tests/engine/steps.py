"""One optimizer step of a tiny expert, for tests: under any loss, with given teachers, its gradient caught before the update."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from copd_engine.cache import PolicyCache
from copd_engine.clock import Clock
from copd_engine.control import StepValues
from copd_engine.expert import Expert
from copd_engine.policy import Policy
from copd_engine.rlvr import LOSSES
from copd_engine.spec import RunSpec
from copd_engine.step import Teacher
from copd_engine.training import Trainer

Build = Callable[..., RunSpec]

# Fields of `rlvr` and `opd` that between them ask for every loss.
SIZE = {"steps": 2, "prompts": 2, "group": 4}
RLVR: list[dict[str, Any]] = [
    *({"loss": name} for name in LOSSES),
    {"loss": "dapo", "overlong_buffer": 2, "max_resamples": 2},
    {"kl": 0.3},
    {"importance_cap": 1.0},
]
SAMPLED: list[dict[str, Any]] = [{}, {"baseline": True}, {"bounded": 0.5}, {"gate": [0.5, 2.0]}]
KINDS: list[dict[str, Any]] = [{}, {"divergence": "forward_kl"}, {"divergence": "jsd", "beta": 0.5}]
DIVERGENCES: list[dict[str, Any]] = [
    *({"loss": "full"} | kind for kind in KINDS),
    *({"loss": "topk", "top_k": 5, "tail": tail} | kind for kind in KINDS for tail in ("renormalised", "raw", "bucket")),
]


def label(settings: dict[str, Any]) -> str:
    return "-".join(f"{name}={value}" for name, value in settings.items()) or "default"


def expert_of(cache: PolicyCache, spec: RunSpec) -> Expert:
    return Expert("text", cache.copy_of_base(spec.model), spec.optimizer)


def trainer_of(cache: PolicyCache, spec: RunSpec, expert: Expert, teachers: dict[str, Policy] | None = None) -> Trainer:
    """Teachers: name → policy. The reference of a KL penalty is the base moved a little, as if training had gone on."""
    reference = perturbed(cache, spec, seed=7) if spec.rlvr.kl else None
    taught = {name: Teacher(policy, cache.domain(name, spec.domains[name])) for name, policy in (teachers or {}).items()}
    return Trainer(expert, spec, [cache.domain("text", spec.domains["text"])], taught, Clock(), lambda: None, reference)


def values(spec: RunSpec, w: dict[str, float] | None = None, lr: float = 1e-3) -> StepValues:
    clip = spec.rlvr
    return StepValues(lr=lr, temperature=1.0, clip_low=clip.clip_low, clip_high=clip.clip_high, seed=spec.seed, w=w or {})


class Caught(Expert):
    """An expert that keeps its gradient and takes no step."""

    gradient: dict[str, Tensor]

    def update(self, lr: float, grad_clip: float) -> float:  # noqa: ARG002 – the signature of an expert's update
        self.gradient = {n: p.grad.clone() for n, p in self.parameters.items() if p.grad is not None}
        return 0.0


def gradient(cache: PolicyCache, spec: RunSpec, w: dict[str, float] | None = None, **teachers: Policy) -> dict[str, Tensor]:
    """The gradient of one step, caught before the update."""
    expert = Caught("text", cache.copy_of_base(spec.model), spec.optimizer)
    trainer_of(cache, spec, expert, teachers).step(values(spec, w))
    return expert.gradient


def perturbed(cache: PolicyCache, spec: RunSpec, seed: int = 1) -> Policy:
    policy = cache.copy_of_base(spec.model)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in policy.tensors().values():
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
    return policy
