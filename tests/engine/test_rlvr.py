"""GRPO against its published formulas in plain Python, and its gradient against finite differences."""

import math
import statistics

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from copd_engine.rlvr import clipped_losses, equal_groups, group_advantages

LOW, HIGH = 0.2, 0.28


def random_case(seed: int, sequences: int = 4, length: int = 6) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """log-probs, old log-probs, advantages [B, 1] and a right-padded mask, in float64; ratios on both sides of both clips."""
    generator = torch.Generator().manual_seed(seed)
    old = -torch.rand(sequences, length, generator=generator, dtype=torch.float64) * 3
    new = old + torch.randn(sequences, length, generator=generator, dtype=torch.float64) * 0.4
    advantages = torch.randn(sequences, 1, generator=generator, dtype=torch.float64)
    lengths = torch.randint(1, length + 1, (sequences, 1), generator=generator)
    return new, old, advantages, torch.arange(length) < lengths


def reference_loss(new: Tensor, old: Tensor, advantages: Tensor, mask: Tensor) -> float:
    """−1/B Σ_i 1/|y_i| Σ_t min(ρ Â, clip(ρ, 1−ε_low, 1+ε_high) Â), one token at a time."""
    sequences = []
    for i in range(len(new)):
        terms = []
        for t in range(new.shape[1]):
            if mask[i, t]:
                ratio = math.exp(new[i, t].item() - old[i, t].item())
                advantage = advantages.expand_as(new)[i, t].item()
                terms.append(min(ratio * advantage, min(max(ratio, 1 - LOW), 1 + HIGH) * advantage))
        sequences.append(-statistics.fmean(terms))
    return statistics.fmean(sequences)


@pytest.mark.parametrize("seed", range(5))
def test_the_loss_is_the_published_formula(seed: int) -> None:
    new, old, advantages, mask = random_case(seed)
    losses, clipped = clipped_losses(new, old, advantages, mask, LOW, HIGH)
    assert losses.mean().item() == pytest.approx(reference_loss(new, old, advantages, mask), abs=1e-14)
    ratio = (new - old).exp()
    stopped = torch.where(advantages > 0, ratio > 1 + HIGH, ratio < 1 - LOW) & mask
    assert clipped.tolist() == stopped.sum(dim=1).tolist()
    assert 0 < int(clipped.sum()) < int(mask.sum())


@pytest.mark.parametrize("seed", range(3))
def test_the_gradient_is_that_of_finite_differences(seed: int) -> None:
    new, old, advantages, mask = random_case(seed)
    new.requires_grad_()

    def loss(x: Tensor) -> Tensor:
        return clipped_losses(x, old, advantages, mask, LOW, HIGH)[0].mean()

    assert torch.autograd.gradcheck(loss, (new,), eps=1e-7, atol=1e-6)


def test_advantages_of_single_tokens() -> None:
    new, old, _, mask = random_case(0)
    advantages = torch.randn(new.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    losses, _ = clipped_losses(new, old, advantages, mask, LOW, HIGH)
    assert losses.mean().item() == pytest.approx(reference_loss(new, old, advantages, mask), abs=1e-14)


def test_on_policy_the_loss_is_minus_the_advantage_and_nothing_is_clipped() -> None:
    new, _, advantages, mask = random_case(0)
    losses, clipped = clipped_losses(new, new.detach(), advantages, mask, LOW, HIGH)
    torch.testing.assert_close(losses, -advantages[:, 0])
    assert not clipped.any()


def test_a_sequence_without_tokens_counts_as_zero() -> None:
    new, old, advantages, mask = random_case(0)
    mask[1] = False
    losses, _ = clipped_losses(new, old, advantages, mask, LOW, HIGH)
    assert losses[1] == 0
    assert losses.isfinite().all()


@given(st.lists(st.lists(st.floats(0, 1), min_size=4, max_size=4), min_size=1, max_size=5))
def test_advantages_are_the_published_formula(rewards: list[list[float]]) -> None:
    advantages = group_advantages(torch.tensor(rewards, dtype=torch.float64))
    for group, row in zip(rewards, advantages.tolist(), strict=True):
        mean, std = statistics.fmean(group), statistics.stdev(group)  # stdev: ddof = 1
        expected = [(reward - mean) / (std + 1e-4) for reward in group]
        assert row == pytest.approx(expected, abs=1e-9)


@given(st.floats(0, 1), st.integers(2, 9))
def test_equal_rewards_teach_exactly_nothing(reward: float, size: int) -> None:
    rewards = torch.full((2, size), reward)
    assert (group_advantages(rewards) == 0).all()
    assert equal_groups(rewards).all()


def test_groups_with_equal_rewards_are_counted() -> None:
    assert equal_groups(torch.tensor([[1.0, 1.0], [0.0, 1.0], [0.0, 0.0]])).tolist() == [True, False, True]
