"""A policy: a Hugging Face model with its processor, and the few tensor operations that training and sampling share.

A prompt is run through the model once, however many completions hang on it: `hidden` computes the prompts' keys and values,
expands them to the completions' rows and continues from there, gradients included. Rollout does the same without
gradients, so that the log-probs of both agree to rounding.
"""

from __future__ import annotations

import copy
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import torch
from torch import Tensor, nn
from transformers import DynamicCache

from copd_engine.domains import Prompt
from copd_engine.head import eos_ids, forbidden_ids, logit_rule
from copd_engine.loading import load_model
from copd_engine.seat import Seat

ADAPTER: Final = re.compile(r"\.lora_[AB]\.")  # marks the names of an adapter's parameters
FORBIDDEN_LOGIT: Final = -1e9  # finite, so that p·log p of a forbidden token is 0 and never NaN


@dataclass(frozen=True)
class PromptBatch:
    """Encoded prompts, padded on the right.

    input_ids, attention_mask [P, S]; position_ids [P, S], or [3, P, S] for models with time, height and width positions;
    media: the processor's remaining tensors (pixels and their grids).
    """

    input_ids: Tensor
    attention_mask: Tensor
    position_ids: Tensor
    media: Mapping[str, Tensor]

    @property
    def lengths(self) -> Tensor:
        """Tokens of each prompt, [P]."""
        return self.attention_mask.sum(dim=1)


class Prefilled(NamedTuple):
    """Prompts after a forward pass: the hidden state `first` [P, H] after each one's last token, and all their keys and values."""

    first: Tensor
    cache: DynamicCache
    batch: PromptBatch


