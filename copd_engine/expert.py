"""One trainable policy: float32 weights, AdamW, and the number of steps behind it. There is no other state."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.optim import AdamW

from copd_engine.policy import Policy
from copd_engine.spec import Optimizer

_MOMENTS = ("exp_avg", "exp_avg_sq", "step")


class TrainingError(RuntimeError):
    """A loss or gradient that is not a number: names the policy and the step, which was not taken."""


def learning_rate(lr: float, settings: Optimizer, step: int, horizon: int) -> float:
    """The rate of step `step` (from 1): rising in a line to `lr` at step `warmup`, and then as the schedule says.

    Linear and cosine fall from `lr` at the first step after the warm-up towards 0 at the one after step `horizon`.
    """
    if step <= settings.warmup:
        return lr * (step / settings.warmup)
    if settings.schedule == "constant":
        return lr
    done = min(1.0, (step - settings.warmup - 1) / max(1, horizon - settings.warmup))
    return lr * (1 - done if settings.schedule == "linear" else (1 + math.cos(math.pi * done)) / 2)


class Expert:
    """`step` steps have been taken, of `horizon` that are planned. A parameter that never had a gradient has no moments and is
    not decayed."""

    def __init__(self, name: str, policy: Policy, settings: Optimizer, step: int = 0, horizon: int = 0) -> None:
        self.name, self.policy, self.settings, self.step, self.horizon = name, policy, settings, step, horizon
        self.parameters = policy.tensors()
        self.optimizer = AdamW(
            self.parameters.values(),
            lr=settings.lr,
            betas=(settings.beta1, settings.beta2),
            eps=settings.eps,
            weight_decay=settings.weight_decay,
            fused=True,
        )

    @property
    def lr(self) -> float:
        """The learning rate of the last step taken."""
        return self.optimizer.param_groups[0]["lr"]

    def backward(self, loss: Tensor, batch: str) -> None:
        """Adds the gradient of a part's loss, a scalar. Raises TrainingError, naming `batch`, when the loss is not finite."""
        if not math.isfinite(loss.item()):
            raise TrainingError(f"{self.name}: the loss of step {self.step + 1} is {loss.item()} ({batch}); the step was not taken")
        loss.backward()

    def update(self, lr: float, grad_clip: float) -> float:
        """One AdamW update on the summed gradients, clipped to a global norm; returns the norm before clipping. The schedule multiplies
        `lr`. Whoever calls it counts the step.

        Raises TrainingError, leaving the weights as they are, when the norm is not finite.
        """
        norm = torch.nn.utils.clip_grad_norm_(self.parameters.values(), grad_clip).item()
        if not math.isfinite(norm):
            raise TrainingError(f"{self.name}: the gradient norm of step {self.step + 1} is {norm}; the step was not taken")
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(lr, self.settings, self.step + 1, self.horizon)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return norm

    def optimizer_tensors(self) -> dict[str, Tensor]:
        """AdamW's state as `exp_avg.<parameter>`, `exp_avg_sq.<parameter>` and `step.<parameter>`."""
        state = self.optimizer.state
        return {f"{kind}.{name}": state[p][kind] for name, p in self.parameters.items() if p in state for kind in _MOMENTS}

    def load_optimizer(self, tensors: Mapping[str, Tensor]) -> None:
        """The inverse of `optimizer_tensors`. Raises ValueError for a tensor that fits no parameter."""
        unknown = {key.split(".", 1)[1] for key in tensors} - self.parameters.keys()
        if unknown:
            raise ValueError(f"optimizer state does not fit the model: no parameter {min(unknown)}")
        state = {
            index: {kind: tensors[f"{kind}.{name}"] for kind in _MOMENTS}
            for index, name in enumerate(self.parameters)
            if f"step.{name}" in tensors
        }
        self.optimizer.load_state_dict({"state": state, "param_groups": self.optimizer.state_dict()["param_groups"]})
