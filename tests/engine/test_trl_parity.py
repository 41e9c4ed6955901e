"""The same numbers as TRL's GRPOTrainer, to 1e-9 in float64. Runs where the extra `peers` is installed."""

from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from copd_engine.rlvr import clipped_losses, group_advantages

LOW, HIGH = 0.2, 0.28


@pytest.fixture(scope="module")
def trainer_class() -> Any:
    trl = pytest.importorskip("trl", exc_type=ImportError)
    return trl.GRPOTrainer


def trainer_standing_in(log_probs: Tensor) -> Any:
    """What GRPOTrainer._compute_loss reads from its trainer, with given log-probs in place of a model."""
    return SimpleNamespace(
        _get_per_token_logps_and_entropies=lambda *_, **__: (log_probs, torch.zeros_like(log_probs), None),
        _metrics=defaultdict(lambda: defaultdict(list)),
        _entropy_bonus_enabled=False,
        accelerator=SimpleNamespace(gather=lambda x: x, reduce=lambda x, reduction: x),  # noqa: ARG005 – accelerate's signature
        args=SimpleNamespace(delta=None),
        aux_loss_enabled=False,
        beta=0.0,
        current_gradient_accumulation_steps=1,
        epsilon_high=HIGH,
        epsilon_low=LOW,
        importance_sampling_level="token",
        loss_type="grpo",
        model=SimpleNamespace(training=True),
        off_policy_mask_threshold=None,
        top_entropy_quantile=1.0,
        use_vllm=False,
    )


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("seed", range(4))
def test_loss_gradient_and_clipping(trainer_class: Any, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    prompts, group, length = 3, 4, 7
    old = -3 * torch.rand(prompts * group, length, generator=generator, dtype=torch.float64)
    new = (old + 0.4 * torch.randn(old.shape, generator=generator, dtype=torch.float64)).requires_grad_()
    mask = torch.arange(length) < torch.randint(1, length + 1, (len(old), 1), generator=generator)
    advantages = group_advantages(torch.rand(prompts, group, generator=generator, dtype=torch.float64)).view(-1)

    losses, clipped = clipped_losses(new, old, advantages[:, None], mask, LOW, HIGH)
    (gradient,) = torch.autograd.grad(losses.mean(), new)

    trainer, ids = trainer_standing_in(new), torch.zeros(len(old), length, dtype=torch.long)
    inputs = {"prompt_ids": ids, "prompt_mask": ids, "completion_ids": ids, "completion_mask": mask.long(), "advantages": advantages}
    theirs = trainer_class._compute_loss(trainer, None, inputs | {"old_per_token_logps": old})
    (their_gradient,) = torch.autograd.grad(theirs, new)

    torch.testing.assert_close(losses.mean(), theirs, rtol=0, atol=1e-9)
    torch.testing.assert_close(gradient, their_gradient, rtol=0, atol=1e-9)
    (their_share,) = trainer._metrics["train"]["clip_ratio/region_mean"]
    assert (clipped.sum() / mask.sum()).item() == pytest.approx(their_share, abs=1e-6)
