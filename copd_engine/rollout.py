"""Completions of a policy on prompts. Knows no rewards and no training.

`Sampler` is a protocol over plain batches, so that another process or engine can stand behind it. The local one decodes with a
key-value cache; a token is the inverse of the cumulative distribution at a uniform number that depends only on
(seed, policy, step, part, prompt, sample, token), so splitting or reordering a batch changes no sample.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from copd_engine.domains import Prompt
from copd_engine.noise import Key, uniform
from copd_engine.policy import Policy, Prefilled, next_positions, selected

Progress = Callable[[], None]


@dataclass(frozen=True)
class SampleRequest:
    """`samples` completions of every prompt.

    key: (seed, policy, step, part). slots: the prompts' numbers in the whole step's batch, which enter the noise in place of
    their position here; None means 0, 1, ... temperature 0 is greedy.
    """

    prompts: Sequence[Prompt]
    key: Key
    samples: int = 1
    max_new_tokens: int = 16
    temperature: float = 1.0
    slots: Sequence[int] | None = None


@dataclass(frozen=True)
class Rollouts:
    """N = prompts x samples completions, all samples of a prompt together.

    prompts [N]: each completion's prompt, as its position in the request. tokens [N, T] int64, zeros after the end; mask [N, T] true on
    generated tokens, the end-of-sequence token included. log_probs [N, T] float32: of the sampled tokens under the
    distribution sampled from (of temperature 1 when greedy). finished [N]: ended by itself. texts: without special tokens.
    """

    prompts: NDArray[np.int64]
    tokens: NDArray[np.int64]
    mask: NDArray[np.bool_]
    log_probs: NDArray[np.float32]
    finished: NDArray[np.bool_]
    texts: list[str]


class Sampler(Protocol):
    def sample(self, request: SampleRequest, progress: Progress | None = None) -> Rollouts:
        """`progress` is called at least once per generated token position."""
        ...


class LocalSampler:
    """Samples from a policy in this process."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    @torch.no_grad()
    def sample(self, request: SampleRequest, progress: Progress | None = None, prompts: Prefilled | None = None) -> Rollouts:
        """`prompts`: the request's, where the caller has run them through the policy already."""
        decoding = _Decoding(self.policy, prompts or self.policy.prefill(self.policy.encode(request.prompts)), request)
        while decoding.active:
            decoding.step()
            if progress is not None:
                progress()
        return decoding.result()


class _Decoding:
    """The state of one batch being decoded; finished rows leave it."""

    def __init__(self, policy: Policy, prompts: Prefilled, request: SampleRequest) -> None:
        self.policy, self.batch, self.request = policy, prompts.batch, request
        count, length = len(request.prompts) * request.samples, request.max_new_tokens
        self.prompts = torch.arange(len(request.prompts), device=policy.device).repeat_interleave(request.samples)
        self.noise = torch.from_numpy(_noise(request)).to(policy.device)  # [N, T]
        self.eos = torch.tensor(policy.eos_ids, device=policy.device)
        self.tokens = torch.zeros(count, length, dtype=torch.long, device=policy.device)
        self.log_probs = torch.zeros(count, length, device=policy.device)
        self.lengths = torch.full((count,), length, device=policy.device)
        self.finished = torch.zeros(count, dtype=torch.bool, device=policy.device)
        self.position = 0
        self.rows = torch.arange(count, device=policy.device)  # rows still running, in the order of the cache
        self.hidden = prompts.first[self.prompts]
        self.cache = selected(prompts.cache, self.prompts) if length > 1 else prompts.cache
        self.mask = self.batch.attention_mask[self.prompts]

    @property
    def active(self) -> bool:
        return self.position < self.request.max_new_tokens and len(self.rows) > 0

    def step(self) -> None:
        """Chooses one token for every running row, drops the rows that ended, and runs the others one token further."""
        t, rows = self.position, self.rows
        chosen, self.log_probs[rows, t] = self._choose(self.noise[rows, t])
        self.tokens[rows, t] = chosen
        self.position += 1
        ended = torch.isin(chosen, self.eos)
        if ended.any():
            self.lengths[rows[ended]] = t + 1
            self.finished[rows[ended]] = True
            keep = torch.nonzero(~ended).squeeze(1)
            self.rows, self.mask, chosen = rows[keep], self.mask[keep], chosen[keep]
            if len(keep) and self.position < self.request.max_new_tokens:
                self.cache.batch_select_indices(keep)
        if self.active:
            self.mask = torch.cat((self.mask, torch.ones_like(self.mask[:, :1])), dim=1)
            positions = next_positions(self.batch, self.prompts[self.rows], t, 1)
            self.hidden = self.policy.extend(chosen.unsqueeze(1), self.mask, positions, self.cache)[:, 0]

    def _choose(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens [R] by inverse CDF at `noise` [R] (or the likeliest), and their log-probs [R]."""
        greedy = self.request.temperature == 0
        log_probs = self.policy.logits(self.hidden, 1.0 if greedy else self.request.temperature).log_softmax(dim=-1)
        chosen = log_probs.argmax(dim=-1) if greedy else inverse_cdf(log_probs, noise)
        return chosen, log_probs.gather(1, chosen.unsqueeze(1)).squeeze(1)

    def result(self) -> Rollouts:
        width = int(self.lengths.max())
        mask = torch.arange(width, device=self.lengths.device) < self.lengths.unsqueeze(1)
        tokens = self.tokens[:, :width].cpu().numpy()
        rows = zip(tokens.tolist(), self.lengths.tolist(), strict=True)
        return Rollouts(
            prompts=self.prompts.cpu().numpy(),
            tokens=tokens,
            mask=mask.cpu().numpy(),
            log_probs=self.log_probs[:, :width].cpu().numpy(),
            finished=self.finished.cpu().numpy(),
            texts=self.policy.decode([row[:length] for row, length in rows]),
        )


def inverse_cdf(log_probs: Tensor, noise: Tensor) -> Tensor:
    """The first token whose cumulative probability exceeds `noise`: log_probs [R, V], noise [R] in [0, 1) -> [R].

    Summed as integers of 2**-52: exact in any order, hence the same on every device (a GPU's floating sum is not), and fine enough for the
    tail of a large vocabulary.
    """
    cumulative = (log_probs.double().exp() * 2.0**52).long().cumsum(dim=-1)
    threshold = (noise.unsqueeze(1) * cumulative[:, -1:]).long()
    return torch.searchsorted(cumulative, threshold, right=True).squeeze(1).clamp(max=log_probs.shape[1] - 1)


def _noise(request: SampleRequest) -> NDArray[np.float64]:
    """Uniform numbers [N, T], one for every token that may be sampled."""
    slots = np.arange(len(request.prompts)) if request.slots is None else np.asarray(request.slots)
    if len(slots) != len(request.prompts):
        raise ValueError(f"slots must number the {len(request.prompts)} prompts, got {len(slots)}")
    samples, tokens = np.arange(request.samples), np.arange(request.max_new_tokens)
    draws = uniform(request.key, slots[:, None, None], samples[None, :, None], tokens)
    return draws.reshape(-1, request.max_new_tokens)
