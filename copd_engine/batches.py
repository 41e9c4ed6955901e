"""What a loss works on: completions in micro-batches, as sampled or put together from several samplings. Knows no rewards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from copd_engine.domains import Prompt
from copd_engine.policy import Policy, Prefilled
from copd_engine.rollout import Rollouts
from copd_engine.scoring import MicroBatch, micro_batches


@dataclass(frozen=True)
class Batch:
    """Completions ready for a loss: tokens, mask and the sampler's log-probs [N, T], in micro-batches.

    prefilled: the forward pass over all prompts, shared by rollout and loss; None where micro-batches keep memory small.
    """

    prompts: list[Prompt]
    rollouts: Rollouts
    tokens: Tensor
    mask: Tensor
    sampler_log_probs: Tensor
    pieces: list[MicroBatch]
    prefilled: Prefilled | None

    @classmethod
    def of(
        cls, policy: Policy, prompts: list[Prompt], rollouts: Rollouts, pieces: list[MicroBatch], prefilled: Prefilled | None = None
    ) -> Batch:
        """The completions on the policy's device."""
        arrays = (rollouts.tokens, rollouts.mask, rollouts.log_probs)
        tokens, mask, log_probs = (torch.from_numpy(array).to(policy.device) for array in arrays)
        return cls(prompts, rollouts, tokens, mask, log_probs, pieces, prefilled)

    @property
    def size(self) -> int:
        """Sequences, N."""
        return len(self.tokens)

    @property
    def token_count(self) -> int:
        """Generated tokens of all sequences, padding left out."""
        return int(self.rollouts.mask.sum())


def with_groups_replaced(policy: Policy, batch: Batch, places: Sequence[int], further: Batch, micro_batch: int) -> Batch:
    """`batch` with the prompts at `places`, and all their completions, replaced by those of `further`, in its order.

    Both have the same number of completions per prompt, and `further` has one prompt for each place.
    """
    samples = batch.size // len(batch.prompts)
    prompts, order = list(batch.prompts), np.arange(batch.size).reshape(-1, samples)
    for new, place in enumerate(places):
        prompts[place] = further.prompts[new]
        order[place] = batch.size + new * samples + np.arange(samples)
    rollouts = _chosen(batch.rollouts, further.rollouts, order.reshape(-1))
    return Batch.of(policy, prompts, rollouts, micro_batches(policy, prompts, samples, micro_batch))


def _chosen(first: Rollouts, second: Rollouts, rows: NDArray[np.int64]) -> Rollouts:
    """Some rows of two samplings laid one after the other, as a sampling of its own: no wider than its longest completion."""
    width = max(first.tokens.shape[1], second.tokens.shape[1])

    def joined(a: NDArray, b: NDArray) -> NDArray:
        return np.concatenate([np.pad(x, ((0, 0), (0, width - x.shape[1]))) for x in (a, b)])[rows]

    mask = joined(first.mask, second.mask)
    longest = int(mask.sum(axis=1).max())
    texts = first.texts + second.texts
    return Rollouts(
        prompts=first.prompts,
        tokens=joined(first.tokens, second.tokens)[:, :longest],
        mask=mask[:, :longest],
        log_probs=joined(first.log_probs, second.log_probs)[:, :longest],
        finished=np.concatenate((first.finished, second.finished))[rows],
        texts=[texts[row] for row in rows.tolist()],
    )


def shares(total: int, parts: int) -> list[int]:
    """`total` in `parts` as equal as whole numbers can be, the larger ones first."""
    return [total // parts + (i < total % parts) for i in range(parts)]
