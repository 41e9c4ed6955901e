"""Completions by transformers' continuous batching: a completion that ends leaves its place to the next one at once.

The batch is one packed sequence over a paged key-value cache. Tokens are not drawn by transformers: a logits processor chooses them as
`LocalSampler` does, by the same noise, so both give the same tokens wherever the logits agree to rounding.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import torch
from torch import Tensor
from transformers import ContinuousBatchingConfig, GenerationConfig, LogitsProcessorList
from transformers.generation.continuous_batching import ContinuousBatchingManager
from transformers.generation.continuous_batching.cb_logits_processors import (
    ContinuousBatchingLogitsProcessor,
    ContinuousBatchingLogitsProcessorList,
)

from copd_engine.policy import Policy, Prefilled
from copd_engine.rollout import Decoded, Progress, Rollouts, SampleRequest, choose, divisor, joined, noise_of, stopped

PAGE: Final = 32  # tokens of a block of the cache
PREFILL_TOKENS: Final = 512  # of prompts and completions, in one forward pass at most
_CHILD: Final = "__child#"  # how transformers names the completions it forks off a prompt's first


class ContinuousSampler:
    """Samples from a policy in this process, in its own weights and precision; the model is afterwards as it was.

    Text only, float32 only. `sampling.batch` is how many completions are under way at once.
    """

    def __init__(self, policy: Policy) -> None:
        """Raises ValueError for a policy that computes in another precision than that of its weights."""
        if policy.dtype != torch.float32:
            raise ValueError("sampling.engine: continuous runs in float32 only; with model.dtype bfloat16 use local or vllm")
        self.policy = policy

    @torch.no_grad()
    def sample(self, request: SampleRequest, progress: Progress | None = None, prompts: Prefilled | None = None) -> Rollouts:
        """See `Sampler`. Also raises ValueError for prompts with media."""
        batch = self.policy.encode(request.prompts) if prompts is None else prompts.batch
        if batch.media:
            raise ValueError("sampling.engine: continuous reads text only; use local for prompts with images or video")
        lengths = batch.lengths.tolist()
        self.policy.check_room(request.prompts, lengths, request.max_new_tokens)
        chooser = _Chooser(self.policy, request, lengths)
        texts = [row[:length] for row, length in zip(batch.input_ids.tolist(), lengths, strict=True)]
        with _manager(self.policy, request, chooser) as manager:
            _generate(manager, texts, chooser, progress)
        return joined(self.policy, request, [(torch.arange(len(chooser.tokens)), chooser.result())])


class _Chooser(ContinuousBatchingLogitsProcessor):
    """Chooses every completion's next token and keeps what became of it.

    tokens, log_probs [N, T]; lengths, finished [N]. at_once: completions that may be under way together. group: those that start as one
    request, whose prompt is run once for all.
    """

    def __init__(self, policy: Policy, request: SampleRequest, prompt_lengths: list[int]) -> None:
        self.supported_kwargs, self.ignored_kwargs = {}, ()
        self.policy, self.request, self.prompt_lengths = policy, request, prompt_lengths
        self.noise = torch.from_numpy(noise_of(request)).to(policy.device)
        self.eos = torch.tensor(policy.eos_ids, device=policy.device)
        self.tokens = torch.zeros_like(self.noise, dtype=torch.long)
        self.log_probs = torch.zeros_like(self.noise, dtype=torch.float32)
        self.lengths = torch.zeros_like(self.tokens[:, 0])
        self.finished = torch.zeros_like(self.lengths, dtype=torch.bool)
        self.steps = self.running = 0
        count, samples = len(self.noise), request.samples
        self.at_once = min(request.sampling.batch or count, count)
        self.group = samples if samples <= self.at_once and min(prompt_lengths) > 1 else 1  # what is forked off needs a token of its own

    def row(self, request_id: str) -> int:
        """Which of the N completions a request stands for: its own first one, or one forked off it."""
        first, _, child = request_id.partition(_CHILD)
        return int(first) + (int(child) + 1 if child else 0)

    def fill_defaults(self, int32_tensor: Tensor) -> None:
        int32_tensor.zero_()

    def prepare_tensor_args(self, requests_with_new_token: list[Any]) -> Tensor:
        """Which completion each row of the logits belongs to, [R] int32."""
        self.running = len(requests_with_new_token)
        return torch.tensor([self.row(request.state.request_id) for request in requests_with_new_token], dtype=torch.int32)

    def __call__(self, scores: Tensor, tensor_arg: Tensor) -> Tensor:
        """Logits [L, V], of which the first R count -> scores [L, V] whose largest is the token chosen; the end token's, where a stop
        string ends the completion."""
        rows = tensor_arg[: self.running].long()
        at = self.lengths[rows]
        logits = self.policy.allowed(scores[: self.running], divisor(self.request))
        chosen, self.log_probs[rows, at] = choose(logits, self.noise[rows, at], self.request)
        self.tokens[rows, at] = chosen
        self.lengths[rows] = at + 1
        ended = torch.isin(chosen, self.eos) | stopped(self.policy, self.request, self.tokens, rows, at + 1)
        self.finished[rows] = ended
        self.steps += 1
        return torch.zeros_like(scores).scatter_(1, torch.where(ended, self.eos[0], chosen).unsqueeze(1), 1.0)

    def result(self) -> Decoded:
        return Decoded(*(tensor.cpu().numpy() for tensor in (self.tokens, self.log_probs, self.lengths, self.finished)))


@contextmanager
def _manager(policy: Policy, request: SampleRequest, chooser: _Chooser) -> Iterator[ContinuousBatchingManager]:
    """transformers' own loop, in a thread of its own, with room in the cache for all completions under way."""
    model, training = policy.model, policy.model.training
    pages = -(-(max(chooser.prompt_lengths) + request.max_new_tokens) // PAGE) + 1
    settings = ContinuousBatchingConfig(
        page_size=PAGE,
        num_blocks=chooser.at_once * pages + 2,
        max_requests_per_batch=chooser.at_once,
        max_batch_tokens=max(PREFILL_TOKENS, chooser.at_once),
        allow_block_sharing=False,
        use_async_batching=False,
        use_cuda_graph=False,
        auto_switch_to_flash=False,
        safety_margin=0.0,
        seed=0,
    )
    generation = GenerationConfig(max_new_tokens=request.max_new_tokens, do_sample=False, eos_token_id=list(policy.eos_ids))
    with torch.random.fork_rng():  # the manager seeds torch's generators
        manager = model.init_continuous_batching(generation_config=generation, continuous_batching_config=settings)
        manager.num_return_sequences = chooser.group
        manager.logit_processor = ContinuousBatchingLogitsProcessorList(LogitsProcessorList([chooser]))
        manager.logit_processor.tensors_required = 1
        gc.freeze()  # at its end the manager collects garbage twice, which need not search what was there before
        manager.start()
        try:
            yield manager
        finally:
            manager.stop(hard_stop=True)
            manager.destroy()
            gc.unfreeze()
            model.train(training)


def _generate(manager: ContinuousBatchingManager, prompts: list[list[int]], chooser: _Chooser, progress: Progress | None) -> None:
    """Returns when all completions have ended; never asks for more than may be under way. Raises RuntimeError when the loop fails."""
    count, steps = len(chooser.tokens), 0
    begun, done = 0, 0
    while done < count:
        while begun < count and begun - done + chooser.group <= chooser.at_once:
            manager.add_request(prompts[begun // chooser.request.samples], request_id=str(begun))
            begun += chooser.group
        output = manager.get_result(timeout=1)
        if output is not None and output.error is None:
            done += 1
        elif output is not None or not manager.is_running():
            raise RuntimeError(f"continuous batching failed: {output.error if output else 'its loop ended'}")
        if progress is not None and chooser.steps > steps:
            steps = chooser.steps
            progress()
