import copy
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import (
    AutoTokenizer,
    CohereConfig,
    CohereForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    GraniteConfig,
    GraniteForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from copd_engine.base.architecture import make_model
from copd_engine.domains import Prompt
from copd_engine.folder import model_card, save_pretrained
from copd_engine.policy import FORBIDDEN_LOGIT, Policy, digest
from copd_engine.rollout import LocalSampler, SampleRequest


@pytest.fixture(scope="module")
def prompts(prompts: list[Prompt]) -> list[Prompt]:
    return prompts[:6]


def answers(policy: Policy, prompts: list[Prompt]) -> torch.Tensor:
    """Answer ids [B, T], padded with 0."""
    rows = [torch.tensor(policy.tokenizer(p.answer, add_special_tokens=False).input_ids) for p in prompts]
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)


def test_text_images_and_video_share_one_batch(policy: Policy, prompts: list[Prompt]) -> None:
    together = policy.encode(prompts)
    assert together.position_ids.shape == (3, *together.input_ids.shape)
    tokens = answers(policy, prompts)
    hidden = policy.hidden(together, torch.arange(len(prompts)), tokens)
    for row, prompt in enumerate(prompts):
        alone = policy.hidden(policy.encode([prompt]), torch.tensor([0]), tokens[row : row + 1])
        assert torch.allclose(hidden[row], alone[0], atol=1e-5)


def test_running_a_prompt_once_equals_running_whole_sequences(policy: Policy, prompts: list[Prompt]) -> None:
    """Against the model's own forward over prompt and completion, one after the other, its positions left to itself."""
    tokens = answers(policy, prompts)
    hidden = policy.hidden(policy.encode(prompts), torch.arange(len(prompts)), tokens)
    for row, prompt in enumerate(prompts):
        batch = policy.encode([prompt])
        length = batch.input_ids.shape[1]
        ids = torch.cat((batch.input_ids, tokens[row : row + 1]), dim=1)
        kinds = torch.zeros_like(ids)
        kinds[ids == policy.model.config.image_token_id] = 1
        kinds[ids == policy.model.config.video_token_id] = 2
        whole = policy.model.model(input_ids=ids, mm_token_type_ids=kinds, **batch.media).last_hidden_state[0, length - 1 : -1]
        assert torch.allclose(hidden[row], whole, atol=1e-5)


def test_gradients_of_shared_prompts_equal_those_of_repeated_prompts(policy: Policy, prompts: list[Prompt]) -> None:
    tokens = answers(policy, prompts).repeat_interleave(2, dim=0)
    rows = torch.arange(len(prompts)).repeat_interleave(2)
    shared = policy.hidden(policy.encode(prompts), rows, tokens).square().mean()
    repeated_prompts = [prompt for prompt in prompts for _ in range(2)]
    repeated = policy.hidden(policy.encode(repeated_prompts), torch.arange(len(rows)), tokens).square().mean()
    parameters = list(policy.tensors().values())
    pairs = zip(torch.autograd.grad(shared, parameters), torch.autograd.grad(repeated, parameters), strict=True)
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in pairs)


def test_pixels_matter(policy: Policy, prompts: list[Prompt]) -> None:
    image = prompts[1]
    dark = Prompt(image.domain, image.split, image.index, image.text, image.answer, images=(np.zeros_like(image.images[0]),))
    seen, unseen = (policy.prefill(policy.encode([prompt]))[0] for prompt in (image, dark))
    assert not torch.allclose(seen, unseen, atol=1e-2)


def test_a_call_leaves_nothing_behind_for_the_next(policy: Policy, prompts: list[Prompt]) -> None:
    text, video = prompts[0], prompts[2]
    before = policy.prefill(policy.encode([text]))[0]
    policy.prefill(policy.encode([video]))
    assert torch.equal(policy.prefill(policy.encode([text]))[0], before)


def test_placeholders_can_be_neither_sampled_nor_scored(policy: Policy, prompts: list[Prompt]) -> None:
    config = policy.model.config
    assert {config.image_token_id, config.video_token_id, config.vision_start_token_id} <= set(policy.forbidden_ids)
    logits = policy.logits(policy.prefill(policy.encode(prompts))[0])
    forbidden = logits[:, list(policy.forbidden_ids)]
    assert (forbidden == FORBIDDEN_LOGIT).all()
    assert (logits.log_softmax(dim=-1).exp() * logits.log_softmax(dim=-1)).sum(dim=-1).isfinite().all()


def test_weights_lie_in_memory_of_their_own(mini: Path) -> None:
    first, second = Policy.load(mini), Policy.load(mini)
    with torch.no_grad():
        for tensor in first.tensors().values():
            tensor.zero_()
    assert all(tensor.data_ptr() % 64 == 0 for tensor in second.tensors().values())
    assert second.digest() == Policy.load(mini).digest() != first.digest()


def test_the_digest_depends_on_names_and_values_only() -> None:
    a, b = torch.arange(6.0).reshape(2, 3), torch.ones(2)
    assert digest({"a": a, "b": b}) == digest({"b": b, "a": a.T.contiguous().T})
    assert len({digest({"a": a}), digest({"b": a}), digest({"a": a.T}), digest({"a": a + 1}), digest({"a": a.double()})}) == 5


def test_mini_models_depend_on_their_seed_only(tmp_path: Path) -> None:
    digests = [Policy.load(make_model(tmp_path / str(i), seed=seed)).digest() for i, seed in enumerate((0, 0, 1))]
    assert digests[0] == digests[1] != digests[2]
    assert sum(t.numel() for t in Policy.load(tmp_path / "0").tensors().values()) <= 200_000


