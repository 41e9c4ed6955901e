"""Losses of reinforcement learning with verifiable rewards: GRPO and its relatives. Pure functions of tensors; see docs/losses.md.

A loss is a mean over sequences of a sum over tokens of clipped surrogates, divided by a length. `LOSSES` says by name what each
takes for its advantages, its ratio and its length.

Letters: P prompts, G rollouts per prompt, B = P x G sequences, T tokens of a completion.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

import torch
from torch import Tensor

from copd_engine.spec.learning import RlvrLoss

STD_EPS = 1e-4  # added to a group's standard deviation, as TRL does

# -- rewards -> advantages ---------------------------------------------------------------------------------------------


def group_advantages(rewards: Tensor, scaled: bool = True) -> Tensor:
    """Â_i = (r_i − mean) / (std + 1e-4) within each group, std with ddof = 1; r_i − mean unless `scaled`. rewards [P, G] -> [P, G].

    A group whose rewards are all equal gets exactly 0: it teaches nothing.
    """
    advantages = rewards - rewards.mean(dim=1, keepdim=True)
    if scaled:
        advantages = advantages / (rewards.std(dim=1, keepdim=True, correction=1) + STD_EPS)
    # The mean of equal numbers may be off by one rounding; the difference must not count.
    return torch.where(equal_groups(rewards).unsqueeze(1), torch.zeros_like(advantages), advantages)


def equal_groups(rewards: Tensor) -> Tensor:
    """Which groups have all rewards equal: rewards [P, G] -> bool [P]."""
    return (rewards == rewards[:, :1]).all(dim=1)


def overlong_penalty(lengths: Tensor, max_new_tokens: int, buffer: int) -> Tensor:
    """DAPO's soft penalty, to be added to a reward (arXiv:2503.14476, eq. 13): 0 up to max_new_tokens − buffer tokens, from there linearly
    down to −1 at max_new_tokens. lengths in tokens, any shape -> float32 of the same shape; buffer >= 1.
    """
    return ((max_new_tokens - buffer - lengths.float()) / buffer).clamp(-1, 0)


# -- log-probs -> a term per token -------------------------------------------------------------------------------------


class Surrogate(NamedTuple):
    """−min(ρ A, clip(ρ, 1−clip_low, 1+clip_high) A), and where the clip stops the gradient: both [B, T], or [B, 1] for one per sequence."""

    terms: Tensor
    stopped: Tensor


def token_surrogate(
    log_probs: Tensor, old_log_probs: Tensor, advantages: Tensor, mask: Tensor, clip_low: float, clip_high: float
) -> Surrogate:
    """A ratio for each token, ρ_t = exp(log_probs − old_log_probs) (arXiv:2402.03300, eq. 3; asymmetric clip of arXiv:2503.14476).

    log_probs, old_log_probs, mask [B, T]; advantages [B, T], or [B, 1] for one per sequence.
    """
    del mask  # a token's ratio is its own matter; the signature is that of `sequence_surrogate`
    return _clipped(torch.exp(log_probs - old_log_probs), advantages, clip_low, clip_high)


def sequence_surrogate(
    log_probs: Tensor, old_log_probs: Tensor, advantages: Tensor, mask: Tensor, clip_low: float, clip_high: float
) -> Surrogate:
    """One ratio for a whole sequence, s = exp(1/|y| Σ_t (log_probs − old_log_probs)) (arXiv:2507.18071, eq. 7).

    log_probs, old_log_probs, mask [B, T]; advantages [B, 1] -> terms [B, 1], equal for all tokens of the sequence.
    """
    mask = mask.to(log_probs.dtype)
    mean = ((log_probs - old_log_probs) * mask).sum(dim=1, keepdim=True) / mask.sum(dim=1, keepdim=True).clamp(min=1)
    return _clipped(torch.exp(mean), advantages, clip_low, clip_high)


def _clipped(ratio: Tensor, advantages: Tensor, clip_low: float, clip_high: float) -> Surrogate:
    surrogate = torch.minimum(ratio * advantages, ratio.clamp(1 - clip_low, 1 + clip_high) * advantages)
    stopped = ((ratio < 1 - clip_low) & (advantages < 0)) | ((ratio > 1 + clip_high) & (advantages > 0))
    return Surrogate(-surrogate, stopped)


def truncated_weights(log_probs: Tensor, sampler_log_probs: Tensor, cap: float) -> Tensor:
    """min(exp(log_probs − sampler_log_probs), cap), detached: corrects a term for a sampler whose probabilities differ from the trainer's.

    All [B, T]; without the cap the estimate would be unbiased, and its variance unbounded (Ionides 2008, "Truncated importance sampling").
    """
    return torch.exp(log_probs.detach() - sampler_log_probs).clamp(max=cap)


# -- terms -> a loss per sequence --------------------------------------------------------------------------------------


class Lengths(NamedTuple):
    """What a sum over tokens may be divided by, in tokens: own [B], of each sequence; the mean over the whole step's batch, all its
    micro-batches and domains; and the longest a completion may be."""

    own: Tensor
    mean: float
    longest: int


def own_length(lengths: Lengths) -> Tensor:
    """Tokens of each sequence [B], 1 for one without any, so that its loss is 0."""
    return lengths.own.clamp(min=1)


def sequence_losses(terms: Tensor, mask: Tensor, divisor: Tensor | float | None = None) -> Tensor:
    """Σ_t terms / divisor of each sequence, whose mean is the loss of the batch. terms [B, T] or [B, 1], mask [B, T] -> [B].

    divisor [B] or one number, in tokens; None: the sequence's own length.
    """
    mask = mask.to(terms.dtype)
    return (terms * mask).sum(dim=1) / (mask.sum(dim=1).clamp(min=1) if divisor is None else divisor)


@dataclass(frozen=True)
class Loss:
    """scaled: advantages are divided by the group's standard deviation. divisor: Lengths -> tokens [B], or one number for all."""

    scaled: bool
    surrogate: Callable[[Tensor, Tensor, Tensor, Tensor, float, float], Surrogate]
    divisor: Callable[[Lengths], Tensor | float]


LOSSES: Final[dict[RlvrLoss, Loss]] = {
    "grpo": Loss(True, token_surrogate, own_length),  # arXiv:2402.03300
    "dr_grpo": Loss(False, token_surrogate, lambda lengths: lengths.longest),  # arXiv:2503.20783
    "dapo": Loss(True, token_surrogate, lambda lengths: lengths.mean),  # arXiv:2503.14476: a mean over all tokens of the batch
    "gspo": Loss(True, sequence_surrogate, own_length),  # arXiv:2507.18071
}
