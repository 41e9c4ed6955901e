"""How large a model is, from what its folder says of itself: the headers of its safetensors files, and its config.json. Loads no weight."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from copd_engine.preflight import SHIPPED
from copd_engine.reach import Reach
from copd_engine.spec import Lora

TINY_FOLDER: Final = Path(__file__).parents[2] / "copd_engine" / "base" / "tiny"
LARGEST_HEADER: Final = 100_000_000
"""Bytes; the safetensors library refuses larger ones too."""
LARGEST_JSON: Final = 20_000_000
BUFFERS = ("inv_freq", "position_ids", "masked_bias", "attn.bias")
"""How tensors end that are stored beside the parameters and are none."""
EMBEDDINGS = ("embed", "wte", "wpe")
OUTPUTS = ("lm_head", "output", "embed_out")

Shapes = Mapping[str, tuple[int, ...]]


class SizeUnknownError(Exception):
    """Why a model's size cannot be told, as the end of a sentence."""


@dataclass(frozen=True)
class Widths:
    """Of the language model: numbers per token at the places where a step keeps them."""

    layers: int
    hidden: int
    feed_forward: int
    queries: int
    keys_and_values: int
    vocabulary: int

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Widths | None:
        """From a config.json; None where it does not use the usual names."""
        text = config.get("text_config") or config
        try:
            hidden, heads = int(text["hidden_size"]), int(text["num_attention_heads"])
            head = int(text.get("head_dim") or hidden // heads)
            key_heads = int(text.get("num_key_value_heads") or heads)
            layers, feed_forward, vocabulary = (int(text[name]) for name in ("num_hidden_layers", "intermediate_size", "vocab_size"))
        except (KeyError, TypeError, ValueError, ZeroDivisionError, AttributeError):
            return None
        return cls(layers, hidden, feed_forward, heads * head, 2 * key_heads * head, vocabulary)


@dataclass(frozen=True)
class ModelSize:
    """`shapes`: parameter name → shape; empty where only the configuration is known."""

    parameters: int
    shapes: Shapes
    widths: Widths | None
    basis: str


def model_size(path: str, reach: Reach) -> ModelSize:
    """Of the shipped model, or a folder within reach. Raises SizeUnknownError for everything else."""
    folder = TINY_FOLDER if path == SHIPPED else Path(path)
    if path != SHIPPED and not folder.exists():
        raise SizeUnknownError("the model is on the Hugging Face hub, where only a worker looks")
    if path != SHIPPED and (reach.problem("model", path) or not folder.is_dir()):
        raise SizeUnknownError("only folders within reach are looked into")
    try:
        return _of_folder(str(folder), None if path == SHIPPED else reach, folder.stat().st_mtime_ns)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SizeUnknownError("its files cannot be read") from error


def lora_parameters(size: ModelSize, settings: Lora) -> int:
    """Numbers in the factors A [rank, in] and B [out, rank] of every layer that gets an adapter. Raises SizeUnknownError."""
    if not size.shapes:
        raise SizeUnknownError("the layers that get an adapter are named in its safetensors files, and it has none")
    layers = [shape for name, shape in size.shapes.items() if _is_linear(name, shape) and _is_target(name, settings)]
    return sum(settings.rank * sum(shape) for shape in layers)


@lru_cache(maxsize=64)
def _of_folder(folder: str, reach: Reach | None, _changed: int) -> ModelSize:
    """reach: None for the shipped model, which is always within it."""
    root = Path(folder)
    config = json.loads(_text(root / "config.json", reach))
    widths = Widths.of(config)
    files = _weight_files(root, reach)
    if files:
        shapes = _parameters(_shapes(files, reach), tied=_is_tied(config))
        return ModelSize(sum(math.prod(shape) for shape in shapes.values()), shapes, widths, "the headers of its safetensors files")
    if widths is None or "vision_config" in config:
        raise SizeUnknownError("it has no safetensors files, and its config.json is of an architecture not known here")
    return ModelSize(_decoder_parameters(widths, config), {}, widths, "its config.json, taken for a decoder like Llama's")


def _text(file: Path, reach: Reach | None) -> str:
    _refuse_outside(file, reach)
    if file.stat().st_size > LARGEST_JSON:
        raise ValueError(f"{file.name} is too large")
    return file.read_text()


def _refuse_outside(file: Path, reach: Reach | None) -> None:
    """A link in the folder may lead anywhere."""
    if reach is not None and reach.problem("model", file):
        raise ValueError(f"{file.name} is out of reach")


def _weight_files(root: Path, reach: Reach | None) -> list[Path]:
    index = root / "model.safetensors.index.json"
    if index.is_file():
        names = set(json.loads(_text(index, reach))["weight_map"].values())
        return [root / Path(name).name for name in sorted(names)]
    return sorted(root.glob("*.safetensors"))


def _shapes(files: list[Path], reach: Reach | None) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for file in files:
        _refuse_outside(file, reach)
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            if length > LARGEST_HEADER:
                raise ValueError(f"the header of {file.name} is too large")
            header = json.loads(opened.read(length))
        shapes |= {name: tuple(map(int, tensor["shape"])) for name, tensor in header.items() if name != "__metadata__"}
    return shapes


def _parameters(shapes: Shapes, *, tied: bool) -> dict[str, tuple[int, ...]]:
    """Without buffers, and without an output layer that is the embedding once more."""
    return {
        name: shape
        for name, shape in shapes.items()
        if not name.endswith(BUFFERS) and not (tied and len(shapes) > 1 and name == "lm_head.weight")
    }


def _is_tied(config: Mapping[str, Any]) -> bool:
    return bool(config.get("tie_word_embeddings", (config.get("text_config") or {}).get("tie_word_embeddings", False)))


def _is_linear(name: str, shape: tuple[int, ...]) -> bool:
    layer = name.removesuffix(".weight")
    last = layer.rpartition(".")[2]
    return len(shape) == 2 and name.endswith(".weight") and last not in OUTPUTS and not any(word in last for word in EMBEDDINGS)


def _is_target(name: str, settings: Lora) -> bool:
    layer = name.removesuffix(".weight")
    if isinstance(settings.targets, str):
        return True
    return any(layer == target or layer.endswith(f".{target}") for target in settings.targets)


def _decoder_parameters(widths: Widths, config: Mapping[str, Any]) -> int:
    """Attention with grouped keys and values, a gated feed-forward, two norms a layer and one at the end."""
    hidden = widths.hidden
    attention = hidden * (2 * widths.queries + widths.keys_and_values)
    biases = widths.queries + widths.keys_and_values if config.get("attention_bias") or config.get("model_type") == "qwen2" else 0
    layer = attention + biases + 3 * hidden * widths.feed_forward + 2 * hidden
    embeddings = widths.vocabulary * hidden * (1 if config.get("tie_word_embeddings") else 2)
    return embeddings + widths.layers * layer + hidden
