"""The merged model: the uniform mean of the experts' parameters, tensor by tensor from their files. No model is instantiated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack

import torch
from torch import Tensor

from copd_engine.attempt import Attempt
from copd_engine.checkpoint import opened, publish


def mean(tensors: Sequence[Tensor]) -> Tensor:
    """The elementwise mean in the tensors' own type; of identical tensors, exactly that tensor.

    Summed in float64, in which the sum of fewer than 2**29 equal float32 numbers is exact, and so is its division. Raises ValueError when
    shapes or types differ.
    """
    first, *rest = tensors
    if any(t.shape != first.shape or t.dtype != first.dtype for t in rest):
        raise ValueError(f"cannot merge tensors of shapes {[list(t.shape) for t in tensors]} and types {[str(t.dtype) for t in tensors]}")
    total = first.to(torch.float64, copy=True)
    for tensor in rest:
        total += tensor
    return (total / len(tensors)).to(first.dtype)


class MeanTensors(Mapping[str, Tensor]):
    """The mean of several models, each tensor computed when asked for. Raises ValueError when their names differ."""

    def __init__(self, models: Sequence[Mapping[str, Tensor]]) -> None:
        for model in models[1:]:
            if difference := model.keys() ^ models[0].keys():
                raise ValueError(f"cannot merge different models: {min(difference)} is not in all of them")
        self._models = models

    def __getitem__(self, name: str) -> Tensor:
        return mean([model[name] for model in self._models])

    def __iter__(self) -> Iterator[str]:
        return iter(self._models[0])

    def __len__(self) -> int:
        return len(self._models[0])


def merge(attempt: Attempt) -> None:
    """Publishes the mean of the segment's experts as a snapshot."""
    segment = attempt.segment
    attempt.look()
    with ExitStack() as stack, attempt.clock("merge"):
        models = [stack.enter_context(opened(attempt.store, attempt.path_of(ref))).weights for ref in segment.teachers]
        record = publish(attempt.store, f"{attempt.job.folder}/{segment.end}", segment.policy, segment.step, MeanTensors(models))
    attempt.stored(record)
