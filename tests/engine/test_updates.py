"""Several updates on the rollouts of one step: π_old, δ and the advantages stay those of before the first, and the clips act."""

from typing import Any

import pytest
import torch
from torch import Tensor

from copd_engine.cache import PolicyCache
from copd_engine.fingerprint import make_deterministic
from copd_engine.rlvr import LOSSES, group_advantages, sequence_losses
from copd_engine.scoring import LocalScorer, States, token_log_probs
from copd_engine.step import Rewarded, Spent
from copd_engine.training import Trainer
from tests.engine.steps import SAMPLED, SIZE, Build, Caught, expert_of, label, perturbed, trainer_of, values

LR = 3e-4


@pytest.fixture(autouse=True)
def _exact() -> None:
    make_deterministic(1)


class Second(Caught):
    """An expert that takes its first update and keeps the gradient of the second."""

    taken = False

    def update(self, lr: float, grad_clip: float) -> float:
        if self.taken:
            return super().update(lr, grad_clip)
        self.taken = True
        return super(Caught, self).update(lr, grad_clip)


def drawn(trainer: Trainer) -> Rewarded:
    return trainer._rewarded("native", trainer.natives[0], 2, values(trainer.spec), Spent())


def log_probs(trainer: Trainer, rewarded: Rewarded) -> Tensor:
    batch, policy = rewarded.batch, trainer.expert.policy
    piece = batch.pieces[0]
    states = States(policy, policy.hidden(piece.batch, piece.rows, batch.tokens))
    return token_log_probs(policy, states.hidden, batch.tokens, batch.mask)[0]


@pytest.mark.parametrize("loss", ["grpo", "dapo", "gspo"])
def test_the_second_update_is_clipped_against_the_policy_before_the_first(coins: PolicyCache, small: Build, loss: str) -> None:
    """Its gradient beside the published surrogate's, with log π_old computed before the step."""
    spec = small(rlvr=SIZE | {"loss": loss, "clip_low": 1e-3, "clip_high": 2e-3}, optimizer={"updates": 2})
    expert = Second("text", coins.copy_of_base(spec.model), spec.optimizer)
    trainer = trainer_of(coins, spec, expert)
    with torch.no_grad():
        rewarded = drawn(trainer)
        old = log_probs(trainer, rewarded)
    told = {value.name: value.value for value in trainer.step(values(spec, lr=LR)).values}
    batch, form, mask = rewarded.batch, LOSSES[spec.rlvr.loss], rewarded.batch.mask
    new = log_probs(trainer, rewarded)
    surrogate = form.surrogate(new, old, group_advantages(rewarded.rewards).view(-1, 1), mask, 1e-3, 2e-3)
    divisor = batch.token_count / batch.size if loss == "dapo" else None
    sequence_losses(surrogate.terms, mask, divisor).mean().backward()
    expected = {name: parameter.grad for name, parameter in expert.parameters.items() if parameter.grad is not None}
    scale = max(tensor.abs().max().item() for tensor in expected.values())
    for name, gradient in expected.items():
        gradient = gradient - expert.gradient[name]  # the step's own second gradient is still there: update() was caught
        torch.testing.assert_close(gradient, expert.gradient[name], rtol=1e-3, atol=1e-6 * scale)
    clipped = (surrogate.stopped * mask).sum().item() / batch.token_count
    assert told["clip_fraction"] == pytest.approx(clipped / 2)  # the mean of two updates, of which the first clips nothing
    assert clipped > 0


@pytest.mark.parametrize("opd", SAMPLED, ids=label)
def test_teachers_are_asked_once(coins: PolicyCache, small: Build, opd: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """δ, and with it `gap`, is that of the policy before the first update, however many follow."""
    gaps, asked = [], []
    score = LocalScorer.score

    def counting(scorer: LocalScorer, *arguments: Any) -> Tensor:
        asked.append(scorer.policy)
        return score(scorer, *arguments)

    monkeypatch.setattr(LocalScorer, "score", counting)
    for updates in (1, 3):
        spec = small(opd=opd, optimizer={"updates": updates})
        asked.clear()
        trainer = trainer_of(coins, spec, expert_of(coins, spec), {"image": perturbed(coins, spec)})
        told = {(value.name, value.peer): value.value for value in trainer.step(values(spec, {"image": 1.0}, lr=LR)).values}
        gaps.append(told["gap", "image"])
        assert len(asked) == (0 if opd.get("baseline") else 1)
    assert gaps[0] == pytest.approx(gaps[1], rel=1e-5)


def test_a_step_of_several_updates_is_one_step(coins: PolicyCache, small: Build) -> None:
    spec = small(optimizer={"updates": 3})
    expert = expert_of(coins, spec)
    spent = trainer_of(coins, spec, expert).step(values(spec, lr=LR))
    assert expert.step == 1
    assert {tensor.item() for name, tensor in expert.optimizer_tensors().items() if name.startswith("step.")} == {3.0}
    assert spent.rollouts == trainer_of(coins, small(), expert_of(coins, small())).step(values(spec)).rollouts


def test_micro_batches_keep_their_own_old_policy(coins: PolicyCache, small: Build) -> None:
    gradients = []
    for size in (0, 4):
        spec = small(optimizer={"updates": 2, "lr": LR}, compute={"micro_batch": size})
        expert = Second("text", coins.copy_of_base(spec.model), spec.optimizer)
        trainer_of(coins, spec, expert, {"image": perturbed(coins, spec)}).step(values(spec, {"image": 1.0}, lr=0.0))
        gradients.append(expert.gradient)
    scale = max(tensor.abs().max().item() for tensor in gradients[0].values())
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, rtol=1e-3, atol=1e-5 * scale)
