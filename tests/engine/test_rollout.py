from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import TopKLogitsWarper, TopPLogitsWarper

from copd_engine.domains import Prompt
from copd_engine.policy import FORBIDDEN_LOGIT, Policy
from copd_engine.rollout import LocalSampler, Rollouts, SampleRequest, inverse_cdf
from copd_engine.spec import Sampling
from copd_engine.truncation import truncated

KEY = (5, "text", 2, "native")


def by_slot(rollouts: Rollouts, slots: list[int]) -> dict[tuple[int, int], tuple[str, list[int]]]:
    """(slot, sample) -> text and tokens."""
    samples = len(rollouts.texts) // len(slots)
    rows = zip(rollouts.texts, rollouts.tokens, rollouts.mask, strict=True)
    return {(slots[row // samples], row % samples): (text, tokens[mask].tolist()) for row, (text, tokens, mask) in enumerate(rows)}


def test_log_probs_are_those_of_the_training_forward(policy: Policy, prompts: list[Prompt]) -> None:
    rollouts = LocalSampler(policy).sample(SampleRequest(prompts, KEY, samples=4, max_new_tokens=8, temperature=0.7))
    tokens = torch.from_numpy(rollouts.tokens)
    hidden = policy.hidden(policy.encode(prompts), torch.from_numpy(rollouts.prompts), tokens)
    log_probs = policy.logits(hidden, temperature=0.7).log_softmax(dim=-1).gather(-1, tokens.unsqueeze(-1)).squeeze(-1)
    assert rollouts.mask.any(axis=1).all()
    assert np.abs(log_probs.detach().numpy() - rollouts.log_probs)[rollouts.mask].max() < 1e-5


def test_shuffling_and_splitting_the_batch_change_no_sample(policy: Policy, prompts: list[Prompt]) -> None:
    sampler = LocalSampler(policy)
    together = by_slot(sampler.sample(SampleRequest(prompts, KEY, samples=3, max_new_tokens=8)), list(range(len(prompts))))
    order = np.random.default_rng(1).permutation(len(prompts)).tolist()
    apart: dict[tuple[int, int], tuple[str, list[int]]] = {}
    for slots in (order[:5], order[5:6], order[6:]):
        request = SampleRequest([prompts[slot] for slot in slots], KEY, samples=3, max_new_tokens=8, slots=slots)
        apart |= by_slot(sampler.sample(request), slots)
    assert apart == together


@given(batch=st.integers(1, 40), order=st.permutations(range(12)), prefilled=st.booleans())
@settings(derandomize=True, max_examples=12)
def test_batches_of_any_size_in_any_order_change_no_sample(
    policy: Policy, prompts: list[Prompt], batch: int, order: list[int], prefilled: bool
) -> None:
    sampler = LocalSampler(policy)
    together = by_slot(sampler.sample(SampleRequest(prompts, KEY, samples=3, max_new_tokens=6)), list(range(12)))
    chosen = [prompts[slot] for slot in order]
    request = SampleRequest(chosen, KEY, 3, 6, slots=order, sampling=Sampling(batch=batch))
    ready = policy.prefill(policy.encode(chosen)) if prefilled else None
    rollouts = sampler.sample(request, prompts=ready)
    assert by_slot(rollouts, order) == together
    assert rollouts.prompts.tolist() == sorted([*range(12)] * 3)


def test_no_more_sequences_are_decoded_together_than_asked(policy: Policy, prompts: list[Prompt], monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[int] = []
    extend, prefill = policy.extend, policy.prefill
    monkeypatch.setattr(policy, "extend", lambda tokens, *rest: (rows.append(len(tokens)), extend(tokens, *rest))[1])
    monkeypatch.setattr(policy, "prefill", lambda batch: (rows.append(len(batch.input_ids)), prefill(batch))[1])
    LocalSampler(policy).sample(SampleRequest(prompts, KEY, samples=3, max_new_tokens=4, sampling=Sampling(batch=5)))
    assert max(rows) == 5


@pytest.mark.parametrize("sampling", [Sampling(top_k=3), Sampling(top_p=0.6), Sampling(top_k=5, top_p=0.8)])
def test_log_probs_are_those_of_the_truncated_distribution(policy: Policy, prompts: list[Prompt], sampling: Sampling) -> None:
    rollouts = LocalSampler(policy).sample(SampleRequest(prompts, KEY, 4, 6, temperature=1.5, sampling=sampling))
    tokens, mask = torch.from_numpy(rollouts.tokens), torch.from_numpy(rollouts.mask)
    states = policy.hidden(policy.encode(prompts), torch.from_numpy(rollouts.prompts), tokens)[mask]
    whole = policy.logits(states, temperature=1.5).log_softmax(dim=-1).detach()
    expected = truncated(whole, sampling.top_k, sampling.top_p).gather(-1, tokens[mask].unsqueeze(-1)).squeeze(-1)
    found = torch.from_numpy(rollouts.log_probs)[mask]
    assert (expected - found).abs().max() < 1e-4
    assert found.min() > -50
    assert found.mean() > whole.gather(-1, tokens[mask].unsqueeze(-1)).mean()


LOGITS = st.lists(st.integers(-128, 128).map(lambda n: n / 16), min_size=2, max_size=12, unique=True)


@given(LOGITS, st.integers(0, 14), st.floats(0.01, 1))
@settings(derandomize=True)
def test_truncation_keeps_the_fewest_likeliest_tokens(logits: list[float], top_k: int, top_p: float) -> None:
    probs = torch.tensor([logits], dtype=torch.float64).softmax(dim=-1)
    kept = truncated(probs.log(), top_k, top_p).exp()[0]
    chosen = sorted(range(len(logits)), key=lambda i: -float(probs[0, i]))[: int((kept > 0).sum())]
    assert (kept[chosen] > 0).all()
    assert kept.sum().item() == pytest.approx(1)
    assert torch.allclose(kept[chosen], probs[0, chosen] / probs[0, chosen].sum(), rtol=1e-9)
    limit = min(top_k or len(logits), len(logits))
    assert len(chosen) <= limit
    if top_p < 1:
        mass = torch.sort(probs[0], descending=True).values[:limit].cumsum(0) / torch.sort(probs[0], descending=True).values[:limit].sum()
        assert mass[len(chosen) - 1] >= top_p - 1e-9
        assert len(chosen) == 1 or mass[len(chosen) - 2] < top_p + 1e-9
    else:
        assert len(chosen) == limit


@given(LOGITS, st.integers(1, 14), st.floats(0.05, 0.95))
@settings(derandomize=True)
def test_truncation_agrees_with_transformers(logits: list[float], top_k: int, top_p: float) -> None:
    scores, nothing = torch.tensor([logits], dtype=torch.float64), torch.zeros(1, 0, dtype=torch.long)
    limit = min(top_k, len(logits))
    warped = TopPLogitsWarper(top_p)(nothing, TopKLogitsWarper(limit)(nothing, scores)).softmax(dim=-1)  # pyright: ignore[reportArgumentType]
    assert torch.allclose(truncated(scores.log_softmax(dim=-1), limit, top_p).exp(), warped, atol=1e-12)


def test_default_sampling_leaves_every_log_prob_as_it_is() -> None:
    log_probs = torch.randn(3, 50, generator=torch.Generator().manual_seed(0)).log_softmax(dim=-1)
    assert truncated(log_probs, 0, 1.0) is log_probs


def test_a_stop_string_ends_a_completion_and_its_text_is_cut_before_it(policy: Policy, prompts: list[Prompt]) -> None:
    sampler = LocalSampler(policy)
    request: dict[str, Any] = {"prompts": prompts, "key": KEY, "samples": 6, "max_new_tokens": 10}
    free = sampler.sample(SampleRequest(**request))
    stops = ["=1", "e"]
    stopped = sampler.sample(SampleRequest(**request, sampling=Sampling(stop=stops)))
    met = 0
    for row, text in enumerate(free.texts):
        cut = min((text.find(stop) for stop in stops if stop in text), default=None)
        assert stopped.texts[row] == text[:cut]
        tokens, whole = (r.tokens[row][r.mask[row]].tolist() for r in (stopped, free))
        assert tokens == whole[: len(tokens)]
        if cut is not None:
            met += 1
            assert stopped.finished[row]
            assert any(stop in policy.decode([tokens])[0] for stop in stops)
            assert not any(stop in policy.decode([tokens[:-1]])[0] for stop in stops)
        else:
            assert tokens == whole
    assert 0 < met < len(free.texts)


def test_a_prompt_longer_than_the_context_is_refused_by_name(policy: Policy) -> None:
    assert policy.context == 4096
    long = Prompt("sums", "train", 3, "7 " * 5000, "x", origin="sums.jsonl, row 12")
    with pytest.raises(ValueError, match=r"domain 'sums', sums.jsonl, row 12: \d+ tokens exceed the model's context of 4096"):
        policy.encode([long])
    short = Prompt("sums", "train", 3, "7", "x")
    with pytest.raises(ValueError, match=r"domain 'sums', train prompt 3: \d+ tokens and 4096 new ones exceed"):
        LocalSampler(policy).sample(SampleRequest([short], KEY, max_new_tokens=4096))


def test_steps_parts_and_policies_draw_different_samples(policy: Policy, prompts: list[Prompt]) -> None:
    sampler = LocalSampler(policy)
    keys = (KEY, (6, "text", 2, "native"), (5, "image", 2, "native"), (5, "text", 3, "native"), (5, "text", 2, "cross"))
    drawn = {tuple(sampler.sample(SampleRequest(prompts, key, samples=4, max_new_tokens=4)).texts) for key in keys}
    assert len(drawn) == len(keys)


def test_greedy_ignores_the_key(policy: Policy, prompts: list[Prompt]) -> None:
    sampler = LocalSampler(policy)
    first, second = (sampler.sample(SampleRequest(prompts, (seed,), max_new_tokens=8, temperature=0.0)) for seed in (0, 1))
    assert first.texts == second.texts


def test_rows_end_at_the_end_of_sequence_and_no_forbidden_token_appears(policy: Policy, prompts: list[Prompt]) -> None:
    rollouts = LocalSampler(policy).sample(SampleRequest(prompts, KEY, samples=8, max_new_tokens=6, temperature=3.0))
    assert not np.isin(rollouts.tokens[rollouts.mask], policy.forbidden_ids).any()
    last = rollouts.tokens[np.arange(len(rollouts.tokens)), rollouts.mask.sum(axis=1) - 1]
    assert np.array_equal(np.isin(last, policy.eos_ids), rollouts.finished)
    assert (np.isin(rollouts.tokens, policy.eos_ids) & rollouts.mask).sum() == rollouts.finished.sum()
    assert rollouts.finished.any()
    assert not rollouts.finished.all()


def test_one_token_is_a_rollout_too(policy: Policy, prompts: list[Prompt]) -> None:
    rollouts = LocalSampler(policy).sample(SampleRequest(prompts[:2], KEY, samples=2, max_new_tokens=1))
    assert rollouts.tokens.shape == (4, 1)


def test_progress_is_reported_for_every_token(policy: Policy, prompts: list[Prompt]) -> None:
    calls: list[None] = []
    rollouts = LocalSampler(policy).sample(SampleRequest(prompts, KEY, max_new_tokens=5), progress=lambda: calls.append(None))
    assert len(calls) >= rollouts.tokens.shape[1]


def test_slots_must_number_the_prompts(policy: Policy, prompts: list[Prompt]) -> None:
    with pytest.raises(ValueError, match="slots"):
        LocalSampler(policy).sample(SampleRequest(prompts, KEY, slots=[0]))


@given(st.lists(st.floats(-20, 5), min_size=2, max_size=12), st.floats(0, 1, exclude_max=True), st.data())
@settings(deadline=None, derandomize=True)
def test_inverse_cdf_inverts_and_never_chooses_a_forbidden_token(logits: list[float], noise: float, data: st.DataObject) -> None:
    forbidden = data.draw(st.sets(st.integers(0, len(logits) - 1), max_size=len(logits) - 1))
    scores = torch.tensor([logits]).index_fill(1, torch.tensor(sorted(forbidden), dtype=torch.long), FORBIDDEN_LOGIT)
    log_probs = scores.log_softmax(dim=-1)
    chosen = int(inverse_cdf(log_probs, torch.tensor([noise], dtype=torch.float64)))
    cumulative = log_probs.double().exp().cumsum(dim=-1)[0].tolist()
    assert chosen not in forbidden
    assert cumulative[chosen] >= noise * cumulative[-1]
    assert chosen == 0 or cumulative[chosen - 1] <= noise * cumulative[-1] + 1e-12


def test_inverse_cdf_samples_the_distribution() -> None:
    probs = torch.tensor([0.1, 0.0, 0.6, 0.3], dtype=torch.float64)
    noise = (torch.arange(10_000, dtype=torch.float64) + 0.5) / 10_000
    chosen = inverse_cdf(probs.log().expand(10_000, -1), noise)
    assert torch.allclose(chosen.bincount(minlength=4).double() / 10_000, probs, atol=1e-3)
