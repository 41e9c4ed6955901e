"""Log-probs of given tokens under a policy, in chunks from hidden states: a [B, T, V] float32 tensor never exists.

`Scorer` is a protocol over plain batches, so that a remote teacher can stand behind it; the local one is a snapshot in this process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from copd_engine.domains import Prompt
from copd_engine.policy import Policy, PromptBatch

CHUNK_LOGITS = 1 << 24  # logits computed at once: 64 MiB of float32


class Scorer(Protocol):
    def score(self, batch: PromptBatch, rows: Tensor, tokens: Tensor, mask: Tensor, temperature: float) -> Tensor:
        """Log-probs [N, T] float32 of `tokens` [N, T], completions of the prompts `rows` [N]; 0 where `mask` is false. No gradient."""
        ...


class LocalScorer:
    """Scores with a policy in this process."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    @torch.no_grad()
    def score(self, batch: PromptBatch, rows: Tensor, tokens: Tensor, mask: Tensor, temperature: float) -> Tensor:
        hidden = self.policy.hidden(batch, rows, tokens)
        return token_log_probs(self.policy, hidden, tokens, mask, temperature)[0]


@dataclass(frozen=True)
class MicroBatch:
    """Completions that go through a model together: their encoded prompts, rows [n] into these, and which of all N they are."""

    batch: PromptBatch
    rows: Tensor
    chosen: slice


def micro_batches(policy: Policy, prompts: Sequence[Prompt], samples: int, size: int) -> list[MicroBatch]:
    """Cuts the N = len(prompts) x samples completions, those of a prompt together, into pieces of at most `size` (0: one piece)."""
    rows = torch.arange(len(prompts)).repeat_interleave(samples)
    pieces = []
    for start in range(0, len(rows), size or len(rows)):
        chosen = slice(start, min(start + (size or len(rows)), len(rows)))
        first, last = int(rows[chosen.start]), int(rows[chosen.stop - 1])
        encoded = policy.encode(prompts[first : last + 1])
        pieces.append(MicroBatch(encoded, (rows[chosen] - first).to(policy.device), chosen))
    return pieces


def token_log_probs(policy: Policy, hidden: Tensor, tokens: Tensor, mask: Tensor, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
    """Log-probs and entropies (nats, detached) at the states `hidden` [N, T, H] that predict `tokens` [N, T].

    Both [N, T] float32, 0 where `mask` [N, T] is false; temperature divides the logits. Differentiable in the log-probs; with a
    gradient and more than one chunk the logits are recomputed in the backward pass instead of kept.
    """
    where = torch.nonzero(mask.reshape(-1)).squeeze(1)
    states, chosen = hidden.reshape(-1, hidden.shape[-1])[where], tokens.reshape(-1)[where]
    log_probs, entropies = [], []
    chunks = list(state_chunks(policy, len(where)))
    recompute = torch.is_grad_enabled() and len(chunks) > 1
    for chunk in chunks:
        arguments = (policy, states[chunk], chosen[chunk], temperature)
        one: Any = checkpoint(_log_probs, *arguments, use_reentrant=False) if recompute else _log_probs(*arguments)
        log_probs.append(one[0])
        entropies.append(one[1])
    empty = hidden.new_zeros(mask.numel(), dtype=torch.float32)
    spread = [empty.index_put((where,), torch.cat(part)).reshape(mask.shape) for part in (log_probs, entropies)]
    return spread[0], spread[1]


def state_chunks(policy: Policy, count: int) -> list[slice]:
    """Slices of `count` states whose logits fit in memory together."""
    size = max(1, CHUNK_LOGITS // policy.head.weight.shape[0])
    return [slice(start, min(start + size, count)) for start in range(0, max(count, 1), size)]


def _log_probs(policy: Policy, hidden: Tensor, tokens: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """hidden [S, H], tokens [S] -> log-probs [S], entropies [S]."""
    log_probs = policy.logits(hidden, temperature).log_softmax(dim=-1)
    with torch.no_grad():
        entropy = -(log_probs.exp() * log_probs).sum(dim=-1)
    return log_probs.gather(1, tokens.unsqueeze(1)).squeeze(1), entropy