def test_weights_that_do_not_fit_are_refused(policy: Policy) -> None:
    tensors = {name: tensor.detach() for name, tensor in policy.tensors().items()}
    name = next(iter(tensors))
    with pytest.raises(ValueError, match=re.escape(name)):
        policy.load_tensors({key: value for key, value in tensors.items() if key != name})
    with pytest.raises(ValueError, match=re.escape(name)):
        policy.load_tensors(tensors | {name: torch.zeros(1)})


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no model at"):
        Policy.load(tmp_path / "nothing")


def test_damaged_weights_are_refused(tmp_path: Path, mini: Path) -> None:
    broken = Policy.load(mini)
    with torch.no_grad():
        broken.head.weight[7, 7] = float("nan")
    save_pretrained(broken, tmp_path / "broken", "Broken", "Saved by a test.")
    with pytest.raises(ValueError, match=r"broken.* logits that are not finite"):
        Policy.load(tmp_path / "broken")


FAMILIES: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "scaled": (CohereConfig, CohereForCausalLM, {"logit_scale": 0.0625}),
    "divided": (GraniteConfig, GraniteForCausalLM, {"logits_scaling": 8.0}),
    "capped": (Gemma2Config, Gemma2ForCausalLM, {"final_logit_softcapping": 0.5, "head_dim": 8}),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_that_changes_its_logits_keeps_its_own(
    tmp_path: Path, policy: Policy, family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_config, make_model, settings = FAMILIES[family]
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1}
    torch.manual_seed(0)
    model = make_model(make_config(vocab_size=len(policy.tokenizer), eos_token_id=policy.eos_ids[0], pad_token_id=0, **sizes, **settings))
    with torch.no_grad():
        model.get_output_embeddings().weight *= 20  # so that a cap is felt
    model.save_pretrained(tmp_path / family)
    policy.tokenizer.save_pretrained(tmp_path / family)
    loaded, ids = Policy.load(tmp_path / family), torch.tensor([[5, 6, 7]])
    with torch.no_grad():
        own, given = loaded.model(input_ids=ids).logits, loaded.logits(loaded.body(input_ids=ids).last_hidden_state)
        plain = loaded.head(loaded.body(input_ids=ids).last_hidden_state)
    allowed = [i for i in range(own.shape[-1]) if i not in loaded.forbidden_ids]
    torch.testing.assert_close(given[..., allowed], own[..., allowed])
    assert not torch.allclose(plain, own, rtol=1e-2)
    monkeypatch.setattr("copd_engine.policy.logit_rule", lambda _: lambda logits: logits)
    with pytest.raises(ValueError, match="changes its logits after the output layer"):
        Policy.load(tmp_path / family)


def test_a_teacher_with_another_tokenizer_is_refused_by_name(policy: Policy, tmp_path: Path) -> None:
    policy.tokenizer.save_pretrained(tmp_path)
    stranger = copy.copy(policy)
    stranger.tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    stranger.check_same_tokens(policy, "text", "image")  # another object, the same tokens
    stranger.tokenizer.add_tokens(["<another>"])
    with pytest.raises(ValueError, match="text cannot teach image: their tokenizers differ"):
        stranger.check_same_tokens(policy, "text", "image")


def test_bfloat16_computes_low_and_keeps_float32_weights(mini: Path, prompts: list[Prompt]) -> None:
    exact, rough = Policy.load(mini), Policy.load(mini, dtype=torch.bfloat16)
    assert {tensor.dtype for tensor in rough.tensors().values()} == {torch.float32}
    one, other = (p.logits(p.prefill(p.encode(prompts))[0]) for p in (exact, rough))
    assert other.dtype == torch.float32
    assert not torch.equal(one, other)
    assert torch.allclose(one[:, 10:], other[:, 10:], atol=0.1)


def test_a_text_model_trains_on_text_and_refuses_pictures(tmp_path: Path, policy: Policy, prompts: list[Prompt]) -> None:
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=policy.tokenizer.backend_tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    config = LlamaConfig(
        vocab_size=512,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        eos_token_id=policy.eos_ids[0],
    )
    LlamaForCausalLM(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    llama = Policy.load(tmp_path)
    assert set(range(len(tokenizer), 512)) <= set(llama.forbidden_ids)
    rollouts = LocalSampler(llama).sample(SampleRequest([prompts[0], prompts[3]], (0,), samples=3, max_new_tokens=5))
    tokens = torch.from_numpy(rollouts.tokens)
    hidden = llama.hidden(llama.encode([prompts[0], prompts[3]]), torch.from_numpy(rollouts.prompts), tokens)
    log_probs = llama.logits(hidden).log_softmax(dim=-1).gather(-1, tokens.unsqueeze(-1)).squeeze(-1)
    assert np.abs(log_probs.detach().numpy() - rollouts.log_probs)[rollouts.mask].max() < 1e-5
    assert "AutoModelForCausalLM" in model_card(llama, "Llama", "A base model.")
    assert "apply_chat_template" not in model_card(llama, "Llama", "A base model.")
    with pytest.raises(ValueError, match="image"):
        llama.encode([prompts[1]])


def test_the_readme_of_a_saved_folder_runs(tmp_path: Path, policy: Policy) -> None:
    save_pretrained(policy, tmp_path, "A policy", "Saved by a test.")
    found = re.search(r"```python\n(.*?)```", (tmp_path / "README.md").read_text(), re.DOTALL)
    assert found is not None
    done = subprocess.run([sys.executable, "-c", found[1]], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip()
    assert Policy.load(tmp_path).digest() == policy.digest()
