"""Continuous batching: the local sampler's samples, a plain forward's log-probs, and a model that is afterwards as it was."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from copd_engine.cache import PolicyCache
from copd_engine.clock import Clock
from copd_engine.continuous import ContinuousSampler
from copd_engine.domains import Prompt
from copd_engine.expert import Expert
from copd_engine.lora import with_adapter
from copd_engine.policy import Policy
from copd_engine.rollout import LocalSampler, Rollouts, SampleRequest
from copd_engine.samplers import sampler_for
from copd_engine.spec import Lora, Optimizer, RunSpec, Sampling
from copd_engine.spec.sampling import SamplingEngine
from copd_engine.training import Trainer
from tests.engine.steps import values

KEY = (5, "text", 2, "native")


@pytest.fixture(scope="session")
def texts(prompts: list[Prompt]) -> list[Prompt]:
    """Four text prompts of different lengths."""
    return prompts[::3]


def check_same(found: Rollouts, expected: Rollouts, tolerance: float = 1e-5) -> None:
    """Equal in all but the last bits of the log-probs."""
    for name in ("prompts", "tokens", "mask", "finished"):
        assert np.array_equal(getattr(found, name), getattr(expected, name)), name
    assert found.texts == expected.texts
    assert np.abs(found.log_probs - expected.log_probs).max() < tolerance
    assert not found.log_probs[~found.mask].any()


@given(batch=st.integers(0, 12), order=st.permutations(range(4)), samples=st.integers(1, 3), prefilled=st.booleans())
@settings(derandomize=True, max_examples=10)
def test_samples_are_those_of_the_local_sampler(
    policy: Policy, texts: list[Prompt], batch: int, order: list[int], samples: int, prefilled: bool
) -> None:
    """However many are under way at once, in whatever order they are asked for, and whoever ran the prompts."""
    chosen = [texts[slot] for slot in order]
    request = SampleRequest(chosen, KEY, samples, 6, slots=order, sampling=Sampling(batch=batch))
    ready = policy.prefill(policy.encode(chosen)) if prefilled else None
    found = ContinuousSampler(policy).sample(request, prompts=ready)
    check_same(found, LocalSampler(policy).sample(SampleRequest(chosen, KEY, samples, 6, slots=order)))


@pytest.mark.parametrize(
    ("temperature", "sampling"),
    [
        (0.0, Sampling()),
        (0.7, Sampling(top_k=5)),
        (1.5, Sampling(top_p=0.8)),
        (2.0, Sampling(top_k=20, top_p=0.9, batch=3)),
        (2.0, Sampling(stop=["a", "to"])),
        (0.0, Sampling(stop=["e"], batch=2)),
    ],
)
def test_every_setting_of_sampling_means_the_same(policy: Policy, texts: list[Prompt], temperature: float, sampling: Sampling) -> None:
    request = SampleRequest(texts, KEY, 3, 12, temperature, sampling=sampling)
    found = ContinuousSampler(policy).sample(request)
    check_same(found, LocalSampler(policy).sample(request))
    assert not any(stop in text for stop in sampling.stop for text in found.texts)


def test_log_probs_are_those_of_a_plain_forward(policy: Policy, texts: list[Prompt]) -> None:
    """No cache, no packing, no padding: one sequence at a time through the whole model."""
    rollouts = ContinuousSampler(policy).sample(SampleRequest(texts, KEY, 2, 8, temperature=0.7))
    for row, prompt in enumerate(rollouts.prompts.tolist()):
        asked = policy.encode([texts[prompt]]).input_ids
        said = torch.from_numpy(rollouts.tokens[row][rollouts.mask[row]])
        with torch.no_grad():
            logits = policy.model(input_ids=torch.cat((asked[0], said))[None]).logits[0, asked.shape[1] - 1 : -1]
        log_probs = policy.allowed(logits, 0.7).log_softmax(dim=-1).gather(1, said[:, None])[:, 0]
        assert np.abs(log_probs.numpy() - rollouts.log_probs[row][rollouts.mask[row]]).max() < 1e-5


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_the_model_is_afterwards_as_it_was(mini: Any, texts: list[Prompt], attention: str) -> None:
    policy = Policy.load(mini)
    policy.model.set_attn_implementation(attention)
    policy.model.train()
    before = policy.digest(), torch.random.get_rng_state()
    gradients = {name: tensor.requires_grad for name, tensor in policy.tensors().items()}
    request = SampleRequest(texts, KEY, 2, 4)
    expected = LocalSampler(policy).sample(request)
    check_same(ContinuousSampler(policy).sample(request), expected)
    assert policy.model.config.get_text_config()._attn_implementation == attention
    assert policy.model.training
    assert policy.digest() == before[0]
    assert torch.equal(torch.random.get_rng_state(), before[1])
    assert {name: tensor.requires_grad for name, tensor in policy.tensors().items()} == gradients
    assert np.array_equal(LocalSampler(policy).sample(request).log_probs, expected.log_probs)


@pytest.mark.parametrize("lora", [None, Lora(rank=2)])
def test_training_takes_the_same_step(small: Callable[..., RunSpec], mini: Any, coins: PolicyCache, lora: Lora | None) -> None:
    """The loss runs its own forward pass on the tokens, and these are the same: not one bit differs."""
    digests = []
    for engine in ("local", "continuous"):
        spec = small(sampling={"engine": engine, "batch": 3, "stop": ["a"]})
        policy = Policy.load(mini)
        expert = Expert("text", with_adapter(policy, lora, 0) if lora else policy, Optimizer())
        trainer = Trainer(expert, spec, [coins.domain("text", spec.domains["text"])], {}, Clock(), lambda: None)
        assert all(trainer.step(values(spec, lr=1e-2)).tokens for _ in range(2))
        digests.append(expert.policy.digest())
    assert digests[0] == digests[1]


def test_progress_is_told_while_it_runs(policy: Policy, texts: list[Prompt]) -> None:
    told: list[None] = []
    ContinuousSampler(policy).sample(SampleRequest(texts, KEY, 2, 8, sampling=Sampling(batch=2)), lambda: told.append(None))
    assert len(told) >= 4


def test_what_it_cannot_run_is_refused_by_name(policy: Policy, prompts: list[Prompt], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"sampling.engine: continuous reads text only"):
        ContinuousSampler(policy).sample(SampleRequest(prompts[:3], KEY))
    with pytest.raises(ValueError, match=r"sampling.engine: .* bfloat16"):
        sampler_for(Policy(policy.model, policy.processor, torch.bfloat16), "continuous")
    with pytest.raises(ValueError, match=r"'text', heldout prompt 0: .* exceed the model's context"):
        ContinuousSampler(policy).sample(SampleRequest(prompts[:1], KEY, max_new_tokens=100_000))
    monkeypatch.setattr(policy, "allowed", lambda *_: 1 / 0)
    with pytest.raises(RuntimeError, match="division by zero"):
        ContinuousSampler(policy).sample(SampleRequest(prompts[:1], KEY))


@pytest.mark.parametrize(("engine", "kind"), [("local", LocalSampler), ("continuous", ContinuousSampler)])
def test_the_spec_names_the_sampler(policy: Policy, engine: SamplingEngine, kind: type) -> None:
    assert isinstance(sampler_for(policy, engine), kind)
