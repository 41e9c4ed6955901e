"""The same numbers as TRL's trainers: 1e-9 in float64, 1e-5 in float32. Runs where the extra `peers` is installed."""

from collections import defaultdict
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from copd_engine.agreement import sampled_kl
from copd_engine.divergence import divergence_of, generalised_jsd
from copd_engine.rlvr import LOSSES, Lengths, group_advantages, overlong_penalty, sequence_losses, truncated_weights
from copd_engine.spec import Opd
from copd_engine.spec.learning import RlvrLoss

PROMPTS, GROUP, LENGTH, LONGEST = 3, 4, 7, 11
CLIPS = [(0.2, 0.28), (0.1, 0.4), (3e-4, 4e-4)]
TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-5}
dtypes = pytest.mark.parametrize("dtype", TOLERANCE, ids=str)


@pytest.fixture(scope="module")
def trainer_class() -> Any:
    trl = pytest.importorskip("trl", exc_type=ImportError)
    return trl.GRPOTrainer


@dataclass(frozen=True)
class Case:
    """Log-probs [B, T] of the policy now, when it sampled, of the reference and of the sampler; a right-padded mask; advantages [B]."""

    new: Tensor
    old: Tensor
    reference: Tensor
    sampler: Tensor
    mask: Tensor
    advantages: Tensor

    @classmethod
    def draw(cls, seed: int, dtype: torch.dtype) -> "Case":
        generator = torch.Generator().manual_seed(seed)

        def noise(spread: float) -> Tensor:
            return spread * torch.randn(PROMPTS * GROUP, LENGTH, generator=generator, dtype=torch.float64)

        old = -3 * torch.rand(PROMPTS * GROUP, LENGTH, generator=generator, dtype=torch.float64)
        tensors = (old + noise(0.4), old, old + noise(0.3), old + noise(0.2))
        mask = torch.arange(LENGTH) < torch.randint(1, LENGTH + 1, (len(old), 1), generator=generator)
        advantages = group_advantages(torch.rand(PROMPTS, GROUP, generator=generator, dtype=torch.float64)).view(-1)
        new, sampled, reference, sampler = (tensor.to(dtype) for tensor in tensors)
        return cls(new.requires_grad_(), sampled, reference, sampler, mask, advantages.to(dtype))


def trainer_standing_in(name: RlvrLoss, case: Case, clip: tuple[float, float], beta: float, weighted: bool) -> Any:
    """What GRPOTrainer._compute_loss reads from its trainer, with given log-probs in place of a model."""
    return SimpleNamespace(
        _get_per_token_logps_and_entropies=lambda *_, **__: (case.new, torch.zeros_like(case.new), None),
        _metrics=defaultdict(lambda: defaultdict(list)),
        _entropy_bonus_enabled=False,
        accelerator=SimpleNamespace(gather=lambda x: x, reduce=lambda x, reduction: x, num_processes=1),  # noqa: ARG005 – accelerate's signature
        args=SimpleNamespace(delta=None, use_bias_correction_kl=False, steps_per_generation=1),
        aux_loss_enabled=False,
        beta=beta,
        current_gradient_accumulation_steps=1,
        epsilon_high=clip[1],
        epsilon_low=clip[0],
        importance_sampling_level="sequence" if name == "gspo" else "token",
        loss_type="grpo" if name == "gspo" else name,
        max_completion_length=LONGEST,
        model=SimpleNamespace(training=True),
        off_policy_mask_threshold=None,
        top_entropy_quantile=1.0,
        use_vllm=weighted,
        vllm_importance_sampling_correction=weighted,
    )


def their_loss(trainer_class: Any, trainer: Any, case: Case) -> Tensor:
    ids = torch.zeros(case.old.shape, dtype=torch.long)
    inputs = {"prompt_ids": ids, "prompt_mask": ids, "completion_ids": ids, "completion_mask": case.mask.long()}
    inputs |= {"advantages": case.advantages, "old_per_token_logps": case.old, "ref_per_token_logps": case.reference}
    inputs |= {"num_items_in_batch": case.mask.sum(), "importance_sampling_ratio": truncated_weights(case.old, case.sampler, 1.2)}
    return trainer_class._compute_loss(trainer, None, inputs)


