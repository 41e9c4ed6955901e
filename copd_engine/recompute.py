"""Gradient checkpointing: a layer keeps only its input and is run again in the backward pass (arXiv:1604.06174).

transformers' own switches the key-value cache off, and with it the sharing of a prompt by its completions. Here the second run of a layer
finds the cache as the first run found it, so that values and gradients are those of the plain forward pass, bit for bit.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint
from transformers import DynamicCache
from transformers.modeling_layers import GradientCheckpointingLayer


def recompute_layers(model: nn.Module) -> None:
    """Makes every layer of a transformers model recompute itself where gradients are wanted. Twice is once."""
    for module in model.modules():
        if isinstance(module, GradientCheckpointingLayer) and "forward" not in vars(module):
            module.forward = _Recomputed(module)


class _Recomputed:
    """A layer's forward pass. Positional arguments and keywords are the layer's own."""

    def __init__(self, layer: nn.Module) -> None:
        self._forward = layer.forward
        numbers: list[Any] = [getattr(module, "layer_idx", None) for module in layer.modules()]
        self._index: int | None = next((number for number in numbers if isinstance(number, int)), None)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not torch.is_grad_enabled():
            return self._forward(*args, **kwargs)
        caches = self._caches(kwargs.get("past_key_values"))

        def run(*args: Any) -> Any:
            return self._forward(*args, **(kwargs | next(caches)))

        return checkpoint(run, *args, use_reentrant=False, preserve_rng_state=False)

    def _caches(self, cache: DynamicCache | None) -> Iterator[dict[str, Any]]:
        """The keyword for the first run, which fills the cache, and for each later one, which fills a copy that nobody reads."""
        if cache is None or self._index is None:
            while True:
                yield {}
        before = copy.copy(cache.layers[self._index])
        yield {"past_key_values": cache}
        while True:
            again = copy.copy(cache)
            again.layers = list(cache.layers)
            again.layers[self._index] = copy.copy(before)
            yield {"past_key_values": again}
