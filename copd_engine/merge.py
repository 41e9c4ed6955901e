"""The merged model: the experts' parameters joined into one, tensor by tensor from their files. No model is instantiated.

Every method sees one tensor of each expert at a time, so that what a method takes over a whole tensor (the trimming of TIES, the angle of
SLERP) it takes per tensor. With θ_0 the base, θ_k the experts, λ_k their weights (normalised to sum 1) and τ_k = θ_k - θ_0:

    mean              1/K Σ θ_k
    weighted          Σ λ_k θ_k
    task_arithmetic   θ_0 + scale Σ λ_k τ_k                          (arXiv:2212.04089, whose λ is scale / K at equal weights)
    ties              θ_0 + scale (mean of the trimmed τ_k that have the elected sign)                         (arXiv:2306.01708)
    dare              θ_0 + scale Σ λ_k m_k τ_k / density, m_k Bernoulli(density) per entry                    (arXiv:2311.03099)
    slerp             from the first to the second expert on the great circle, the share λ_2 of the way

The functions below take tensors of one shape, any, and return that shape; what they sum, they sum in float64.
A LoRA expert enters as the full weights it stands for: its low-rank factors are never merged one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from copd_engine.attempt import Attempt
from copd_engine.checkpoint import publish
from copd_engine.noise import Key, uniform
from copd_engine.spec import Merge

MASK_CHUNK = 1 << 18  # entries whose noise is drawn at once: small enough for a processor's cache
PARALLEL = 1e-6  # below this sine of the angle between them, two tensors count as parallel


def mean(tensors: Sequence[Tensor]) -> Tensor:
    """The elementwise mean in the tensors' own type; of identical tensors, exactly that tensor.

    Summed in float64, in which the sum of fewer than 2**29 equal float32 numbers is exact, and so is its division. Raises ValueError when
    shapes or types differ.
    """
    first, *rest = _alike(tensors)
    total = first.to(torch.float64, copy=True)
    for tensor in rest:
        total += tensor
    return (total / len(tensors)).to(first.dtype)


def weighted(tensors: Sequence[Tensor], shares: Sequence[float]) -> Tensor:
    """Σ λ_k θ_k; the shares λ sum to 1."""
    return sum((share * tensor.double() for tensor, share in zip(tensors, shares, strict=True)), torch.zeros_like(tensors[0]).double())


def trimmed(task: Tensor, density: float) -> Tensor:
    """A task vector with all but the share `density` of its entries set to 0: the largest stay, and what equals the least of these.

    The first step of TIES (arXiv:2306.01708).
    """
    kept = max(1, round(density * task.numel()))
    if kept >= task.numel():
        return task
    least = task.abs().flatten().kthvalue(task.numel() - kept + 1).values
    return task.where(task.abs() >= least, 0.0)


def ties(tasks: Sequence[Tensor], shares: Sequence[float], density: float) -> Tensor:
    """Trims, elects each entry's sign by the weighted sum, and averages over those that agree with it; where the sum is 0, 0.

    Of several task vectors with shares λ that sum to 1 (arXiv:2306.01708).
    """
    short = [trimmed(task, density) for task in tasks]
    elected = weighted(short, shares).sign()
    total, mass = torch.zeros_like(elected), torch.zeros_like(elected)
    for task, share in zip(short, shares, strict=True):
        agrees = (task.sign() == elected) & (task != 0)
        total += agrees * share * task
        mass += agrees * share
    return total / mass.where(mass > 0, 1.0)


def dropped(task: Tensor, density: float, key: Key, progress: Callable[[], None] = lambda: None) -> Tensor:
    """A task vector with each entry kept at probability `density`, and divided by it. The mask is a function of key and position alone
    (arXiv:2311.03099).
    """
    if density == 1:
        return task
    kept = np.empty(task.numel(), dtype=bool)
    for start in range(0, len(kept), MASK_CHUNK):
        positions = np.arange(start, min(start + MASK_CHUNK, len(kept)))
        kept[positions] = uniform(key, positions) < density
        progress()
    return task * torch.from_numpy(kept).view(task.shape) / density


def slerp(first: Tensor, second: Tensor, t: float) -> Tensor:
    """(sin((1-t)ω) a + sin(tω) b) / sin ω, with ω the angle between a and b as vectors; straight interpolation when they are parallel
    (Shoemake, "Animating rotation with quaternion curves", SIGGRAPH 1985).
    """
    a, b = first.double(), second.double()
    lengths = a.norm() * b.norm()
    cosine = (a * b).sum() / lengths if lengths > 0 else torch.ones((), dtype=torch.float64)
    angle = cosine.clamp(-1, 1).acos()
    if angle.sin() < PARALLEL:
        return (1 - t) * a + t * b
    return (((1 - t) * angle).sin() * a + (t * angle).sin() * b) / angle.sin()


@dataclass(frozen=True)
class Recipe:
    """How to merge: the spec's settings, the seed of dare's masks, and what to call while large tensors are worked on."""

    settings: Merge
    seed: int = 0
    progress: Callable[[], None] = lambda: None

    def shares(self, names: Sequence[str]) -> list[float]:
        """λ_k: the weights over their sum; an expert that `weights` does not name weighs 1."""
        weights = [(self.settings.weights or {}).get(name, 1.0) for name in names]
        return [weight / sum(weights) for weight in weights]

    def merged(self, tensor: str, experts: Mapping[str, Tensor], base: Tensor | None) -> Tensor:
        """The tensor called `tensor`, from the experts' own, in their type. Raises ValueError when shapes or types differ."""
        self.progress()
        method = self.settings.method
        if method == "mean":
            return mean(list(experts.values()))
        names = list(experts) if method == "slerp" else sorted(experts)  # a sum in a fixed order: that of the experts changes no bit
        tensors, shares = _alike([experts[name] for name in names]), self.shares(names)
        if method == "slerp":
            result = slerp(*tensors, t=shares[1])
        elif method == "weighted":
            result = weighted(tensors, shares)
        else:
            assert base is not None  # whoever asks for these gives it
            result = self._from_base(tensor, dict(zip(names, tensors, strict=True)), shares, base.double())
        return result.to(tensors[0].dtype)

    def _from_base(self, tensor: str, experts: Mapping[str, Tensor], shares: Sequence[float], base: Tensor) -> Tensor:
        settings = self.settings
        tasks = {name: expert.double() - base for name, expert in experts.items()}
        if settings.method == "ties":
            return base + settings.scale * ties(list(tasks.values()), shares, settings.density)
        if settings.method == "dare":
            seed = self.seed if settings.seed is None else settings.seed
            tasks = {n: dropped(t, settings.density, (seed, "dare", n, tensor), self.progress) for n, t in tasks.items()}
        return base + settings.scale * weighted(list(tasks.values()), shares)


