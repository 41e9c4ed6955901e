"""Completions of a policy on prompts. Knows no rewards and no training.

`Sampler` is a protocol over plain batches, so that another engine can stand behind it (`samplers.py`). The local one decodes with a
key-value cache; a token is the inverse of the cumulative distribution at a uniform number that depends only on
(seed, policy, step, part, prompt, sample, token), so splitting or reordering a batch changes no sample.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from copd_engine.domains import Prompt
from copd_engine.noise import Key, uniform
from copd_engine.policy import Policy, Prefilled, next_positions, selected
from copd_engine.spec import Sampling
from copd_engine.truncation import truncated

Progress = Callable[[], None]
WHOLE: Final = Sampling()


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
    sampling: Sampling = WHOLE


@dataclass(frozen=True)
class Rollouts:
    """N = prompts x samples completions, all samples of a prompt together.

    prompts [N]: each completion's prompt, as its position in the request. tokens [N, T] int64, zeros after the end; mask [N, T] true on
    generated tokens, the end-of-sequence token or the stop string included. log_probs [N, T] float32: of the sampled tokens under
    the distribution sampled from, top-k and top-p included (when greedy, under that of temperature 1). finished [N]: ended by itself
    or by a stop string. texts: without special tokens, cut before the first stop string.
    """

    prompts: NDArray[np.int64]
    tokens: NDArray[np.int64]
    mask: NDArray[np.bool_]
    log_probs: NDArray[np.float32]
    finished: NDArray[np.bool_]
    texts: list[str]


class Sampler(Protocol):
    """What draws completions from a policy."""

    def sample(self, request: SampleRequest, progress: Progress | None = None, prompts: Prefilled | None = None) -> Rollouts:
        """`prompts`: the request's, where the caller has run them through the policy already.

        `progress` is called again and again: once per token position, or once a second where positions are quicker. Raises ValueError,
        naming the prompt, where one leaves no room for the new tokens in the model's context.
        """
        ...


class LocalSampler:
    """Samples from a policy in this process."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    @torch.no_grad()
    def sample(self, request: SampleRequest, progress: Progress | None = None, prompts: Prefilled | None = None) -> Rollouts:
        """See `Sampler`."""
        noise = torch.from_numpy(noise_of(request)).to(self.policy.device)
        pieces = [(rows, self._decode(request, rows, noise[rows], progress, prompts)) for rows in _batches(request)]
        return joined(self.policy, request, pieces)

    def _decode(
        self, request: SampleRequest, rows: Tensor, noise: Tensor, progress: Progress | None, prompts: Prefilled | None
    ) -> "Decoded":
        """The completions `rows` [n] of the request's N, with their noise [n, T]."""
        owners = rows // request.samples
        if prompts is None:
            used, owners = owners.unique(return_inverse=True)
            chosen = [request.prompts[i] for i in used.tolist()]
            prompts = self.policy.prefill(self.policy.encode(chosen))
        else:
            chosen = request.prompts
        self.policy.check_room(chosen, prompts.batch.lengths.tolist(), request.max_new_tokens)
        decoding = _Decoding(self.policy, prompts, owners.to(self.policy.device), noise, request)
        while decoding.active:
            decoding.step()
            if progress is not None:
                progress()
        return decoding.result()


class Decoded(NamedTuple):
    """n completions: tokens, log_probs [n, max_new_tokens], lengths, finished [n], on the CPU."""

    tokens: NDArray[np.int64]
    log_probs: NDArray[np.float32]
    lengths: NDArray[np.int64]
    finished: NDArray[np.bool_]

    def completions(self) -> Iterator[list[int]]:
        return (row[:length] for row, length in zip(self.tokens.tolist(), self.lengths.tolist(), strict=True))


class _Decoding:
    """The state of one batch being decoded; finished rows leave it.

    owners [n]: each row's prompt, as its position among `prompts`. noise [n, T].
    """

    def __init__(self, policy: Policy, prompts: Prefilled, owners: Tensor, noise: Tensor, request: SampleRequest) -> None:
        self.policy, self.batch, self.request, self.prompts, self.noise = policy, prompts.batch, request, owners, noise
        count, length = len(owners), request.max_new_tokens
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
        chosen, self.log_probs[rows, t] = choose(self.policy.logits(self.hidden, divisor(self.request)), self.noise[rows, t], self.request)
        self.tokens[rows, t] = chosen
        self.position += 1
        ended = torch.isin(chosen, self.eos) | stopped(self.policy, self.request, self.tokens, rows, torch.full_like(rows, self.position))
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

    def result(self) -> Decoded:
        return Decoded(*(tensor.cpu().numpy() for tensor in (self.tokens, self.log_probs, self.lengths, self.finished)))


