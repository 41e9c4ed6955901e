"""On-policy distillation as a policy gradient: the student's own tokens, scored by the teacher (arXiv:2604.27083, phase II).

The advantage of a token is w·δ with δ = log π_teacher − log π_student. It is detached: back-propagating δ itself has zero expected
gradient, because E[∇ log π_student] = 0 under the student's own samples. The surrogate is GRPO's (`rlvr.clipped_losses`), without
reward, baseline or group normalisation.
"""

from __future__ import annotations

from torch import Tensor


def log_ratio(teacher_log_probs: Tensor, student_log_probs: Tensor) -> Tensor:
    """δ [B, T], detached; −δ is the k1 estimate of KL(student ‖ teacher). Both arguments [B, T], at the sampled tokens."""
    return (teacher_log_probs - student_log_probs).detach()


def distillation_advantages(delta: Tensor, weight: float, cap: float | None) -> Tensor:
    """A_t = w·δ_t, cut to [−cap, cap] where a cap is given. delta [B, T] -> [B, T]."""
    advantages = weight * delta
    return advantages if cap is None else advantages.clamp(-cap, cap)
