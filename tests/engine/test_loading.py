"""Models from folders and GGUF files: float32, in memory of their own, and ready to be saved again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from copd_engine.folder import save_pretrained
from copd_engine.loading import load_model
from copd_engine.policy import Policy
from copd_engine.preflight import check_available
from copd_engine.reach import EVERYWHERE
from copd_engine.spec import RunSpec, SpecError

CONFIG = LlamaConfig(
    vocab_size=512, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
    max_position_embeddings=128, tie_word_embeddings=False,
)  # fmt: skip
LAYER_NAMES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}  # fmt: skip


@pytest.fixture(scope="module")
def llama() -> LlamaForCausalLM:
    torch.manual_seed(0)
    return LlamaForCausalLM(CONFIG)


@pytest.fixture(scope="module")
def gguf_file(llama: LlamaForCausalLM, policy: Policy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The llama and the tiny model's vocabulary, as llama.cpp would write them."""
    gguf = pytest.importorskip("gguf")
    path = tmp_path_factory.mktemp("gguf") / "small.F32.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(CONFIG.num_hidden_layers)
    writer.add_context_length(CONFIG.max_position_embeddings)
    writer.add_embedding_length(CONFIG.hidden_size)
    writer.add_feed_forward_length(CONFIG.intermediate_size)
    writer.add_head_count(CONFIG.num_attention_heads)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(CONFIG.rms_norm_eps)
    writer.add_rope_dimension_count(16)
    writer.add_vocab_size(CONFIG.vocab_size)
    bpe = json.loads(policy.tokenizer.backend_tokenizer.to_str())["model"]
    tokens = sorted(policy.tokenizer.get_vocab(), key=policy.tokenizer.get_vocab().__getitem__)
    tokens += [f"<unused{i}>" for i in range(CONFIG.vocab_size - len(tokens))]
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([1] * len(tokens))
    writer.add_token_merges([" ".join(merge) for merge in bpe["merges"]])
    writer.add_eos_token_id(policy.eos_ids[0])
    for name, tensor in llama.state_dict().items():
        writer.add_tensor(gguf_name(name), gguf_layout(name, tensor).numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def gguf_name(name: str) -> str:
    whole = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight", "lm_head.weight": "output.weight"}
    if name in whole:
        return whole[name]
    layer, _, rest = name.removeprefix("model.layers.").partition(".")
    return f"blk.{layer}.{LAYER_NAMES[rest.removesuffix('.weight')]}.weight"


def gguf_layout(name: str, tensor: Tensor) -> Tensor:
    """llama.cpp keeps the two halves that a rotation mixes side by side."""
    heads = {"q_proj": 4, "k_proj": 2}.get(name.split(".")[-2])
    if heads is None:
        return tensor
    return tensor.view(heads, 2, -1, tensor.shape[1]).transpose(1, 2).reshape(tensor.shape).contiguous()


def test_a_gguf_file_is_a_plain_float32_model(gguf_file: Path, llama: LlamaForCausalLM, tmp_path: Path) -> None:
    loaded = Policy.load(gguf_file)
    for name, tensor in loaded.tensors().items():
        assert torch.equal(tensor, llama.get_parameter(name)), name
    assert not hasattr(loaded.model.config, "quantization_config")
    save_pretrained(loaded, tmp_path, "A llama", "From a GGUF file.")
    again = Policy.load(tmp_path)
    assert again.digest() == loaded.digest()
    assert again.tokenizer("sun -> nus").input_ids == loaded.tokenizer("sun -> nus").input_ids
    loaded.model.double()  # a model marked as quantised would refuse


def test_a_spec_may_name_a_gguf_file(gguf_file: Path, small: Callable[..., RunSpec]) -> None:
    check_available(small(model={"path": str(gguf_file)}), EVERYWHERE)
    with pytest.raises(SpecError, match=r"model\.path: no model at .*other\.gguf; give `tiny`, an existing folder or \.gguf file"):
        check_available(small(model={"path": str(gguf_file.with_name("other.gguf"))}), EVERYWHERE)


def test_loading_reports_each_tensor(mini: Path) -> None:
    """Once as transformers reads it, and once as it is copied."""
    calls: list[None] = []
    model, _ = load_model(mini, lambda: calls.append(None))
    assert len(calls) >= 2 * len(list(model.parameters()))


def test_a_missing_gguf_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"model\.path: no model at .*nothing\.gguf"):
        load_model(tmp_path / "nothing.gguf")
