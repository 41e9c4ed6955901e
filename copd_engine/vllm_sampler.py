"""Completions by vLLM in this process, beside the trainer: fast on GPUs, with kernels, rounding and noise of its own.

The engine is made once per process and model, and gets the policy's weights before every sampling. Between samplings it sleeps: a GPU's
memory is the trainer's then. Its samples depend on what it decodes together, so a run can be replayed in distribution but not bit by bit,
and its log-probs are not quite the trainer's: `rlvr.importance_cap` corrects for that.
"""

from __future__ import annotations

import copy
import importlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import torch

from copd_engine.noise import integers
from copd_engine.policy import Policy, Prefilled
from copd_engine.rollout import Decoded, Progress, Rollouts, SampleRequest, joined, slots_of

MEMORY_SHARE: Final = 0.3  # of a GPU's memory, for vLLM's weights and key-value cache
SHORTEST_CONTEXT: Final = 2048  # tokens; asking for more later makes the engine anew
FORBIDDEN_BIAS: Final = -100.0  # the lowest vLLM takes


class VllmSampler:
    """Samples from the weights a policy has when it is asked. Text models only, no adapters."""

    def __init__(self, policy: Policy) -> None:
        """Raises ValueError for a policy with an adapter or of a model that reads more than text."""
        if policy.tokenizer is not policy.processor:
            raise ValueError("sampling.engine: vllm takes text models only, and this one reads images too; use local or continuous")
        if policy.has_adapter:
            raise ValueError("sampling.engine: vllm takes whole weights; with model.lora use local or continuous")
        self.policy = policy

    @torch.no_grad()
    def sample(self, request: SampleRequest, progress: Progress | None = None, prompts: Prefilled | None = None) -> Rollouts:
        """See `Sampler`."""
        batch = self.policy.encode(request.prompts) if prompts is None else prompts.batch
        lengths = batch.lengths.tolist()
        self.policy.check_room(request.prompts, lengths, request.max_new_tokens)
        texts = [row[:length] for row, length in zip(batch.input_ids.tolist(), lengths, strict=True)]
        with _freely(), _engine(self.policy, max(lengths) + request.max_new_tokens) as engine:
            found = _generated(engine, [text for text in texts for _ in range(request.samples)], self._parameters(request), progress)
        return joined(self.policy, request, [(torch.arange(len(found)), _decoded(found, request.max_new_tokens))])

    def _parameters(self, request: SampleRequest) -> list[Any]:
        """vLLM's settings of each of the N completions, whose seed is a function of its key, prompt and sample."""
        vllm = importlib.import_module("vllm")
        seeds = integers((*request.key, "vllm"), 2**31, slots_of(request)[:, None], np.arange(request.samples))
        return [
            vllm.SamplingParams(
                temperature=request.temperature,
                top_p=request.sampling.top_p,
                top_k=request.sampling.top_k,
                stop=list(request.sampling.stop),
                stop_token_ids=list(self.policy.eos_ids),
                logit_bias=dict.fromkeys(self.policy.forbidden_ids, FORBIDDEN_BIAS),
                max_tokens=request.max_new_tokens,
                logprobs=0,  # of the token alone
                seed=seed,
                output_kind=vllm.sampling_params.RequestOutputKind.FINAL_ONLY,
            )
            for seed in seeds.reshape(-1).tolist()
        ]


class _Engine:
    """vLLM's `LLM` for one model's shape, with room for `room` tokens in a sequence."""

    def __init__(self, policy: Policy, room: int) -> None:
        os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"  # in this process, where the weights are; read when it is imported
        vllm = importlib.import_module("vllm")
        self.room, self.sleeps = room, policy.device.type == "cuda"
        config = copy.deepcopy(policy.model.config)
        for part in (config, config.get_text_config()):
            part.tie_word_embeddings = False  # not every device of vLLM's notices that a tied output layer was given new weights
        with tempfile.TemporaryDirectory() as folder:  # weights come from memory
            config.save_pretrained(folder)
            policy.processor.save_pretrained(folder)
            self.llm: Any = vllm.LLM(
                model=folder,
                load_format="dummy",
                dtype=str(policy.dtype).removeprefix("torch."),
                max_model_len=room,
                gpu_memory_utilization=MEMORY_SHARE,
                enable_sleep_mode=self.sleeps,
                generation_config="vllm",
                logprobs_mode="processed_logprobs",
            )
        self.rest()

    def wake(self, policy: Policy) -> None:
        """Takes memory, and the policy's weights."""
        if self.sleeps:
            self.llm.wake_up(tags=["weights"])
        self.llm.collective_rpc("reload_weights", kwargs={"weights_iterator": policy.model.state_dict().items()})
        if self.sleeps:
            self.llm.wake_up(tags=["kv_cache"])
        self.llm.reset_prefix_cache()

    def rest(self) -> None:
        """Gives its memory back, and forgets the weights."""
        if self.sleeps:
            self.llm.sleep(level=2)

    def close(self) -> None:
        self.llm.llm_engine.engine_core.shutdown()


_MADE: Final[dict[str, _Engine]] = {}
"""The engine of this process, by its model's configuration: at most one."""


@contextmanager
def _engine(policy: Policy, tokens: int) -> Iterator[Any]:
    """vLLM's engine, awake, with the policy's weights and room for sequences of so many tokens."""
    config = policy.model.config.to_json_string()
    made = _MADE.get(config)
    if made is None or made.room < tokens:
        while _MADE:
            _MADE.popitem()[1].close()
        room = max(SHORTEST_CONTEXT, 1 << (tokens - 1).bit_length())
        made = _MADE[config] = _Engine(policy, min(room, policy.context or room))
    made.wake(policy)
    try:
        yield made.llm.llm_engine
    finally:
        made.rest()


@contextmanager
def _freely() -> Iterator[None]:
    """vLLM has kernels that torch's deterministic mode refuses, and seeds torch's generators; both are afterwards as they were."""
    strict = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(mode=False)
    try:
        with torch.random.fork_rng():
            yield
    finally:
        torch.use_deterministic_algorithms(strict)


def _generated(engine: Any, prompts: Sequence[list[int]], parameters: Sequence[Any], progress: Progress | None) -> list[Any]:
    """vLLM's completion of each prompt."""
    for number, (prompt, settings) in enumerate(zip(prompts, parameters, strict=True)):
        engine.add_request(str(number), {"prompt_token_ids": prompt}, settings)
    found: dict[int, Any] = {}
    while engine.has_unfinished_requests():
        found |= {int(output.request_id): output.outputs[0] for output in engine.step() if output.finished}
        if progress is not None:
            progress()
    return [found[number] for number in range(len(prompts))]


def _decoded(found: Sequence[Any], longest: int) -> Decoded:
    tokens, log_probs = np.zeros((len(found), longest), np.int64), np.zeros((len(found), longest), np.float32)
    for row, output in enumerate(found):
        tokens[row, : len(output.token_ids)] = output.token_ids
        log_probs[row, : len(output.token_ids)] = [
            seen[token].logprob for token, seen in zip(output.token_ids, output.logprobs, strict=True)
        ]
    lengths = np.array([len(output.token_ids) for output in found])
    return Decoded(tokens, log_probs, lengths, np.array([output.finish_reason == "stop" for output in found]))
