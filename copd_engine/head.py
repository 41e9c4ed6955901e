"""What comes out of a model: its family's own logits from the output layer's, which ids end a text, and which it may never say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor

_PLACEHOLDERS: Final = ("image_token_id", "video_token_id", "audio_token_id", "vision_start_token_id", "vision_end_token_id")


def logit_rule(config: Any) -> Callable[[Tensor], Tensor]:
    """What a model family does to logits [..., V] after the output layer, read from its configuration.

    `logit_scale` multiplies (Cohere), `logits_scaling` divides (Granite), `final_logit_softcapping` c bounds them: c·tanh(x / c) (Gemma).
    Most families do nothing. Whoever loads a model compares with its own logits: what is not known here is refused there.
    """
    factor = getattr(config, "logit_scale", None) or 1.0
    factor /= getattr(config, "logits_scaling", None) or 1.0
    cap = getattr(config, "final_logit_softcapping", None)

    def applied(logits: Tensor) -> Tensor:
        logits = logits if factor == 1.0 else logits * factor
        return logits if cap is None else cap * torch.tanh(logits / cap)

    return applied


def eos_ids(model: Any, tokenizer: Any) -> tuple[int, ...]:
    """Ids that end a completion. Raises ValueError when the model names none."""
    ids = getattr(model.generation_config, "eos_token_id", None)
    if ids is None:
        ids = tokenizer.eos_token_id
    if ids is None:
        raise ValueError("model.path: the model names no end-of-sequence token, so completions could not end")
    return tuple(ids) if isinstance(ids, list | tuple) else (ids,)


def forbidden_ids(model: Any, tokenizer: Any, eos: tuple[int, ...]) -> tuple[int, ...]:
    """Ids no completion may hold: media placeholders (a forward pass would look for pixels), padding, rows without a token."""
    ids = {getattr(model.config, name, None) for name in _PLACEHOLDERS} | {tokenizer.pad_token_id}
    vocabulary = model.get_output_embeddings().weight.shape[0]
    ids |= set(range(len(tokenizer), vocabulary))
    return tuple(sorted(i for i in ids if i is not None and i not in eos))
