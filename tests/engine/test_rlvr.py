"""GRPO and its relatives against their published formulas in plain Python, and their gradients against finite differences."""

import math
import statistics

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from copd_engine.agreement import sampled_kl
from copd_engine.rlvr import (
    LOSSES,
    Lengths,
    equal_groups,
    group_advantages,
    overlong_penalty,
    sequence_losses,
    sequence_surrogate,
    token_surrogate,
    truncated_weights,
)
from copd_engine.spec.learning import RlvrLoss

LOW, HIGH = 0.2, 0.28
LONGEST = 8
NAMES = list(LOSSES)


def random_case(seed: int, sequences: int = 4, length: int = 6) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """log-probs, old log-probs, advantages [B, 1] and a right-padded mask, in float64; ratios on both sides of both clips."""
    generator = torch.Generator().manual_seed(seed)
    old = -torch.rand(sequences, length, generator=generator, dtype=torch.float64) * 3
    new = old + torch.randn(sequences, length, generator=generator, dtype=torch.float64) * 0.4
    advantages = torch.randn(sequences, 1, generator=generator, dtype=torch.float64)
    lengths = torch.randint(1, length + 1, (sequences, 1), generator=generator)
    return new, old, advantages, torch.arange(length) < lengths


def loss_of(name: RlvrLoss, new: Tensor, old: Tensor, advantages: Tensor, mask: Tensor, mean_length: float | None = None) -> Tensor:
    """The loss of a batch, or of some of its sequences when `mean_length` tells that of the whole; summed over sequences."""
    loss, own = LOSSES[name], mask.to(new.dtype).sum(dim=1)
    terms, _ = loss.surrogate(new, old, advantages, mask, LOW, HIGH)
    mean = own.mean().item() if mean_length is None else mean_length
    return sequence_losses(terms, mask, loss.divisor(Lengths(own, mean, LONGEST))).sum()


def reference_terms(new: Tensor, old: Tensor, advantages: Tensor, mask: Tensor, per_sequence: bool = False) -> list[list[float]]:
    """−min(ρ Â, clip(ρ, 1−ε_low, 1+ε_high) Â) of every real token, one at a time."""
    sequences = []
    for i in range(len(new)):
        places = [t for t in range(new.shape[1]) if mask[i, t]]
        logs = [new[i, t].item() - old[i, t].item() for t in places]
        if per_sequence:
            logs = [statistics.fmean(logs)] * len(logs)
        terms = []
        for t, log in zip(places, logs, strict=True):
            ratio, advantage = math.exp(log), advantages.expand_as(new)[i, t].item()
            terms.append(-min(ratio * advantage, min(max(ratio, 1 - LOW), 1 + HIGH) * advantage))
        sequences.append(terms)
    return sequences


@pytest.mark.parametrize("seed", range(5))
def test_the_losses_are_the_published_formulas(seed: int) -> None:
    case = random_case(seed)
    terms, count = reference_terms(*case), 4
    tokens = [term for sequence in terms for term in sequence]
    expected = {
        "grpo": statistics.fmean(statistics.fmean(sequence) for sequence in terms),
        "dr_grpo": sum(tokens) / (count * LONGEST),
        "dapo": sum(tokens) / len(tokens),
        "gspo": statistics.fmean(sequence[0] for sequence in reference_terms(*case, per_sequence=True)),
    }
    assert expected.keys() == LOSSES.keys()
    for name in NAMES:
        assert loss_of(name, *case).item() / count == pytest.approx(expected[name], abs=1e-14)


@pytest.mark.parametrize("surrogate", [token_surrogate, sequence_surrogate])
def test_clipped_tokens_are_told(surrogate: type) -> None:
    new, old, advantages, mask = random_case(3, sequences=16)
    _, stopped = surrogate(new, old, advantages, mask, LOW, HIGH)
    ratio = (new - old).exp()
    if surrogate is sequence_surrogate:
        ratio = ((new - old) * mask).sum(dim=1, keepdim=True).div(mask.sum(dim=1, keepdim=True)).exp()
    assert torch.equal(stopped, torch.where(advantages > 0, ratio > 1 + HIGH, ratio < 1 - LOW))
    assert 0 < int((stopped * mask).sum()) < int(mask.sum())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(3))
def test_the_gradient_is_that_of_finite_differences(name: RlvrLoss, seed: int) -> None:
    new, old, advantages, mask = random_case(seed)
    new.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss_of(name, x, old, advantages, mask), (new,), eps=1e-7, atol=1e-6)


