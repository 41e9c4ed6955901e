"""The shape of the tiny Qwen3-VL model and its untrained weights."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import torch
from transformers import AutoProcessor, Qwen3VLConfig, Qwen3VLForConditionalGeneration

from copd_engine.base.processor import PATCH
from copd_engine.loading import TINY_FOLDER

Size = Literal["tiny", "mini"]


@dataclass(frozen=True)
class Shape:
    """Sizes of a model: widths in numbers per token or patch, depths in layers."""

    hidden: int
    layers: int
    heads: int
    key_value_heads: int
    feed_forward: int
    vision_hidden: int
    vision_layers: int


SHAPES: Final[dict[Size, Shape]] = {
    "tiny": Shape(hidden=128, layers=4, heads=4, key_value_heads=2, feed_forward=384, vision_hidden=64, vision_layers=2),
    "mini": Shape(hidden=64, layers=2, heads=2, key_value_heads=1, feed_forward=128, vision_hidden=32, vision_layers=1),
}


def untrained(size: Size, tokenizer: Any, seed: int) -> Qwen3VLForConditionalGeneration:
    """A model with random weights that depend on `seed` only."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Qwen3VLForConditionalGeneration(_config(SHAPES[size], tokenizer)).float()


def make_model(folder: str | Path, size: Size = "mini", seed: int = 0) -> Path:
    """Writes an untrained model with the shipped processor into `folder`; returns the folder. "mini" takes milliseconds."""
    folder = Path(folder)
    processor = AutoProcessor.from_pretrained(TINY_FOLDER)
    untrained(size, processor.tokenizer, seed).save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _config(shape: Shape, tokenizer: Any) -> Qwen3VLConfig:
    head = shape.hidden // shape.heads
    third = head // 6
    ids = {name: tokenizer.convert_tokens_to_ids(f"<|{name}|>") for name in ("image_pad", "video_pad", "vision_start", "vision_end")}
    config = Qwen3VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": shape.hidden,
            "intermediate_size": shape.feed_forward,
            "num_hidden_layers": shape.layers,
            "num_attention_heads": shape.heads,
            "num_key_value_heads": shape.key_value_heads,
            "head_dim": head,
            "max_position_embeddings": 4096,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10_000.0,
                "mrope_interleaved": True,
                "mrope_section": [head // 2 - 2 * third, third, third],
            },
            "tie_word_embeddings": True,
            "pad_token_id": tokenizer.pad_token_id,
            "eos_token_id": tokenizer.eos_token_id,
        },
        vision_config={
            "depth": shape.vision_layers,
            "hidden_size": shape.vision_hidden,
            "intermediate_size": 4 * shape.vision_hidden,
            "num_heads": 4,
            "patch_size": PATCH,
            "out_hidden_size": shape.hidden,
            "num_position_embeddings": 64,
            "deepstack_visual_indexes": [0],
        },
        image_token_id=ids["image_pad"],
        video_token_id=ids["video_pad"],
        vision_start_token_id=ids["vision_start"],
        vision_end_token_id=ids["vision_end"],
        tie_word_embeddings=True,
    )
    config.eos_token_id, config.pad_token_id = tokenizer.eos_token_id, tokenizer.pad_token_id
    return config
