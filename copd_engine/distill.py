"""On-policy distillation as a policy gradient: the student's own tokens, scored by the teacher (arXiv:2604.27083, phase II).

The advantage of a token is w·δ with δ = log π_teacher − log π_student. It is detached: back-propagating δ itself has zero expected
gradient, because E[∇ log π_student] = 0 under the student's own samples. The surrogate is GRPO's (`rlvr.token_surrogate`), without
reward, baseline or group normalisation, unless one of the variants below is asked for. Losses on whole distributions: `divergence`.
"""

from __future__ import annotations

import torch
from torch import Tensor


def log_ratio(teacher_log_probs: Tensor, student_log_probs: Tensor) -> Tensor:
    """δ [B, T], detached; −δ is the k1 estimate of KL(student ‖ teacher). Both arguments [B, T], at the sampled tokens."""
    return (teacher_log_probs - student_log_probs).detach()


def bounded_reward(delta: Tensor, alpha: float) -> Tensor:
    """log(α·ρ + 1 − α) with ρ = exp(δ) and 0 < α < 1, in place of δ: never below log(1 − α), 0 where δ is (TOP-D, arXiv:2607.04751).

    delta [B, T] -> [B, T].
    """
    return torch.log1p(alpha * torch.expm1(delta))


def gate_weights(student_log_probs: Tensor, sampler_log_probs: Tensor, low: float, high: float) -> Tensor:
    """π_student/π_sampler of each token where it lies in [low, high], else 0; detached (MOPD, arXiv:2601.02780, eq. 8). All [B, T]."""
    weights = torch.exp(student_log_probs.detach() - sampler_log_probs)
    return torch.where((weights >= low) & (weights <= high), weights, 0.0)


def distillation_advantages(delta: Tensor, weight: float, cap: float | None) -> Tensor:
    """A_t = w·δ_t, cut to [−cap, cap] where a cap is given. delta [B, T] -> [B, T].

    `delta` may also be what a variant makes of it: with vOPD's baseline δ + KL(student ‖ teacher), whose mean at each state is 0
    (arXiv:2605.07865); the bounded reward; or either plus α times the group's advantage (arXiv:2601.02780, eq. 9).
    """
    advantages = weight * delta
    return advantages if cap is None else advantages.clamp(-cap, cap)