class Policy:
    """Master weights are float32; `dtype` is the compute type (bfloat16 runs under autocast)."""

    def __init__(self, model: nn.Module, processor: Any, dtype: torch.dtype = torch.float32) -> None:
        self.model: Any = model
        self.processor = processor
        self.tokenizer: Any = getattr(processor, "tokenizer", processor)
        self.tokenizer.padding_side = "right"
        self.dtype = dtype
        self.has_adapter = any(ADAPTER.search(name) for name, _ in self.model.named_parameters())
        self.device: torch.device = next(model.parameters()).device
        """Where it computes."""
        self.seat: Seat | None = None
        """What it must hold to compute there; None where there is room for all."""
        self.body: Any = self.model.base_model
        self.head: Any = self.model.get_output_embeddings()
        self.context: int | None = getattr(self.model.config.get_text_config(), "max_position_embeddings", None)
        self._rule = logit_rule(self.model.config.get_text_config())
        self.eos_ids: tuple[int, ...] = eos_ids(self.model, self.tokenizer)
        self.forbidden_ids: tuple[int, ...] = forbidden_ids(self.model, self.tokenizer, self.eos_ids)
        self._forbidden = torch.tensor(self.forbidden_ids, dtype=torch.long, device=self.device)

    @classmethod
    def load(
        cls,
        source: str | Path,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
        progress: Callable[[], None] = lambda: None,
    ) -> Self:
        """A policy of the model at `source` (see `load_model`).

        Raises FileNotFoundError for a missing one, ValueError for a model this engine cannot train.
        """
        model, processor = load_model(source, progress)
        policy = cls(model.to(device), processor, dtype)
        policy._check_head(source)
        return policy

    # -- prompts -------------------------------------------------------------------------------------------------------

    def encode(self, prompts: Sequence[Prompt]) -> PromptBatch:
        """Prompts of any mix of text, images and video, through the model's own processor and chat template.

        Raises ValueError when a prompt has media and the model reads text only, or is longer than the model's context.
        """
        texts = [self._chat_text(prompt) for prompt in prompts]
        inputs = dict(self.processor(text=texts, padding=True, return_tensors="pt", **self._media_arguments(prompts)))
        inputs = {name: value.to(self.device) for name, value in inputs.items() if isinstance(value, Tensor)}
        input_ids, mask = inputs.pop("input_ids"), inputs.pop("attention_mask")
        self.check_room(prompts, mask.sum(dim=1).tolist(), 0)
        positions = self._positions(input_ids, mask, inputs)
        inputs.pop("mm_token_type_ids", None)
        inputs.pop("token_type_ids", None)
        return PromptBatch(input_ids, mask, positions, inputs)

    def check_room(self, prompts: Sequence[Prompt], lengths: Sequence[int], new_tokens: int) -> None:
        """Raises ValueError, naming the prompt, where one of so many tokens and `new_tokens` more do not fit into the model's context."""
        for prompt, length in zip(prompts, lengths, strict=True):
            if self.context is not None and length + new_tokens > self.context:
                where = prompt.origin or f"{prompt.split} prompt {prompt.index}"
                more = f" and {new_tokens} new ones" if new_tokens else ""
                raise ValueError(f"domain {prompt.domain!r}, {where}: {length} tokens{more} exceed the model's context of {self.context}")

    def decode(self, tokens: Sequence[Sequence[int]]) -> list[str]:
        """Completion token ids as text, special tokens left out."""
        return self.tokenizer.batch_decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)

    def _chat_text(self, prompt: Prompt) -> str:
        if self.tokenizer is self.processor:
            if prompt.images or prompt.video is not None:
                raise ValueError(f"domain {prompt.domain!r} has images or video, but the model reads text only")
            if self.tokenizer.chat_template is None:
                return prompt.text
            messages: list[dict[str, Any]] = [{"role": "user", "content": prompt.text}]
            return self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        content: list[dict[str, str]] = [{"type": "image"} for _ in prompt.images]
        content += [{"type": "video"}] * (prompt.video is not None) + [{"type": "text", "text": prompt.text}]
        return self.processor.apply_chat_template([{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True)

    @staticmethod
    def _media_arguments(prompts: Sequence[Prompt]) -> dict[str, Any]:
        images = [image for prompt in prompts for image in prompt.images]
        clips = [(prompt.video, prompt.fps) for prompt in prompts if prompt.video is not None]
        arguments: dict[str, Any] = {}
        if images:
            arguments["images"] = images
        if clips:
            arguments["videos"] = [video for video, _ in clips]
            arguments["do_sample_frames"] = False
            arguments["video_metadata"] = [
                {"fps": fps, "total_num_frames": len(video), "frames_indices": list(range(len(video)))} for video, fps in clips
            ]
        return arguments

    def _positions(self, input_ids: Tensor, mask: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        """Explicit positions, because models with three axes otherwise reuse those of their previous call."""
        if hasattr(self.body, "get_rope_index"):
            positions, _ = self.body.get_rope_index(
                input_ids,
                mm_token_type_ids=inputs.get("mm_token_type_ids", torch.zeros_like(input_ids)),
                image_grid_thw=inputs.get("image_grid_thw"),
                video_grid_thw=inputs.get("video_grid_thw"),
                attention_mask=mask,
            )
            return positions
        return (mask.cumsum(dim=1) - 1).clamp(min=0)

    # -- forward -------------------------------------------------------------------------------------------------------

    def prefill(self, batch: PromptBatch) -> Prefilled:
        """Runs prompts through the model, once for all their completions. Differentiable."""
        cache = DynamicCache(config=self.model.config)
        with self._compute():
            output = self.body(
                input_ids=batch.input_ids,
                attention_mask=batch.attention_mask,
                position_ids=batch.position_ids,
                past_key_values=cache,
                use_cache=True,
                **batch.media,
            )
        rows = torch.arange(len(batch.input_ids), device=self.device)
        return Prefilled(output.last_hidden_state[rows, batch.lengths - 1], cache, batch)

    def extend(self, tokens: Tensor, mask: Tensor, positions: Tensor, cache: DynamicCache) -> Tensor:
        """Hidden states [N, T, H] of `tokens` [N, T] appended to a cache of N rows.

        mask [N, past + T] covers past and new tokens; positions [N, T] or [3, N, T].
        """
        with self._compute():
            output = self.body(input_ids=tokens, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True)
        return output.last_hidden_state

    def hidden(self, prompts: PromptBatch | Prefilled, rows: Tensor, tokens: Tensor) -> Tensor:
        """Hidden states [N, T, H] that predict `tokens` [N, T] (padded on the right with any id).

        rows [N]: which of the prompts each completion continues. Differentiable.
        """
        first, cache, batch = self.prefill(prompts) if isinstance(prompts, PromptBatch) else prompts
        states = first[rows].unsqueeze(1)
        length = tokens.shape[1]
        if length == 1:
            return states
        cache = selected(cache, rows)
        mask = torch.cat((batch.attention_mask[rows], torch.ones_like(tokens[:, 1:])), dim=1)
        later = self.extend(tokens[:, :-1], mask, next_positions(batch, rows, 0, length - 1), cache)
        return torch.cat((states, later), dim=1)

    def logits(self, hidden: Tensor, temperature: float = 1.0) -> Tensor:
        """Float32 logits [..., V] of hidden states [..., H]: divided by the temperature, forbidden ids at -1e9; float64 of a float64 model.

        Call it on chunks: for a large vocabulary the result is the largest tensor there is.
        """
        with self._compute():
            logits = self.head(hidden)
        logits = self._rule(logits.to(torch.promote_types(logits.dtype, torch.float32)))
        return self.allowed(logits, temperature)

    def allowed(self, logits: Tensor, temperature: float) -> Tensor:
        """What `logits` makes of the model's own logits [..., V]."""
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32)) / temperature
        return logits.index_fill(-1, self._forbidden, FORBIDDEN_LOGIT)

    def _compute(self) -> AbstractContextManager[Any]:
        if self.seat is not None:
            self.seat.take(self)
        return nullcontext() if self.dtype == torch.float32 else torch.autocast(self.device.type, self.dtype)

    def _check_head(self, source: str | Path) -> None:
        """Raises ValueError unless logits are finite and the model's own: a family may do to them what `logit_rule` does not know."""
        ids = torch.tensor([[self.eos_ids[0]]], device=self.device)
        with torch.no_grad():
            logits = self._rule(self.head(self.body(input_ids=ids).last_hidden_state))
            if not logits.isfinite().all():
                raise ValueError(f"model.path: the weights of {source!r} are damaged: they give logits that are not finite")
            if not torch.allclose(logits, self.model(input_ids=ids).logits, rtol=1e-4, atol=1e-5):
                raise ValueError(f"model.path: {source!r} changes its logits after the output layer in a way that is not supported")

    def check_same_tokens(self, student: Policy, own_name: str, student_name: str) -> None:
        """Raises ValueError unless this policy, as teacher, means the same by every token id as the student."""
        if self.tokenizer is not student.tokenizer and self.tokenizer.get_vocab() != student.tokenizer.get_vocab():
            raise ValueError(f"{own_name} cannot teach {student_name}: their tokenizers differ, so token ids do not mean the same")

    # -- weights -------------------------------------------------------------------------------------------------------

    def tensors(self) -> dict[str, nn.Parameter]:
        """Trainable parameters by name, sorted; a tied one appears once. With an adapter, those of the adapter."""
        parameters = dict(sorted(self.model.named_parameters()))
        return {name: tensor for name, tensor in parameters.items() if not self.has_adapter or ADAPTER.search(name)}

    def load_tensors(self, tensors: Mapping[str, Tensor], progress: Callable[[], None] = lambda: None) -> None:
        """Copies values into the existing parameters, calling `progress` for each. Raises ValueError when names or shapes differ."""
        own = self.tensors()
        if own.keys() != tensors.keys():
            raise ValueError(f"weights do not fit the model: {sorted(own.keys() ^ tensors.keys())[:3]} are on one side only")
        with torch.no_grad():
            for name, parameter in own.items():
                tensor = tensors[name]
                if parameter.shape != tensor.shape:
                    raise ValueError(f"{name} has shape {list(tensor.shape)}, the model needs {list(parameter.shape)}")
                parameter.copy_(tensor)
                progress()

    def digest(self) -> str:
        """SHA-256 over the parameters by name."""
        return digest(self.tensors())


def selected(cache: DynamicCache, rows: Tensor) -> DynamicCache:
    """The keys and values of some rows [N], each as often as it is named; the given cache stays as it is."""
    chosen = copy.copy(cache)
    chosen.layers = [copy.copy(layer) for layer in cache.layers]
    chosen.batch_select_indices(rows)
    return chosen


def next_positions(batch: PromptBatch, rows: Tensor, start: int, length: int) -> Tensor:
    """Positions [N, length] (or [3, N, length]) of completion tokens `start`, `start` + 1, ... after the prompts `rows` [N].

    Text follows the largest position of its prompt on every axis, so the axes of a completion are equal.
    """
    highest = batch.position_ids.masked_fill(batch.attention_mask == 0, 0).amax(dim=-1)  # [P] or [3, P]
    highest = highest if highest.ndim == 1 else highest.amax(dim=0)
    steps = torch.arange(start + 1, start + 1 + length, device=rows.device)
    positions = highest[rows].unsqueeze(1) + steps
    return positions if batch.position_ids.ndim == 2 else positions.expand(3, -1, -1)


def digest(tensors: Mapping[str, Tensor], progress: Callable[[], None] = lambda: None) -> str:
    """SHA-256 over names, dtypes, shapes and bytes in the order of names: equal for equal weights, however they are stored."""
    total = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        total.update(f"{name}:{tensor.dtype}:{list(tensor.shape)}:".encode())
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
        progress()
    return total.hexdigest()
