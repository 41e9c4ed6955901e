"""Estimates before a run is one: against torch's own count of the shipped model, and against plans counted by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from copd_engine.base.architecture import make_model
from copd_engine.loading import load_model
from copd_engine.lora import with_adapter
from copd_engine.plan import Kind, plan
from copd_engine.policy import Policy
from copd_engine.reach import EVERYWHERE, Reach
from copd_engine.spec import Lora, parse_spec
from server.estimates import SizeUnknownError, Work, lora_parameters, memory_of, model_size, seconds_of, token_counter, training_tokens
from tests.server.seed import spec

NOWHERE = Reach((), (), hub=False)


def torch_count(path: str | Path) -> int:
    model, _ = load_model(path)
    return sum(parameter.numel() for parameter in model.parameters())


def test_the_shipped_model_is_as_large_as_torch_says_and_always_within_reach() -> None:
    size = model_size("tiny", NOWHERE)
    assert size.parameters == torch_count("tiny")
    assert size.basis == "the headers of its safetensors files"


@pytest.mark.parametrize("settings", [Lora(), Lora(rank=3, targets=("q_proj", "down_proj"))], ids=["all-linear", "two layers"])
def test_an_adapter_is_as_large_as_the_one_peft_makes(settings: Lora) -> None:
    made = with_adapter(Policy(*load_model("tiny")), settings, seed=0)
    assert lora_parameters(model_size("tiny", NOWHERE), settings) == sum(tensor.numel() for tensor in made.tensors().values())


def test_a_folder_is_read_within_reach_only(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "mine")
    assert model_size(str(folder), Reach((tmp_path,), (), hub=False)).parameters == torch_count(folder)
    with pytest.raises(SizeUnknownError):
        model_size(str(folder), NOWHERE)
    elsewhere = make_model(tmp_path / "elsewhere")
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").symlink_to(elsewhere / "model.safetensors")
    with pytest.raises(SizeUnknownError, match="cannot be read"):
        model_size(str(folder), Reach((folder,), (), hub=False))


def test_without_safetensors_a_decoder_is_counted_from_its_configuration(tmp_path: Path) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    for tied in (False, True):
        config = LlamaConfig(
            hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2, vocab_size=77,
            tie_word_embeddings=tied,
        )  # fmt: skip
        folder = tmp_path / str(tied)
        config.save_pretrained(folder)
        assert model_size(str(folder), EVERYWHERE).parameters == sum(p.numel() for p in LlamaForCausalLM(config).parameters())


@pytest.mark.parametrize("header", [b"", b"\xff" * 8, (9).to_bytes(8, "little") + b"not json!", (2).to_bytes(8, "little") + b"[]"])
def test_a_broken_file_has_no_size(tmp_path: Path, header: bytes) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(header)
    with pytest.raises(SizeUnknownError):
        model_size(str(tmp_path), EVERYWHERE)


def test_names_in_an_index_lead_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "outside.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "../outside.safetensors"}}))
    with pytest.raises(SizeUnknownError):
        model_size(str(folder), EVERYWHERE)


def test_a_hub_model_is_not_known() -> None:
    with pytest.raises(SizeUnknownError, match="only a worker looks"):
        model_size("Qwen/Qwen3-0.6B", EVERYWHERE)


def test_memory_is_weights_gradients_and_moments_in_float32() -> None:
    size, plain = model_size("tiny", NOWHERE), spec()
    held = memory_of(plain, plan(plain), size, size.parameters)
    assert (held.weights, held.gradients, held.optimizer) == tuple(4 * n * size.parameters for n in (2, 1, 2))
    assert held.teachers == 4 * size.parameters, "one peer is read at a time"
    assert held.activations is not None
    adapted = spec(model={"lora": {"rank": 4}})
    few = lora_parameters(size, Lora(rank=4))
    lean = memory_of(adapted, plan(adapted), size, few)
    assert (lean.weights, lean.optimizer, lean.teachers) == (4 * (size.parameters + few), 8 * few, 4 * few)


@pytest.mark.parametrize(
    "change", [{"compute": {"micro_batch": 8}}, {"compute": {"gradient_checkpointing": True}}, {"model": {"dtype": "bfloat16"}}]
)
def test_what_saves_activations_lowers_their_estimate(change: dict[str, object]) -> None:
    size, plain, lean = model_size("tiny", NOWHERE), spec(), spec(**change)
    before, after = (memory_of(each, plan(each), size, size.parameters).activations for each in (plain, lean))
    assert before is not None
    assert after is not None
    assert after < before


def test_tokens_are_counted_at_full_length() -> None:
    two = spec(rounds=1)  # text: 16 tokens, image: 8; 128 sequences a batch; 3 steps alone, then 2 with one teacher's batch too
    segments = plan(two)
    assert training_tokens(two, segments) == 128 * (3 * 16 + 3 * 8 + 2 * (16 + 8) * 2)
    tokens = {segment.kind: token_counter(two)(segment) for segment in segments}
    assert tokens[Kind.measure] == 32 * 24
    assert tokens[Kind.merge] == 0


def test_time_is_that_of_the_same_work_before() -> None:
    once, twice = spec(rounds=1), spec(rounds=2)
    first = plan(once)
    measured: dict[Kind, Work] = {}
    for segment in first:
        measured[segment.kind] = measured.get(segment.kind, Work()) + Work(token_counter(once)(segment), 10.0)
    assert seconds_of(once, first, measured, lanes=1) == pytest.approx(10.0 * sum(s.kind is not Kind.merge for s in first))
    rest = [segment for segment in plan(twice) if segment.round == 1]
    alone = seconds_of(twice, rest, {Kind.rlvr: measured[Kind.rlvr]}, lanes=1)
    assert alone == pytest.approx(20.0 / measured[Kind.rlvr].tokens * 2 * training_tokens(once, first) / 2)
    assert seconds_of(twice, rest, {Kind.rlvr: measured[Kind.rlvr]}, lanes=2) == pytest.approx((alone or 0) / 2)
    assert seconds_of(twice, rest, {Kind.evaluate: Work(10, 10)}, lanes=1) is None


def test_every_method_and_an_empty_plan_have_an_estimate() -> None:
    for method in ("copd", "experts", "mixed_rlvr", "static_opd", "mopd"):
        each = parse_spec({**spec().model_dump(mode="json"), "method": method})
        assert training_tokens(each, plan(each)) > 0
    assert training_tokens(spec(), []) == 0
