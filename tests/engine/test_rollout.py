import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from copd_engine.domains import Prompt
from copd_engine.policy import FORBIDDEN_LOGIT, Policy
from copd_engine.rollout import LocalSampler, Rollouts, SampleRequest, inverse_cdf

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
