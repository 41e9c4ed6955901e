"""On-policy distillation: detached, capped, zero for identical policies, and pointing the right way."""

import torch

from copd_engine.distill import distillation_advantages, log_ratio
from copd_engine.rlvr import clipped_losses


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
    clipped_losses(student, student.detach(), advantages, torch.ones(3, 4), 0.2, 0.28)[0].mean().backward()
    assert student.grad is not None
    assert (student.grad == 0).all()


def test_the_expected_gradient_is_that_of_the_reverse_kl() -> None:
    """Over all tokens weighted by π_S the surrogate's gradient equals ∇KL(student ‖ teacher), in float64."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(7, generator=generator, dtype=torch.float64, requires_grad=True)
    teacher = torch.randn(7, generator=generator, dtype=torch.float64).log_softmax(0)
    student = logits.log_softmax(0)
    kl = (student.exp() * (student - teacher)).sum()
    (expected,) = torch.autograd.grad(kl, logits, retain_graph=True)
    advantages = distillation_advantages(log_ratio(teacher, student), 1.0, None)
    per_token, _ = clipped_losses(student[:, None], student.detach()[:, None], advantages[:, None], torch.ones(7, 1), 0.2, 0.28)
    (given,) = torch.autograd.grad((student.detach().exp() * per_token).sum(), logits)
    torch.testing.assert_close(given, expected)
