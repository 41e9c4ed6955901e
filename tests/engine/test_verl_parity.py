"""The same numbers as verl's estimators, whose formulas are written out here: KL penalties with their clamps, ways to aggregate,
and its policy loss with the dual clip out of reach.
"""

import math

import pytest
import torch
from torch import Tensor

from copd_engine.agreement import sampled_kl
from copd_engine.rlvr import LOSSES, Lengths, sequence_losses, sequence_surrogate, token_surrogate
from copd_engine.spec.learning import RlvrLoss

DUAL_CLIP = 3.0


def case(seed: int, spread: float = 0.3) -> tuple[Tensor, Tensor, Tensor]:
    """log-probs [B, T] new and old, and a mask."""
    generator = torch.Generator().manual_seed(seed)
    old = -3 * torch.rand(6, 5, generator=generator, dtype=torch.float64)
    new = old + spread * torch.randn(6, 5, generator=generator, dtype=torch.float64)
    return new, old, torch.arange(5) < torch.randint(1, 6, (6, 1), generator=generator)


def penalty(kind: str, log_prob: float, reference: float) -> float:
    """verl's `kl_penalty` of one token."""
    if kind == "k1":
        return log_prob - reference
    if kind == "k2":
        return 0.5 * (log_prob - reference) ** 2
    log_ratio = min(max(reference - log_prob, -20.0), 20.0)
    return min(max(math.exp(log_ratio) - log_ratio - 1, -10.0), 10.0)


@pytest.mark.parametrize("kind", ["k1", "k2", "k3"])
def test_penalties_are_equal_where_no_clamp_acts(kind: str) -> None:
    new, old, _ = case(0)
    ours = sampled_kl(new, old)[kind]
    pairs = zip(new.flatten().tolist(), old.flatten().tolist(), strict=True)
    assert ours.flatten().tolist() == pytest.approx([penalty(kind, *pair) for pair in pairs], abs=1e-12)


def test_k3_is_not_cut_where_verl_cuts_it() -> None:
    """From a log-ratio of about 2.6 on verl's k3 stays at 10, without a gradient; ours goes on pulling the policy back."""
    student, reference = torch.tensor([-5.0], dtype=torch.float64, requires_grad=True), torch.tensor([-1.0], dtype=torch.float64)
    value = sampled_kl(student, reference)["k3"]
    assert penalty("k3", -5.0, -1.0) == 10.0
    assert value.item() == pytest.approx(math.exp(4) - 5)
    assert torch.autograd.grad(value.sum(), student)[0].item() == pytest.approx(1 - math.exp(4))


@pytest.mark.parametrize(
    ("name", "mode"), [("grpo", "seq-mean-token-mean"), ("dapo", "token-mean"), ("dr_grpo", "seq-mean-token-sum-norm")]
)
def test_each_loss_is_one_way_to_aggregate(name: RlvrLoss, mode: str) -> None:
    terms, _, mask = case(1)
    rows = [[term for term, real in zip(*row, strict=True) if real] for row in zip(terms.tolist(), mask.tolist(), strict=True)]
    expected = {
        "seq-mean-token-mean": sum(sum(row) / len(row) for row in rows) / len(rows),
        "token-mean": sum(map(sum, rows)) / sum(map(len, rows)),
        "seq-mean-token-sum-norm": sum(map(sum, rows)) / len(rows) / terms.shape[1],
    }
    lengths = mask.sum(dim=1).double()
    divisor = LOSSES[name].divisor(Lengths(lengths, lengths.mean().item(), terms.shape[1]))
    assert sequence_losses(terms, mask, divisor).mean().item() == pytest.approx(expected[mode], abs=1e-12)


def test_the_policy_loss_is_equal_while_the_dual_clip_is_out_of_reach() -> None:
    new, old, mask = case(2)
    advantages = torch.randn(6, 1, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    ratio = (new - old).exp()
    assert ratio.max() < DUAL_CLIP
    clipped = torch.maximum(-advantages * ratio, -advantages * ratio.clamp(0.8, 1.28))
    theirs = torch.where(advantages < 0, torch.minimum(-advantages * DUAL_CLIP, clipped), clipped)
    torch.testing.assert_close(token_surrogate(new, old, advantages, mask, 0.2, 0.28).terms, theirs, rtol=0, atol=1e-12)


def test_gspo_has_the_value_and_gradient_of_verls_token_form() -> None:
    """verl writes s · exp(log π − sg[log π]) for each token, s the detached sequence ratio: the same once summed over the sequence."""
    new, old, mask = case(3)
    new.requires_grad_()
    advantages = torch.randn(6, 1, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    mean = ((new - old) * mask).sum(dim=1, keepdim=True) / mask.sum(dim=1, keepdim=True)
    ratio = (mean.detach() + new - new.detach()).exp()
    theirs = torch.maximum(-advantages * ratio, -advantages * ratio.clamp(0.8, 1.28))
    losses = [sequence_losses(terms, mask).mean() for terms in (sequence_surrogate(new, old, advantages, mask, 0.2, 0.28).terms, theirs)]
    torch.testing.assert_close(*losses, rtol=0, atol=1e-12)
    torch.testing.assert_close(*(torch.autograd.grad(loss, new)[0] for loss in losses), rtol=0, atol=1e-12)