def divisor(request: SampleRequest) -> float:
    """What logits are divided by: the temperature; 1 when greedy."""
    return request.temperature or 1.0


def choose(logits: Tensor, noise: Tensor, request: SampleRequest) -> tuple[Tensor, Tensor]:
    """Tokens [R] by inverse CDF at `noise` [R] (or the likeliest), and their log-probs [R], of logits [R, V] already divided."""
    log_probs, greedy = logits.log_softmax(dim=-1), request.temperature == 0
    if not greedy:
        log_probs = truncated(log_probs, request.sampling.top_k, request.sampling.top_p)
    chosen = log_probs.argmax(dim=-1) if greedy else inverse_cdf(log_probs, noise)
    return chosen, log_probs.gather(1, chosen.unsqueeze(1)).squeeze(1)


def stopped(policy: Policy, request: SampleRequest, tokens: Tensor, rows: Tensor, lengths: Tensor) -> Tensor:
    """Which of the completions `rows` [R] of `tokens` [N, T], so many tokens long by now, have a stop string in the tail of their text."""
    stops = request.sampling.stop
    if not stops:
        return torch.zeros_like(rows, dtype=torch.bool)
    # A token is at least one byte of text, so the string lies within as many tokens as it has bytes; decoders may trim the first.
    tail = max(len(stop.encode()) for stop in stops) + 1
    ends = zip(rows.tolist(), lengths.tolist(), strict=True)
    texts = policy.decode([tokens[row, max(0, end - tail) : end].tolist() for row, end in ends])
    return torch.tensor([any(stop in text for stop in stops) for text in texts], device=rows.device)


def _batches(request: SampleRequest) -> list[Tensor]:
    """The N completions in pieces of at most `sampling.batch`, as row numbers; prompts of like size together, so that little is padding."""
    rows = torch.arange(len(request.prompts) * request.samples)
    size = request.sampling.batch or len(rows)
    if size >= len(rows):
        return [rows]
    order = sorted(range(len(request.prompts)), key=lambda i: (_pixels(request.prompts[i]), len(request.prompts[i].text)))
    return list(rows.view(-1, request.samples)[order].reshape(-1).split(size))


def _pixels(prompt: Prompt) -> int:
    return sum(image.size for image in prompt.images) + (0 if prompt.video is None else prompt.video.size)


def joined(policy: Policy, request: SampleRequest, pieces: Sequence[tuple[Tensor, Decoded]]) -> Rollouts:
    """All pieces, each with the numbers [n] of its completions, in the order of the request."""
    texts = policy.decode([row for _, part in pieces for row in part.completions()])
    back = torch.cat([rows for rows, _ in pieces]).argsort().numpy()
    whole = Decoded(*(np.concatenate(arrays)[back] for arrays in zip(*(part for _, part in pieces), strict=True)))
    width = int(whole.lengths.max())
    return Rollouts(
        prompts=np.repeat(np.arange(len(request.prompts)), request.samples),
        tokens=whole.tokens[:, :width],
        mask=np.arange(width) < whole.lengths[:, None],
        log_probs=whole.log_probs[:, :width],
        finished=whole.finished,
        texts=[_before(request.sampling.stop, texts[i]) for i in back],
    )


def _before(stops: Sequence[str], text: str) -> str:
    """A text up to the first of the stop strings in it."""
    return text[: min((place for stop in stops if (place := text.find(stop)) >= 0), default=len(text))]


def inverse_cdf(log_probs: Tensor, noise: Tensor) -> Tensor:
    """The first token whose cumulative probability exceeds `noise`: log_probs [R, V], noise [R] in [0, 1) -> [R].

    Summed as integers of 2**-52: exact in any order, hence the same on every device (a GPU's floating sum is not), and fine enough for the
    tail of a large vocabulary.
    """
    cumulative = (log_probs.double().exp() * 2.0**52).long().cumsum(dim=-1)
    threshold = (noise.unsqueeze(1) * cumulative[:, -1:]).long()
    return torch.searchsorted(cumulative, threshold, right=True).squeeze(1).clamp(max=log_probs.shape[1] - 1)


def slots_of(request: SampleRequest) -> NDArray[np.int64]:
    """The prompts' numbers in the noise, [P]."""
    slots = np.arange(len(request.prompts)) if request.slots is None else np.asarray(request.slots)
    if len(slots) != len(request.prompts):
        raise ValueError(f"slots must number the {len(request.prompts)} prompts, got {len(slots)}")
    return slots


def noise_of(request: SampleRequest) -> NDArray[np.float64]:
    """Uniform numbers [N, T], one for every token that may be sampled."""
    samples, tokens = np.arange(request.samples), np.arange(request.max_new_tokens)
    draws = uniform(request.key, slots_of(request)[:, None, None], samples[None, :, None], tokens)
    return draws.reshape(-1, request.max_new_tokens)
