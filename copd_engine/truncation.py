"""Sampling from the likely part of a distribution only. Pure."""

from __future__ import annotations

import torch
from torch import Tensor

from copd_engine.agreement import top_k_mask
from copd_engine.policy import FORBIDDEN_LOGIT


def truncated(log_probs: Tensor, top_k: int, top_p: float) -> Tensor:
    """The distribution kept by top-k, renormalised, and then by top-p, renormalised: log-probs [R, V] -> [R, V].

    top_k: that many of the likeliest tokens; 0 for all. top_p: the fewest of the likeliest tokens whose probability reaches top_p (nucleus
    sampling, Holtzman et al., arXiv:1904.09751); 1 for all. Ties go to the lower id. What is cut has probability exactly 0.
    """
    if 0 < top_k < log_probs.shape[-1]:
        log_probs = _kept(log_probs, top_k_mask(log_probs, top_k))
    if top_p < 1:
        ordered, ids = log_probs.sort(dim=-1, descending=True, stable=True)
        probs = ordered.double().exp()
        before = probs.cumsum(dim=-1) - probs  # the probability of all likelier tokens
        before[..., 0] = 0.0
        keep = torch.empty_like(before, dtype=torch.bool).scatter_(-1, ids, before < top_p)
        log_probs = _kept(log_probs, keep)
    return log_probs


def _kept(log_probs: Tensor, keep: Tensor) -> Tensor:
    return log_probs.masked_fill(~keep, FORBIDDEN_LOGIT).log_softmax(dim=-1)
