"""How alike two policies are on the states one of them visits: overlap of their likeliest tokens, and divergences. Pure.

p is the student, q the teacher, S the number of states (a prompt with the completion so far), V the vocabulary, K the top-k.
Everything in nats and float32 or better.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from copd_engine.policy import Policy
from copd_engine.scoring import state_chunks

LN2 = math.log(2)


def top_k_mask(scores: Tensor, k: int) -> Tensor:
    """Which entries are among the k largest of their row: scores [S, V] -> bool [S, V], exactly k true per row.

    Ties at the boundary go to the lower id, so that the answer is a function of the numbers alone.
    Raises ValueError unless 1 <= k <= V.
    """
    if not 1 <= k <= scores.shape[-1]:
        raise ValueError(f"top_k must be between 1 and the vocabulary's {scores.shape[-1]}, got {k}")
    threshold = scores.topk(k, dim=-1).values[..., -1:]
    above, ties = scores > threshold, scores == threshold
    room = k - above.sum(dim=-1, keepdim=True)
    return above | (ties & (ties.cumsum(dim=-1) <= room))


def compare_logits(student: Tensor, teacher: Tensor, k: int) -> dict[str, Tensor]:
    """All measures at each state: logits [S, V] of both -> name -> [S].

    overlap |Top_k(p) ∩ Top_k(q)| / k; overlap_mass Σ_{v in both} p(v); argmax_agreement (overlap at k = 1);
    kl_student_teacher KL(p‖q); kl_teacher_student KL(q‖p); symmetric_kl their sum (Jeffreys, unhalved); jsd in [0, ln 2];
    entropy_student H(p); entropy_teacher H(q); entropy_gap H(q) − H(p).
    """
    log_p, log_q = student.log_softmax(dim=-1), teacher.log_softmax(dim=-1)
    p, q = log_p.exp(), log_q.exp()
    shared = top_k_mask(student, k) & top_k_mask(teacher, k)
    log_mean = torch.logaddexp(log_p, log_q) - LN2
    forward, backward = _kl(p, log_p, log_q), _kl(q, log_q, log_p)
    entropy_p, entropy_q = _cross_entropy(p, log_p), _cross_entropy(q, log_q)
    return {
        "overlap": shared.sum(dim=-1).to(p.dtype) / k,
        "overlap_mass": (p * shared).sum(dim=-1),
        "argmax_agreement": (top_k_mask(student, 1) & top_k_mask(teacher, 1)).any(dim=-1).to(p.dtype),
        "kl_student_teacher": forward,
        "kl_teacher_student": backward,
        "symmetric_kl": forward + backward,
        "jsd": (0.5 * (_kl(p, log_p, log_mean) + _kl(q, log_q, log_mean))).clamp(max=LN2),
        "entropy_student": entropy_p,
        "entropy_teacher": entropy_q,
        "entropy_gap": entropy_q - entropy_p,
    }


def sampled_kl(student_log_probs: Tensor, teacher_log_probs: Tensor) -> dict[str, Tensor]:
    """Estimates of KL(p‖q) from tokens sampled by the student (Schulman, "Approximating KL divergence", 2020), in nats.

    Log-probs of the sampled tokens under both, of one shape, say [B, T] -> name -> the same shape.
    k1 = log p − log q; k2 = k1²/2; k3 = q/p − 1 − log(q/p), which is never negative.
    """
    k1 = student_log_probs - teacher_log_probs
    return {"k1": k1, "k2": 0.5 * k1.square(), "k3": torch.expm1(-k1) + k1}


@torch.no_grad()
def compare_states(student: Policy, student_states: Tensor, teacher: Policy, teacher_states: Tensor, k: int) -> dict[str, Tensor]:
    """`compare_logits` for hidden states [S, H] of both policies, in chunks -> name -> [S].

    Raises ValueError when the vocabularies differ: their ids do not mean the same tokens.
    """
    sizes = student.head.weight.shape[0], teacher.head.weight.shape[0]
    if sizes[0] != sizes[1]:
        raise ValueError(f"student and teacher have different vocabularies ({sizes[0]} and {sizes[1]} tokens)")
    parts = [
        compare_logits(student.logits(student_states[chunk]), teacher.logits(teacher_states[chunk]), k)
        for chunk in state_chunks(student, len(student_states))
    ]
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def _kl(p: Tensor, log_p: Tensor, log_q: Tensor) -> Tensor:
    """Σ p (log p − log q) over the last axis, where 0 · anything = 0; never below 0, as rounding alone would make it."""
    return torch.where(p > 0, p * (log_p - log_q), 0.0).sum(dim=-1).clamp(min=0)


def _cross_entropy(p: Tensor, log_q: Tensor) -> Tensor:
    return -torch.where(p > 0, p * log_q, 0.0).sum(dim=-1)
