"""The part of vLLM that the engine uses, around a real model: for machines without vLLM. Slow, plain, and sampling by torch's generator.

Like vLLM, it starts from the folder's configuration with weights of its own, keeps the weights it is given until it sleeps, and returns
log-probs of the distribution sampled from.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, TopKLogitsWarper, TopPLogitsWarper

sampling_params = SimpleNamespace(RequestOutputKind=SimpleNamespace(FINAL_ONLY=2))
MADE: list[LLM] = []


@dataclass
class SamplingParams:
    temperature: float
    top_p: float
    top_k: int
    stop: list[str]
    stop_token_ids: list[int]
    logit_bias: dict[int, float]
    max_tokens: int
    logprobs: int
    seed: int
    output_kind: int


@dataclass
class Running:
    """A completion under way, and what vLLM tells of it."""

    request_id: str
    prompt: list[int]
    settings: SamplingParams
    token_ids: list[int] = field(default_factory=list)
    logprobs: list[dict[int, Any]] = field(default_factory=list)
    finish_reason: str | None = None

    def __post_init__(self) -> None:
        self.generator = torch.Generator().manual_seed(self.settings.seed)

    @property
    def finished(self) -> bool:
        return self.finish_reason is not None

    @property
    def outputs(self) -> list[Running]:
        return [self]


class LLM:
    """vLLM's `LLM` and its `llm_engine` in one."""

    def __init__(self, model: str, **settings: Any) -> None:
        self.settings, self.asleep, self.closed, self.woken = settings, False, False, list[str]()
        config = AutoConfig.from_pretrained(model)
        assert not config.tie_word_embeddings
        self.model: Any = AutoModelForCausalLM.from_config(config).float().eval()
        self.tokenizer: Any = AutoTokenizer.from_pretrained(model)
        self.llm_engine, self.engine_core, self.running = self, self, list[Running]()
        MADE.append(self)

    def collective_rpc(self, method: str, kwargs: dict[str, Iterable[tuple[str, Tensor]]]) -> None:
        assert method == "reload_weights"
        self.model.load_state_dict({name: tensor.clone() for name, tensor in kwargs["weights_iterator"]})

    def sleep(self, level: int) -> None:
        assert level == 2
        self.asleep = True

    def wake_up(self, tags: list[str]) -> None:
        self.woken += tags
        self.asleep = False

    def reset_prefix_cache(self) -> None:
        assert not self.asleep

    def shutdown(self) -> None:
        self.closed = True

    def has_unfinished_requests(self) -> bool:
        return bool(self.running)

    def add_request(self, request_id: str, prompt: dict[str, list[int]], params: SamplingParams) -> None:
        assert len(prompt["prompt_token_ids"]) + params.max_tokens <= self.settings["max_model_len"]
        self.running.append(Running(request_id, prompt["prompt_token_ids"], params))

    def step(self) -> list[Running]:
        """One token more for every completion; those that ended, last come first."""
        for each in self.running:
            self._extend(each)
        ended = [each for each in self.running if each.finished]
        self.running = [each for each in self.running if not each.finished]
        return ended[::-1]

    def _extend(self, each: Running) -> None:
        settings = each.settings
        logits = self.model(input_ids=torch.tensor([each.prompt + each.token_ids])).logits[:, -1]
        for token, bias in settings.logit_bias.items():
            logits[:, token] += bias
        if settings.temperature:
            logits = logits / settings.temperature
            logits = TopKLogitsWarper(settings.top_k)(None, logits) if settings.top_k else logits  # pyright: ignore[reportArgumentType]
            logits = TopPLogitsWarper(settings.top_p)(None, logits)  # pyright: ignore[reportArgumentType]
        log_probs = logits.log_softmax(dim=-1)[0]
        token = int(log_probs.exp().multinomial(1, generator=each.generator) if settings.temperature else log_probs.argmax())
        each.token_ids.append(token)
        each.logprobs.append({token: SimpleNamespace(logprob=float(log_probs[token]))})
        text = self.tokenizer.decode(each.token_ids, skip_special_tokens=True)
        if token in settings.stop_token_ids or any(stop in text for stop in settings.stop):
            each.finish_reason = "stop"
        elif len(each.token_ids) == settings.max_tokens:
            each.finish_reason = "length"
