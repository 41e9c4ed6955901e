"""Divergences of a student's next-token distribution from a teacher's, state by state, as losses. Pure functions of logits.

p is the student, q the teacher, S the number of states, V the vocabulary, K the top-k; in nats. Differentiable in both: whoever calls
detaches the teacher. `opd.loss: full` compares all tokens, `topk` some of them, in one of three ways that are three different losses:

renormalised: both distributions are restricted to the K tokens and sum to 1 there; where the rest goes is not seen.
bucket: all other tokens together are one more token; never above the full divergence, by the data processing inequality.
raw: the probabilities stay as they are, and do not sum to 1. The plain truncated sum Σ a (log a − log b) would fall below 0 and push
     probability about even where both agree; the generalised divergence Σ a (log a − log b) − a + b does neither.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from copd_engine.agreement import top_k_mask
from copd_engine.spec.learning import Divergence, Opd, Tail

ABSENT: Final = -1e9  # log-probability of a token left out: finite, so that 0 · log 0 is 0 and never NaN


def kl(log_a: Tensor, log_b: Tensor) -> Tensor:
    """Σ_v a (log a − log b) − a + b over the last axis: KL(a ‖ b), >= 0 for measures of any mass. [S, V] both -> [S].

    The last two terms sum to 0 for distributions; with them the gradient where both are equal is exactly 0, and not a rounding.
    """
    a = log_a.exp()
    return (a * (log_a - log_b) - a + log_b.exp()).sum(dim=-1)


def reverse_kl(log_p: Tensor, log_q: Tensor, beta: float | None = None) -> Tensor:
    """KL(student ‖ teacher): seeks the teacher's modes. [S, V] both -> [S]."""
    del beta
    return kl(log_p, log_q)


def forward_kl(log_p: Tensor, log_q: Tensor, beta: float | None = None) -> Tensor:
    """KL(teacher ‖ student): covers the teacher's modes. [S, V] both -> [S]."""
    del beta
    return kl(log_q, log_p)


def generalised_jsd(log_p: Tensor, log_q: Tensor, beta: float | None = 0.5) -> Tensor:
    """β KL(q ‖ m) + (1 − β) KL(p ‖ m) with m = β q + (1 − β) p (GKD, arXiv:2306.13649, eq. 1). [S, V] both -> [S].

    By GKD's convention β = 0 is KL(teacher ‖ student) and β = 1 KL(student ‖ teacher), which are the limits of JSD / β and JSD / (1 − β):
    JSD itself goes to 0 there. At 0.5 it is the Jensen-Shannon divergence, in [0, ln 2]. Raises ValueError for a β of None.
    """
    if beta is None:
        raise ValueError("opd.beta: the generalised JSD needs it")
    if beta == 0:
        return kl(log_q, log_p)
    if beta == 1:
        return kl(log_p, log_q)
    log_m = torch.logaddexp(log_q + math.log(beta), log_p + math.log1p(-beta))
    return beta * kl(log_q, log_m) + (1 - beta) * kl(log_p, log_m)


DIVERGENCES: Final[dict[Divergence, Callable[[Tensor, Tensor, float | None], Tensor]]] = {
    "reverse_kl": reverse_kl,
    "forward_kl": forward_kl,
    "jsd": generalised_jsd,
}


def top_k_support(log_p: Tensor, log_q: Tensor, k: int, divergence: Divergence) -> Tensor:
    """Which tokens `topk` compares: bool [S, V]. A set holds the largest weights of the sum it truncates.

    reverse_kl weights by the student: the student's top k. forward_kl weights by the teacher: the teacher's. jsd weights by both: the
    union, between k and 2k tokens. Raises ValueError unless 1 <= k <= V.
    """
    match divergence:
        case "reverse_kl":
            return top_k_mask(log_p.detach(), k)
        case "forward_kl":
            return top_k_mask(log_q.detach(), k)
        case "jsd":
            return top_k_mask(log_p.detach(), k) | top_k_mask(log_q.detach(), k)


def raw(log_p: Tensor, support: Tensor) -> Tensor:
    """Log-probs [S, V] as they are on the support, absent elsewhere."""
    return log_p.masked_fill(~support, ABSENT)


def renormalised(log_p: Tensor, support: Tensor) -> Tensor:
    """Log-probs [S, V] of the distribution restricted to the support."""
    return raw(log_p, support).log_softmax(dim=-1)


def bucket(log_p: Tensor, support: Tensor) -> Tensor:
    """Log-probs [S, V + 1]: those on the support, and last that of all other tokens together."""
    rest = log_p.masked_fill(support, ABSENT).logsumexp(dim=-1, keepdim=True)
    return torch.cat((raw(log_p, support), rest), dim=-1)


TAILS: Final[dict[Tail, Callable[[Tensor, Tensor], Tensor]]] = {"renormalised": renormalised, "raw": raw, "bucket": bucket}


def divergence_of(settings: Opd) -> Callable[[Tensor, Tensor], Tensor]:
    """The loss of `settings` (`full` or `topk`) as a function of log-probs [S, V] of student and teacher -> [S]."""
    measure = DIVERGENCES[settings.divergence]
    if settings.top_k is None or settings.tail is None:
        return lambda log_p, log_q: measure(log_p, log_q, settings.beta)
    k, restrict = settings.top_k, TAILS[settings.tail]

    def truncated(log_p: Tensor, log_q: Tensor) -> Tensor:
        support = top_k_support(log_p, log_q, k, settings.divergence)
        return measure(restrict(log_p, support), restrict(log_q, support), settings.beta)

    return truncated
