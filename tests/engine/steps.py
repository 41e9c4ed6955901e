"""One optimizer step of a tiny expert, for tests: with given teachers, and with its gradient caught before the update."""

from collections.abc import Callable

import torch
from torch import Tensor

from copd_engine.cache import PolicyCache
from copd_engine.clock import Clock
from copd_engine.control import StepValues
from copd_engine.expert import Expert
from copd_engine.policy import Policy
from copd_engine.spec import RunSpec
from copd_engine.training import Teacher, Trainer

Build = Callable[..., RunSpec]


def expert_of(cache: PolicyCache, spec: RunSpec) -> Expert:
    return Expert("text", cache.copy_of_base(spec.model), spec.optimizer)


def trainer_of(cache: PolicyCache, spec: RunSpec, expert: Expert, teachers: dict[str, Policy] | None = None) -> Trainer:
    """Teachers: name → policy. The reference of a KL penalty is the base moved a little, as if training had gone on."""
    reference = perturbed(cache, spec, seed=7) if spec.rlvr.kl else None
    taught = {name: Teacher(policy, cache.domain(name, spec.domains[name])) for name, policy in (teachers or {}).items()}
    return Trainer(expert, spec, [cache.domain("text", spec.domains["text"])], taught, Clock(), lambda: None, reference)


def values(w: dict[str, float] | None = None, lr: float = 1e-3) -> StepValues:
    return StepValues(lr=lr, temperature=1.0, w=w or {})


class Caught(Expert):
    """An expert that keeps its gradient and takes no step."""

    gradient: dict[str, Tensor]

    def update(self, lr: float, grad_clip: float) -> float:  # noqa: ARG002 – the signature of an expert's update
        self.gradient = {n: p.grad.clone() for n, p in self.parameters.items() if p.grad is not None}
        return 0.0


def gradient(cache: PolicyCache, spec: RunSpec, w: dict[str, float] | None = None, **teachers: Policy) -> dict[str, Tensor]:
    """The gradient of one step, caught before the update."""
    expert = Caught("text", cache.copy_of_base(spec.model), spec.optimizer)
    trainer_of(cache, spec, expert, teachers).step(values(w))
    return expert.gradient


def perturbed(cache: PolicyCache, spec: RunSpec, seed: int = 1) -> Policy:
    policy = cache.copy_of_base(spec.model)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in policy.tensors().values():
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
    return policy