def test_the_gradient_of_the_penalty_and_of_weighted_terms() -> None:
    new, old, advantages, mask = random_case(0)
    reference = old + 0.3

    def loss(x: Tensor) -> Tensor:
        weights = truncated_weights(new, old - 0.1, 1.05)
        terms = token_surrogate(x, old, advantages, mask, LOW, HIGH).terms * weights + 0.3 * sampled_kl(x, reference)["k3"]
        return sequence_losses(terms, mask).mean()

    assert torch.autograd.gradcheck(loss, (new.clone().requires_grad_(),), eps=1e-7, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
@given(cut=st.integers(1, 5))
def test_micro_batches_sum_to_the_whole(name: RlvrLoss, cut: int) -> None:
    """Also the token mean, because a piece divides by the whole batch's mean length."""
    case = random_case(1, sequences=6)
    mean = case[-1].sum(dim=1).double().mean().item()
    parts = [loss_of(name, *(each[piece] for each in case), mean_length=mean) for piece in (slice(cut), slice(cut, None))]
    torch.testing.assert_close(sum(parts), loss_of(name, *case))


def test_advantages_of_single_tokens() -> None:
    new, old, _, mask = random_case(0)
    advantages = torch.randn(new.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    expected = statistics.fmean(statistics.fmean(sequence) for sequence in reference_terms(new, old, advantages, mask))
    assert loss_of("grpo", new, old, advantages, mask).item() / 4 == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize("surrogate", [token_surrogate, sequence_surrogate])
def test_on_policy_the_loss_is_minus_the_advantage_and_nothing_is_clipped(surrogate: type) -> None:
    new, _, advantages, mask = random_case(0)
    terms, stopped = surrogate(new, new.detach(), advantages, mask, LOW, HIGH)
    torch.testing.assert_close(sequence_losses(terms, mask), -advantages[:, 0])
    assert not stopped.any()


def test_on_policy_gspo_has_the_gradient_of_grpo() -> None:
    new, _, advantages, mask = random_case(0)
    old = new.clone()
    new.requires_grad_()
    grpo, gspo = (torch.autograd.grad(loss_of(name, new, old, advantages, mask), new)[0] for name in ("grpo", "gspo"))
    torch.testing.assert_close(gspo, grpo)


@pytest.mark.parametrize("name", NAMES)
def test_a_sequence_without_tokens_counts_as_zero(name: RlvrLoss) -> None:
    new, old, advantages, mask = random_case(0)
    mask[1] = False
    assert loss_of(name, *(each[1:2] for each in (new, old, advantages, mask)), mean_length=2.0) == 0


@given(st.lists(st.lists(st.floats(0, 1), min_size=4, max_size=4), min_size=1, max_size=5))
def test_advantages_are_the_published_formula(rewards: list[list[float]]) -> None:
    values = torch.tensor(rewards, dtype=torch.float64)
    rows = zip(rewards, group_advantages(values).tolist(), group_advantages(values, scaled=False).tolist(), strict=True)
    for group, scaled, plain in rows:
        mean, std = statistics.fmean(group), statistics.stdev(group)  # stdev: ddof = 1
        assert scaled == pytest.approx([(reward - mean) / (std + 1e-4) for reward in group], abs=1e-9)
        assert plain == pytest.approx([reward - mean for reward in group], abs=1e-9)


@given(st.floats(0, 1), st.integers(2, 9), st.booleans())
def test_equal_rewards_teach_exactly_nothing(reward: float, size: int, scaled: bool) -> None:
    rewards = torch.full((2, size), reward)
    assert (group_advantages(rewards, scaled) == 0).all()
    assert equal_groups(rewards).all()


def test_groups_with_equal_rewards_are_counted() -> None:
    assert equal_groups(torch.tensor([[1.0, 1.0], [0.0, 1.0], [0.0, 0.0]])).tolist() == [True, False, True]


def test_the_overlong_penalty_falls_over_the_buffer() -> None:
    assert overlong_penalty(torch.tensor([1, 12, 13, 14, 16]), 16, 4).tolist() == [0, 0, -0.25, -0.5, -1]
    assert overlong_penalty(torch.tensor([15, 16]), 16, 1).tolist() == [0, -1]


def test_weights_are_truncated_and_detached() -> None:
    log_probs = torch.tensor([[-1.0, -2.0, -3.0]], requires_grad=True)
    weights = truncated_weights(log_probs, torch.tensor([[-1.0, -3.0, -2.5]]), 2.0)
    torch.testing.assert_close(weights, torch.tensor([[1.0, 2.0, math.exp(-0.5)]]))
    assert not weights.requires_grad