def our_loss(name: RlvrLoss, case: Case, clip: tuple[float, float], beta: float, weighted: bool) -> tuple[Tensor, Tensor]:
    """The loss, and where the clip stops a token."""
    loss, lengths = LOSSES[name], case.mask.to(case.new.dtype).sum(dim=1)
    terms, stopped = loss.surrogate(case.new, case.old, case.advantages[:, None], case.mask, *clip)
    if weighted:
        terms = terms * truncated_weights(case.old, case.sampler, 1.2)
    if beta:
        terms = terms + beta * sampled_kl(case.new, case.reference)["k3"]
    divisor = loss.divisor(Lengths(lengths, lengths.mean().item(), LONGEST))
    return sequence_losses(terms, case.mask, divisor).mean(), stopped


@pytest.mark.filterwarnings("default")
@dtypes
@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize(("beta", "weighted"), [(0.0, False), (0.04, False), (0.5, True)])
@pytest.mark.parametrize("clip", CLIPS)
def test_loss_gradient_and_clipping(
    trainer_class: Any, name: RlvrLoss, clip: tuple[float, float], beta: float, weighted: bool, dtype: torch.dtype
) -> None:
    for seed in range(3):
        case = Case.draw(seed, dtype)
        trainer = trainer_standing_in(name, case, clip, beta, weighted)
        ours, stopped = our_loss(name, case, clip, beta, weighted)
        theirs = their_loss(trainer_class, trainer, case)
        (gradient,), (their_gradient,) = torch.autograd.grad(ours, case.new), torch.autograd.grad(theirs, case.new)
        torch.testing.assert_close(ours, theirs, rtol=0, atol=TOLERANCE[dtype])
        torch.testing.assert_close(gradient, their_gradient, rtol=0, atol=TOLERANCE[dtype])
        assert gradient.abs().max() > 1e-3
        (their_share,) = trainer._metrics["train"]["clip_ratio/region_mean"]
        share = stopped.double().mean() if name == "gspo" else (stopped * case.mask).sum() / case.mask.sum()
        assert share.item() == pytest.approx(their_share, abs=1e-6)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(("longest", "buffer"), [(20, 5), (20, 20), (7, 1)])
def test_the_overlong_penalty(longest: int, buffer: int) -> None:
    rewards = pytest.importorskip("trl.rewards", exc_type=ImportError)
    theirs = rewards.get_soft_overlong_punishment(longest, buffer)([[0] * length for length in range(longest + 1)])
    assert overlong_penalty(torch.arange(longest + 1), longest, buffer).tolist() == pytest.approx(theirs, abs=1e-6)


@pytest.mark.filterwarnings("default")
@dtypes
@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("beta", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_generalised_jsd(beta: float, temperature: float, dtype: torch.dtype) -> None:
    gkd = pytest.importorskip("trl.experimental.gkd", exc_type=ImportError)
    generator = torch.Generator().manual_seed(0)
    drawn = [3 * torch.randn(5, LENGTH, 13, generator=generator, dtype=torch.float64) for _ in range(2)]
    student, teacher = (logits.to(dtype) for logits in drawn)
    student.requires_grad_()
    mask = torch.arange(LENGTH) < torch.tensor([[1], [7], [3], [5], [2]])
    theirs = gkd.GKDTrainer.generalized_jsd_loss(student, teacher, torch.where(mask, 0, -100), beta=beta, temperature=temperature)

    log_p, log_q = ((logits[mask] / temperature).log_softmax(dim=-1) for logits in (student, teacher))
    by_spec = divergence_of(Opd(loss="full", divergence="jsd", beta=beta))
    assert torch.equal(by_spec(log_p, log_q), generalised_jsd(log_p, log_q, beta))
    ours = by_spec(log_p, log_q).mean()
    torch.testing.assert_close(ours, theirs, rtol=0, atol=TOLERANCE[dtype])
    gradients = [torch.autograd.grad(loss, student)[0] for loss in (ours, theirs)]
    torch.testing.assert_close(*gradients, rtol=0, atol=TOLERANCE[dtype])
    assert (gradients[0][~mask] == 0).all()
