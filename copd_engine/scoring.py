"""Log-probs of given tokens under a policy, in chunks from hidden states: a [B, T, V] float32 tensor never exists.

`Scorer` is a protocol over plain batches, so that a remote teacher can stand behind it; the local one is a snapshot in this process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from copd_engine.domains import Prompt
from copd_engine.policy import Policy

CHUNK_LOGITS = 1 << 24  # logits computed at once: 64 MiB of float32

Progress = Callable[[], None]


class Scorer(Protocol):
    def score(self, prompts: Sequence[Prompt], rows: Tensor, tokens: Tensor, mask: Tensor, temperature: float) -> Tensor:
        """Log-probs [N, T] float32 of `tokens` [N, T], completions of prompts[rows]; 0 where `mask` is false. No gradient."""
        ...


class LocalScorer:
    """Scores with a policy in this process, `micro_batch` completions at a time (0: all)."""

    def __init__(self, policy: Policy, micro_batch: int = 0, progress: Progress = lambda: None) -> None:
        self.policy, self.micro_batch, self.progress = policy, micro_batch, progress

    @torch.no_grad()
    def score(self, prompts: Sequence[Prompt], rows: Tensor, tokens: Tensor, mask: Tensor, temperature: float = 1.0) -> Tensor:
        parts = []
        for some, local_rows, chosen in micro_batches(rows, self.micro_batch):
            batch = self.policy.encode([prompts[i] for i in some])
            hidden = self.policy.hidden(batch, local_rows.to(self.policy.device), tokens[chosen])
            parts.append(token_log_probs(self.policy, hidden, tokens[chosen], mask[chosen], temperature)[0])
            self.progress()
        return torch.cat(parts)


def micro_batches(rows: Tensor, size: int) -> list[tuple[list[int], Tensor, slice]]:
    """Cuts completions, of which those of a prompt lie together, into runs of at most `size` (0: one run).

    rows [N]: each completion's prompt. Each run: the prompts it needs, its completions' positions among these, and its slice of N.
    """
    count = len(rows)
    runs = []
    for start in range(0, count, size or count):
        chosen = slice(start, min(start + (size or count), count))
        prompts, local = torch.unique_consecutive(rows[chosen], return_inverse=True)
        runs.append((prompts.tolist(), local, chosen))
    return runs


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
