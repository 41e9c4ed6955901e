"""From a name, a folder or a GGUF file to a float32 model and its processor, in memory of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoProcessor,
    AutoTokenizer,
)
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING
from transformers.utils.logging import disable_progress_bar, set_tqdm_hook

TINY: Final = "tiny"
TINY_FOLDER: Final = Path(__file__).parent / "base" / "tiny"
GGUF: Final = ".gguf"

disable_progress_bar()  # the engine reports progress itself


def load_model(source: str | Path, progress: Callable[[], None] = lambda: None) -> tuple[nn.Module, Any]:
    """`source`: "tiny" (the shipped base), a local folder or .gguf file (with the extra `gguf`), or a Hugging Face id; causal or
    image-text-to-text.

    Returns the model, on the CPU, and its processor (of a text model, the tokenizer). progress: called for each tensor. Raises
    FileNotFoundError for what is not there.
    """
    location, file = (str(TINY_FOLDER), {}) if source == TINY else _split(source)
    try:
        config = AutoConfig.from_pretrained(location, trust_remote_code=False, **file)
    except OSError as error:
        wanted = "give a local folder, a .gguf file or a Hugging Face id"
        raise FileNotFoundError(f"model.path: no model at {source!r}; {wanted} ({error})") from error
    multimodal = type(config) in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING
    auto_model, auto_processor = (AutoModelForImageTextToText, AutoProcessor) if multimodal else (AutoModelForCausalLM, AutoTokenizer)
    with _each_weight_calls(progress):
        model = auto_model.from_pretrained(location, dtype=torch.float32, trust_remote_code=False, **file)
        if file:
            model = _without_quantization(model, config)
    processor = auto_processor.from_pretrained(location, trust_remote_code=False, **file)
    return _in_fresh_memory(model, progress), processor


def _split(source: str | Path) -> tuple[str, dict[str, str]]:
    """A GGUF file as transformers takes it: its folder, and its name."""
    path = Path(source)
    return (str(path.parent), {"gguf_file": path.name}) if path.suffix == GGUF else (str(source), {})


def _without_quantization(model: Any, config: Any) -> nn.Module:
    """The same float32 weights in a model that is not marked as quantised, which could be neither converted nor saved."""
    plain = type(model).from_pretrained(None, config=config, state_dict=model.state_dict(), dtype=torch.float32)
    plain.generation_config = model.generation_config
    return plain


@contextmanager
def _each_weight_calls(progress: Callable[[], None]) -> Iterator[None]:
    """Within the block, transformers calls `progress` for each item for which it would move a progress bar."""

    def bar(make: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        items, *others = arguments or (None,)
        return make(*arguments, **keywords) if items is None else make(counted(items), *others, **keywords)

    def counted(items: Any) -> Iterator[Any]:
        for item in items:
            progress()
            yield item

    before = set_tqdm_hook(bar)
    try:
        yield
    finally:
        set_tqdm_hook(before)


def _in_fresh_memory(model: nn.Module, progress: Callable[[], None]) -> nn.Module:
    """Copies every tensor into memory allocated by torch: the alignment of a mapped file can change bits."""
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            tensor.data = tensor.data.clone(memory_format=torch.contiguous_format)
            progress()
    return model
