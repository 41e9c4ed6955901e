"""The language part of the shipped model as a plain Qwen3: what engines that train text alone can load too."""

from __future__ import annotations

from pathlib import Path

from transformers import AutoModelForImageTextToText, AutoTokenizer, GenerationConfig, Qwen3Config, Qwen3ForCausalLM

from copd_engine.loading import TINY_FOLDER

SHARED = (
    "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim",
    "max_position_embeddings", "rms_norm_eps", "hidden_act", "attention_bias", "pad_token_id", "eos_token_id",
)  # fmt: skip


def make_text_model(folder: Path) -> Path:
    """Writes it into `folder`, with the shipped tokenizer. On text the three axes of the shipped model's positions agree, so it computes
    the same."""
    whole = AutoModelForImageTextToText.from_pretrained(TINY_FOLDER)
    text = whole.config.text_config
    config = Qwen3Config(
        **{name: getattr(text, name) for name in SHARED},
        rope_parameters={"rope_type": "default", "rope_theta": text.rope_parameters["rope_theta"]},
        tie_word_embeddings=True,
    )
    model = Qwen3ForCausalLM(config).float()
    prefix = "model.language_model."
    weights = {f"model.{name.removeprefix(prefix)}": tensor for name, tensor in whole.state_dict().items() if name.startswith(prefix)}
    missing, unexpected = model.load_state_dict(weights, strict=False)
    assert not unexpected
    assert set(missing) <= {"lm_head.weight"}
    model.tie_weights()
    model.generation_config = GenerationConfig(eos_token_id=text.eos_token_id, pad_token_id=text.pad_token_id)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(TINY_FOLDER).save_pretrained(folder)
    return folder
