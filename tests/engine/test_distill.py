"""On-policy distillation by sampled tokens: detached, capped, zero for identical policies, and pointing the right way."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from copd_engine.distill import bounded_reward, distillation_advantages, gate_weights, log_ratio
from copd_engine.divergence import kl
from copd_engine.rlvr import sequence_losses, token_surrogate


def losses(log_probs: Tensor, advantages: Tensor) -> Tensor:
    """One loss for each row, on-policy."""
    mask = torch.ones_like(log_probs)
    return sequence_losses(token_surrogate(log_probs, log_probs.detach(), advantages, mask, 0.2, 0.28).terms, mask)


def test_the_log_ratio_carries_no_gradient() -> None:
    student = torch.tensor([[-1.0, -2.0]], requires_grad=True)
    delta = log_ratio(torch.tensor([[-0.5, -3.0]]), student)
    assert delta.tolist() == [[0.5, -1.0]]
    assert not delta.requires_grad


def test_advantages_are_weighted_and_then_capped() -> None:
    delta = torch.tensor([[0.5, -4.0, 10.0]])
    assert distillation_advantages(delta, 2.0, 5.0).tolist() == [[1.0, -5.0, 5.0]]
    assert distillation_advantages(delta, 2.0, None).tolist() == [[1.0, -8.0, 20.0]]


def test_identical_policies_give_exactly_zero_gradient() -> None:
    student = torch.randn(3, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
    advantages = distillation_advantages(log_ratio(student.detach(), student), 1.0, 5.0)
    losses(student, advantages).mean().backward()
    assert student.grad is not None
    assert (student.grad == 0).all()


def expectation(alpha: float | None, baseline: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Over all tokens weighted by π_S: the mean and the variance of the surrogate's gradient; and ∇KL(student ‖ teacher). In float64."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(50, generator=generator, dtype=torch.float64, requires_grad=True)
    teacher = (logits.detach() + 2 * torch.randn(50, generator=generator, dtype=torch.float64)).log_softmax(0)
    student = logits.log_softmax(0)
    divergence = kl(student, teacher)
    (expected,) = torch.autograd.grad(divergence, logits, retain_graph=True)
    delta = log_ratio(teacher, student)
    rewards = delta if alpha is None else bounded_reward(delta, alpha)
    advantages = distillation_advantages(rewards + divergence.detach() * baseline, 1.0, None)
    each = [torch.autograd.grad(loss, logits, retain_graph=True)[0] for loss in losses(student[:, None], advantages[:, None])]
    gradients, p = torch.stack(each), student.detach().exp()[:, None]
    mean = (p * gradients).sum(0)
    return mean, (p * (gradients - mean).square()).sum(), expected


def test_the_expected_gradient_is_that_of_the_reverse_kl() -> None:
    mean, _, expected = expectation(None, baseline=False)
    torch.testing.assert_close(mean, expected)


def test_the_baseline_is_unbiased_and_lowers_the_variance() -> None:
    mean, plain, _ = expectation(None, baseline=False)
    same, lower, expected = expectation(None, baseline=True)
    torch.testing.assert_close(same, expected)
    torch.testing.assert_close(same, mean)
    assert lower < 0.8 * plain  # for policies this far apart; near ones gain next to nothing


def test_the_bounded_reward_still_falls_towards_the_teacher() -> None:
    mean, _, expected = expectation(0.5, baseline=False)
    assert torch.nn.functional.cosine_similarity(mean, expected, dim=0) > 0.8


@given(st.floats(-60, 20), st.floats(0.01, 0.99))
def test_the_bounded_reward_is_bounded_below_and_keeps_the_sign(delta: float, alpha: float) -> None:
    value = bounded_reward(torch.tensor([delta], dtype=torch.float64), alpha).item()
    assert value == pytest.approx(math.log(alpha * math.exp(delta) + 1 - alpha), abs=1e-12)
    assert value >= math.log1p(-alpha) - 1e-12
    assert abs(value) <= abs(delta) + 1e-12
    assert value * delta >= 0
    assert value != 0 or abs(delta) < 1e-300


def test_an_equal_probability_has_reward_zero_exactly() -> None:
    assert bounded_reward(torch.zeros(3), 0.3).tolist() == [0, 0, 0]


def test_the_gate_keeps_the_weight_inside_and_drops_the_token_outside() -> None:
    student = torch.tensor([[-1.0, -1.0, -1.0, -1.0]], requires_grad=True)
    weights = gate_weights(student, torch.tensor([[-1.0, -1.2, -3.0, 1.0]]), 0.5, 2.0)
    torch.testing.assert_close(weights, torch.tensor([[1.0, math.exp(0.2), 0.0, 0.0]]))
    assert not weights.requires_grad