class MergedTensors(Mapping[str, Tensor]):
    """The merge of several models, each tensor computed when asked for. Raises ValueError when their names differ."""

    def __init__(self, experts: Mapping[str, Mapping[str, Tensor]], recipe: Recipe, base: Mapping[str, Tensor] | None = None) -> None:
        first, *rest = [*experts.values(), *([] if base is None else [base])]
        for model in rest:
            if difference := model.keys() ^ first.keys():
                raise ValueError(f"cannot merge different models: {min(difference)} is not in all of them")
        self._experts, self._recipe, self._base, self._names = experts, recipe, base, list(first)

    def __getitem__(self, name: str) -> Tensor:
        base = None if self._base is None else self._base[name].detach().cpu()
        return self._recipe.merged(name, {expert: model[name] for expert, model in self._experts.items()}, base)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def merge(attempt: Attempt) -> None:
    """Publishes the merge of the segment's experts as a snapshot."""
    segment, settings = attempt.segment, attempt.spec.merge
    attempt.look()
    with ExitStack() as stack, attempt.clock("merge"):
        experts = {ref.policy: stack.enter_context(attempt.dense_weights(ref)) for ref in segment.teachers}
        base = attempt.cache.base(attempt.spec.model).tensors() if settings.needs_base else None
        tensors = MergedTensors(experts, Recipe(settings, attempt.spec.seed, attempt.progress), base)
        path = f"{attempt.job.folder}/{segment.end}"
        record = publish(
            attempt.store, path, segment.policy, segment.step, tensors, like=next(iter(experts.values())), progress=attempt.progress
        )
    attempt.stored(record)


def _alike(tensors: Sequence[Tensor]) -> Sequence[Tensor]:
    first = tensors[0]
    if any(t.shape != first.shape or t.dtype != first.dtype for t in tensors):
        raise ValueError(f"cannot merge tensors of shapes {[list(t.shape) for t in tensors]} and types {[str(t.dtype) for t in tensors]}")
    return tensors
