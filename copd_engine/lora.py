"""Low-rank adapters (LoRA, arXiv:2106.09685) through peft: W x + alpha / rank · B A x, of which only A [rank, in] and B [out, rank] train.

Every policy with an adapter is a model of its own whose weights are the base's very tensors: however many experts and teachers are in
memory, the base is there once, and none of them has to be switched to before it is used.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn

from copd_engine.noise import uniform
from copd_engine.policy import Policy
from copd_engine.spec import Lora

_ADAPTER = "default"


def with_adapter(base: Policy, settings: Lora, seed: int) -> Policy:
    """The base with a fresh adapter, which changes nothing yet: B is 0, and A depends on the seed and the layer's name alone.

    Shares the base's tensors, and freezes them. Raises ValueError for targets that are not there or cannot carry an adapter.
    """
    shared = {id(tensor): tensor for tensor in (*base.model.parameters(), *base.model.buffers())}
    model: Any = copy.deepcopy(base.model, shared)
    targets = settings.targets
    if not isinstance(targets, str):
        targets = list(targets)
        _check_targets(model, targets)
    alpha: Any = settings.alpha  # peft divides it by the rank and takes any number, whatever its annotation says
    config = LoraConfig(r=settings.rank, lora_alpha=alpha, target_modules=targets)
    inject_adapter_in_model(config, model, _ADAPTER)
    for name, module in model.named_modules():
        if isinstance(module, LoraLayer):
            _start(module, name, seed)
    return Policy(model, base.processor, base.dtype)


class DenseWeights(Mapping[str, Tensor]):
    """The full weights that a base [by its own names] and an adapter's tensors stand for, each computed in float64 when asked for."""

    def __init__(self, base: Mapping[str, Tensor], adapter: Mapping[str, Tensor], settings: Lora) -> None:
        self._base, self._adapter, self._scale = base, adapter, settings.alpha / settings.rank

    def __getitem__(self, name: str) -> Tensor:
        weight = self._base[name].detach().cpu()
        layer = name.removesuffix(".weight")
        a, b = (f"{layer}.lora_{factor}.{_ADAPTER}.weight" for factor in "AB")
        if name == layer or a not in self._adapter:
            return weight
        return (weight.double() + self._scale * (self._adapter[b].double() @ self._adapter[a].double())).to(weight.dtype)

    def __iter__(self) -> Iterator[str]:
        return iter(self._base)

    def __len__(self) -> int:
        return len(self._base)


def _check_targets(model: Any, targets: Sequence[str]) -> None:
    for target in targets:
        layers = [module for name, module in model.named_modules() if name == target or name.endswith(f".{target}")]
        if not layers:
            raise ValueError(f"model.lora.targets: the model has no layer called {target}")
        if any(not isinstance(layer, nn.Linear) or layer is model.get_output_embeddings() for layer in layers):
            raise ValueError(f"model.lora.targets: {target} cannot carry an adapter; name linear layers other than the output layer")


def _start(layer: Any, name: str, seed: int) -> None:
    """A uniform in ±1/√in, as LoRA's authors draw it; B zero."""
    a, b = layer.lora_A[_ADAPTER].weight, layer.lora_B[_ADAPTER].weight
    noise = torch.from_numpy(uniform((seed, "lora", name), np.arange(a.numel()))).view(a.shape)
    with torch.no_grad():
        a.copy_((2 * noise - 1) / math.sqrt(a.shape[1]))
        b.zero_()
