"""GRPO (arXiv:2402.03300) with the asymmetric clip of DAPO (arXiv:2503.14476). Pure functions of tensors.

Letters: P prompts, G rollouts per prompt, B = P x G sequences, T tokens of a completion.
"""

from __future__ import annotations

import torch
from torch import Tensor

STD_EPS = 1e-4  # added to a group's standard deviation, as TRL does


def group_advantages(rewards: Tensor) -> Tensor:
    """Â_i = (r_i − mean) / (std + 1e-4) within each group, std with ddof = 1. rewards [P, G] -> [P, G].

    A group whose rewards are all equal gets exactly 0: it teaches nothing.
    """
    mean = rewards.mean(dim=1, keepdim=True)
    std = rewards.std(dim=1, keepdim=True, correction=1)
    advantages = (rewards - mean) / (std + STD_EPS)
    # The mean of equal numbers may be off by one rounding; the difference must not count.
    return torch.where(equal_groups(rewards).unsqueeze(1), torch.zeros_like(advantages), advantages)


def equal_groups(rewards: Tensor) -> Tensor:
    """Which groups have all rewards equal: rewards [P, G] -> bool [P]."""
    return (rewards == rewards[:, :1]).all(dim=1)


def clipped_losses(
    log_probs: Tensor, old_log_probs: Tensor, advantages: Tensor, mask: Tensor, clip_low: float, clip_high: float
) -> tuple[Tensor, Tensor]:
    """The clipped surrogate of each sequence, and how many of its tokens the clip stops.

    −1/|y| Σ_t min(ρ_t A_t, clip(ρ_t, 1−clip_low, 1+clip_high) A_t) with ρ_t = exp(log_probs − old_log_probs).

    log_probs, old_log_probs, mask [B, T]; advantages [B, T], or [B, 1] for one per sequence. Returns losses [B], whose mean is the
    loss of the batch, and clipped [B], a count of tokens. A sequence without tokens has loss 0.
    """
    mask = mask.to(log_probs.dtype)
    ratio = torch.exp(log_probs - old_log_probs)
    clipped_ratio = ratio.clamp(1 - clip_low, 1 + clip_high)
    surrogate = torch.minimum(ratio * advantages, clipped_ratio * advantages)
    losses = -(surrogate * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)
    stopped = ((ratio < 1 - clip_low) & (advantages < 0)) | ((ratio > 1 + clip_high) & (advantages > 0))
    return losses, (stopped * mask).sum(dim=1)
