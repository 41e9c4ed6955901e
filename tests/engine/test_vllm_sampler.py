"""The sampler over vLLM: with vLLM itself where it is installed, else with a stand-in that speaks the part of its API that is used."""

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.text_model import make_text_model
from copd_engine import vllm_sampler
from copd_engine.domains import Prompt
from copd_engine.lora import with_adapter
from copd_engine.policy import Policy
from copd_engine.rollout import LocalSampler, Rollouts, SampleRequest, divisor
from copd_engine.samplers import sampler_for
from copd_engine.spec import Lora, Sampling, SpecError
from copd_engine.truncation import truncated
from copd_engine.vllm_sampler import VllmSampler
from tests.engine import vllm_stand_in

KEY = (5, "text", 2, "native")
REAL = importlib.util.find_spec("vllm") is not None
if REAL:
    os.environ |= {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_text_model(tmp_path_factory.mktemp("text"))


@pytest.fixture
def policy(folder: Path) -> Policy:
    return Policy.load(folder)


@pytest.fixture(autouse=True)
def vllm(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if not REAL:
        monkeypatch.setitem(sys.modules, "vllm", vllm_stand_in)
        vllm_stand_in.MADE.clear()
    yield
    if not REAL:
        vllm_sampler._MADE.clear()


@pytest.fixture
def texts(prompts: list[Prompt]) -> list[Prompt]:
    return prompts[::3]


def trainer_log_probs(policy: Policy, request: SampleRequest, rollouts: Rollouts) -> np.ndarray:
    """Of the sampled tokens [S], by the trainer's own forward pass, under the distribution sampled from."""
    tokens, mask = torch.from_numpy(rollouts.tokens), torch.from_numpy(rollouts.mask)
    with torch.no_grad():
        hidden = policy.hidden(policy.encode(request.prompts), torch.from_numpy(rollouts.prompts), tokens)[mask]
        log_probs = policy.logits(hidden, divisor(request)).log_softmax(dim=-1)
    if request.temperature:
        log_probs = truncated(log_probs, request.sampling.top_k, request.sampling.top_p)
    return log_probs.gather(1, tokens[mask].unsqueeze(1))[:, 0].numpy()


@pytest.mark.parametrize(
    ("temperature", "sampling"),
    [(1.0, Sampling()), (0.0, Sampling()), (0.7, Sampling(top_k=5, top_p=0.8)), (2.0, Sampling(stop=["e", "st"]))],
)
def test_log_probs_are_the_trainers(policy: Policy, texts: list[Prompt], temperature: float, sampling: Sampling) -> None:
    request = SampleRequest(texts, KEY, 3, 10, temperature, sampling=sampling)
    rollouts = VllmSampler(policy).sample(request)
    assert np.abs(trainer_log_probs(policy, request, rollouts) - rollouts.log_probs[rollouts.mask]).max() < 1e-4
    assert rollouts.prompts.tolist() == sorted([*range(4)] * 3)
    assert not any(stop in text for stop in sampling.stop for text in rollouts.texts)
    ends = rollouts.tokens[np.arange(12), rollouts.mask.sum(axis=1) - 1]
    said_end = np.isin(ends, policy.eos_ids)
    assert (rollouts.finished >= said_end).all()
    assert sampling.stop or (rollouts.finished == said_end).all()


def test_greedy_is_what_the_local_sampler_says(policy: Policy, texts: list[Prompt]) -> None:
    request = SampleRequest(texts, KEY, 1, 10, temperature=0.0)
    found, expected = VllmSampler(policy).sample(request), LocalSampler(policy).sample(request)
    assert found.texts == expected.texts
    assert np.array_equal(found.tokens, expected.tokens)
    assert np.array_equal(found.finished, expected.finished)


def test_every_sampling_has_the_weights_of_that_moment(policy: Policy, texts: list[Prompt]) -> None:
    request = SampleRequest(texts, KEY, 2, 6)
    sampler = VllmSampler(policy)
    before = sampler.sample(request)
    with torch.no_grad():
        for index, tensor in enumerate(policy.tensors().values()):
            tensor.add_(0.05 * torch.randn(tensor.shape, generator=torch.Generator().manual_seed(index)))
    after = sampler.sample(request)
    assert np.abs(trainer_log_probs(policy, request, after) - after.log_probs[after.mask]).max() < 1e-4
    assert np.abs(trainer_log_probs(policy, request, before) - before.log_probs[before.mask]).max() > 0.1


def test_a_seed_belongs_to_prompt_and_sample(policy: Policy, texts: list[Prompt]) -> None:
    sampler = VllmSampler(policy)
    together = sampler.sample(SampleRequest(texts, KEY, 3, 6, temperature=2.0))
    alone = sampler.sample(SampleRequest(texts[2:3], KEY, 3, 6, temperature=2.0, slots=[2]))
    assert alone.texts == together.texts[6:9]
    assert len(set(together.texts)) > 4
    other = sampler.sample(SampleRequest(texts, (*KEY[:2], 3, "native"), 3, 6, temperature=2.0))
    assert other.texts != together.texts


def test_torch_is_afterwards_as_it_was(policy: Policy, texts: list[Prompt]) -> None:
    torch.use_deterministic_algorithms(mode=True)
    try:
        state, digest = torch.random.get_rng_state(), policy.digest()
        VllmSampler(policy).sample(SampleRequest(texts, KEY, 1, 3))
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.equal(torch.random.get_rng_state(), state)
        assert policy.digest() == digest
    finally:
        torch.use_deterministic_algorithms(mode=False)


@pytest.mark.skipif(REAL, reason="looks into the stand-in")
def test_one_engine_serves_all_and_sleeps_between(
    policy: Policy, folder: Path, texts: list[Prompt], monkeypatch: pytest.MonkeyPatch
) -> None:
    request = SampleRequest(texts, KEY, 1, 3)
    for each in (policy, Policy.load(folder)):
        VllmSampler(each).sample(request)
    (engine,) = vllm_stand_in.MADE
    assert not engine.settings["enable_sleep_mode"]
    assert engine.settings["logprobs_mode"] == "processed_logprobs"
    made = vllm_sampler._MADE[policy.model.config.to_json_string()]
    monkeypatch.setattr(made, "sleeps", True)  # as on a GPU
    VllmSampler(policy).sample(request)
    assert engine.asleep
    assert engine.woken == ["weights", "kv_cache"]
    monkeypatch.setattr(made, "room", 1)
    VllmSampler(policy).sample(request)
    assert engine.closed
    assert len(vllm_stand_in.MADE) == 2


def test_what_it_cannot_run_is_refused_by_name(policy: Policy, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("copd_engine.preflight.find_spec", lambda _: object())
    with pytest.raises(ValueError, match=r"sampling.engine: vllm takes whole weights"):
        sampler_for(with_adapter(policy, Lora(rank=2), 0), "vllm")
    with pytest.raises(ValueError, match=r"sampling.engine: vllm takes text models only"):
        sampler_for(Policy.load("tiny"), "vllm")
    assert isinstance(sampler_for(Policy.load(folder), "vllm"), VllmSampler)
    monkeypatch.setattr("copd_engine.preflight.find_spec", lambda _: None)
    with pytest.raises(SpecError, match=r"sampling.engine: .* pip install 'copd\[vllm\]'"):
        sampler_for(policy, "vllm")


def test_progress_is_told_at_every_step(policy: Policy, texts: list[Prompt]) -> None:
    told: list[None] = []
    rollouts = VllmSampler(policy).sample(SampleRequest(texts, KEY, 2, 6), lambda: told.append(None))
    assert len(told) >= rollouts.mask.sum(axis=1).max()


Build = Callable[..., object]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"engine": "continuous", "model": {"path": "tiny", "dtype": "bfloat16"}}, "continuous runs in float32"),
        ({"engine": "vllm", "model": {"path": "tiny", "lora": {"rank": 2}}}, "vllm takes whole weights"),
        ({"engine": "vllm", "domains": {"text": {"source": "digit_images"}}}, "vllm reads text only, and domain text"),
        ({"engine": "continuous", "domains": {"text": {"source": "digit_videos"}}}, "continuous reads text only, and domain text"),
        ({"engine": "other"}, "local"),
    ],
)
def test_a_spec_that_an_engine_cannot_run_names_the_field(small: Build, changes: dict, message: str) -> None:
    one = {"experts": {"text": {"domain": "text"}}} | changes
    with pytest.raises(SpecError, match=rf"sampling\.engine: .*{message}"):
        small(**{name: value for name, value in one.items() if name != "engine"}, sampling={"engine": changes["engine"]})
