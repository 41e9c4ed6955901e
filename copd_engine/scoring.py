"""Log-probs of given tokens and divergences of distributions, in chunks from hidden states: a [B, T, V] float32 tensor never exists.

`Scorer` is a protocol over plain batches, so that a remote teacher can stand behind it; the local one is a snapshot in this process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from copd_engine.domains import Prompt
from copd_engine.policy import FORBIDDEN_LOGIT, Policy, PromptBatch

CHUNK_LOGITS = 1 << 24  # logits computed at once: 64 MiB of float32


class Scorer(Protocol):
    """What says how likely a policy finds given tokens."""

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

    def of_states(states: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
        log_probs = policy.logits(states, temperature).log_softmax(dim=-1)
        with torch.no_grad():
            entropy = -(log_probs.exp() * log_probs).sum(dim=-1)
        return log_probs.gather(1, chosen.unsqueeze(1)).squeeze(1), entropy

    return _over_states(of_states, state_chunks(policy, int(mask.sum())), mask, hidden, tokens)


@dataclass(frozen=True)
class States:
    """What a policy makes of its context before each token: hidden states [N, T, H]."""

    policy: Policy
    hidden: Tensor


def state_divergences(
    student: States,
    teacher: States,
    tokens: Tensor,
    mask: Tensor,
    temperature: float,
    divergence: Callable[[Tensor, Tensor], Tensor],
) -> tuple[Tensor, Tensor]:
    """`divergence` of the next-token distributions at each state, and δ = log π_teacher − log π_student of `tokens` (detached).

    tokens, mask [N, T]; both results [N, T] float32, 0 where `mask` is false. divergence: log-probs [S, V] of student and teacher -> [S].
    Differentiable in the student, never in the teacher. A token that either policy may not say counts for neither: a model's
    vocabulary is the same, its placeholders need not be. Raises ValueError when the vocabularies differ in size.
    """
    sizes = student.policy.head.weight.shape[0], teacher.policy.head.weight.shape[0]
    if sizes[0] != sizes[1]:
        raise ValueError(f"student and teacher have different vocabularies ({sizes[0]} and {sizes[1]} tokens)")
    forbidden = torch.tensor(sorted({*student.policy.forbidden_ids, *teacher.policy.forbidden_ids}), device=tokens.device, dtype=torch.long)

    def log_probs_of(policy: Policy, states: Tensor) -> Tensor:
        return policy.logits(states, temperature).index_fill(-1, forbidden, FORBIDDEN_LOGIT).log_softmax(dim=-1)

    def of_states(states: Tensor, teacher_states: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            log_q = log_probs_of(teacher.policy, teacher_states)
        log_p = log_probs_of(student.policy, states)
        delta = (log_q - log_p.detach()).gather(1, chosen.unsqueeze(1)).squeeze(1)
        return divergence(log_p, log_q), delta

    chunks = state_chunks(student.policy, int(mask.sum()))
    return _over_states(of_states, chunks, mask, student.hidden, teacher.hidden, tokens)


def state_chunks(policy: Policy, count: int) -> list[slice]:
    """Slices of `count` states whose logits fit in memory together."""
    size = max(1, CHUNK_LOGITS // policy.head.weight.shape[0])
    return [slice(start, min(start + size, count)) for start in range(0, max(count, 1), size)]


def _over_states(
    function: Callable[..., tuple[Tensor, Tensor]], chunks: Sequence[slice], mask: Tensor, *arguments: Tensor
) -> tuple[Tensor, Tensor]:
    """Both results of `function` at the states where `mask` [N, T] is true, a chunk at a time: [N, T], 0 elsewhere.

    arguments: [N, T] or [N, T, H]; the function gets those of a chunk of S states, [S] or [S, H], and returns [S] and [S].
    """
    where = torch.nonzero(mask.reshape(-1)).squeeze(1)
    states = [argument.flatten(0, 1)[where] for argument in arguments]
    recompute = torch.is_grad_enabled() and len(chunks) > 1
    parts: list[tuple[Tensor, Tensor]] = []
    for chunk in chunks:
        some = [argument[chunk] for argument in states]
        one: Any = checkpoint(function, *some, use_reentrant=False) if recompute else function(*some)
        parts.append(one)
    first, second = (torch.cat(part) for part in zip(*parts, strict=True))
    return _spread(first, where, mask), _spread(second, where, mask)


def _spread(values: Tensor, where: Tensor, mask: Tensor) -> Tensor:
    """values [S] at the places `where` [S] of a flat mask -> [N, T], 0 elsewhere."""
    return values.new_zeros(mask.numel()).index_put((where,), values).reshape(mask.shape)
