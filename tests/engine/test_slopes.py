"""The gradient a step leaves behind is the slope of the published loss: a whole model in float64 against central differences."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from copd_engine.agreement import sampled_kl
from copd_engine.batches import Batch
from copd_engine.cache import PolicyCache
from copd_engine.fingerprint import make_deterministic
from copd_engine.objective import OBJECTIVES, Forward
from copd_engine.policy import Policy
from copd_engine.rlvr import LOSSES, Lengths, group_advantages, sequence_losses, token_surrogate
from copd_engine.scoring import LocalScorer, States, token_log_probs
from copd_engine.spec import RunSpec
from copd_engine.step import Part, Spent
from tests.engine.steps import DIVERGENCES, SAMPLED, SIZE, Build, Caught, label, perturbed, trainer_of, values


@pytest.fixture(autouse=True)
def _exact() -> None:
    make_deterministic(1)


def make_double(policy: Policy) -> None:
    """A model in float64 throughout: transformers' own RMSNorm would go back to float32."""
    policy.model.double()
    for parent in list(policy.model.modules()):
        for name, norm in list(parent.named_children()):
            if type(norm).__name__.endswith("RMSNorm"):
                exact = torch.nn.RMSNorm(norm.weight.shape, norm.variance_epsilon, dtype=torch.float64)
                exact.weight = norm.weight  # the very parameter, so that its gradient is the expert's
                setattr(parent, name, exact)


class Slope:
    """Sampled in float32, then differentiated in float64: one batch of the text expert, and a direction in the space of its weights."""

    def __init__(self, cache: PolicyCache, spec: RunSpec) -> None:
        self.expert = Caught("text", cache.copy_of_base(spec.model), spec.optimizer)
        self.trainer = trainer_of(cache, spec, self.expert, {"image": perturbed(cache, spec)})
        self.policy, self.teacher = self.expert.policy, self.trainer.teachers["image"].policy
        self.spec, self.spent = spec, Spent()

    def in_double(self, batch: Batch) -> Batch:
        """The same batch, its prompts yet to go through the model."""
        for policy in (self.policy, self.teacher, self.trainer.reference):
            if policy is not None:
                make_double(policy)
        return dataclasses.replace(batch, prefilled=None)

    def forward(self, batch: Batch) -> Forward:
        (piece,) = batch.pieces
        hidden = self.policy.hidden(piece.batch, piece.rows, batch.tokens)
        return Forward(piece, States(self.policy, hidden), batch.tokens, batch.mask, batch.sampler_log_probs)

    def log_probs(self, batch: Batch) -> Tensor:
        forward = self.forward(batch)
        return token_log_probs(self.policy, forward.states.hidden, batch.tokens, batch.mask)[0]

    def distributions(self, policy: Policy, batch: Batch) -> Tensor:
        """Log-probs [N, T, V] of every token."""
        (piece,) = batch.pieces
        return policy.logits(policy.hidden(piece.batch, piece.rows, batch.tokens)).log_softmax(dim=-1)

    def scores(self, policy: Policy, batch: Batch) -> Tensor:
        (piece,) = batch.pieces
        return LocalScorer(policy).score(piece.batch, piece.rows, batch.tokens, batch.mask, 1.0)

    @torch.no_grad()
    def assert_is_derivative_of(self, loss: Callable[[], Tensor]) -> None:
        """The gradient the trainer left behind, along itself and along a random direction, against central differences of `loss`."""
        gradients = {n: p.grad.clone() for n, p in self.expert.parameters.items() if p.grad is not None}
        generator = torch.Generator().manual_seed(3)
        noise = {n: torch.randn(g.shape, generator=generator, dtype=torch.float64) for n, g in gradients.items()}
        for direction in (gradients, noise):
            norm = math.sqrt(sum(d.square().sum().item() for d in direction.values()))
            slope = sum((gradients[n] * d).sum().item() for n, d in direction.items()) / norm
            ends = []
            for step in (1e-5, -2e-5):  # forth, and back past the start
                for name, d in direction.items():
                    self.expert.parameters[name].add_(d, alpha=step / norm)
                ends.append(loss().item())
            for name, d in direction.items():
                self.expert.parameters[name].add_(d, alpha=1e-5 / norm)
            assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(slope, rel=1e-5, abs=1e-8)
        assert math.sqrt(sum(g.square().sum().item() for g in gradients.values())) > 1e-4


@pytest.mark.parametrize("rlvr", [{"loss": name, "kl": kl} for name in LOSSES for kl in (0.0, 0.3)], ids=label)
def test_an_rlvr_step_follows_the_slope_of_its_loss(coins: PolicyCache, small: Build, rlvr: dict[str, Any]) -> None:
    case = Slope(coins, small(rlvr=SIZE | rlvr))
    drawn = case.trainer._rewarded("native", case.trainer.natives[0], 2, values(case.spec), case.spent)
    rewarded = dataclasses.replace(drawn, batch=case.in_double(drawn.batch))
    case.trainer._learn(rewarded, [rewarded], 1.0, values(case.spec))

    batch, settings, loss = rewarded.batch, case.spec.rlvr, LOSSES[case.spec.rlvr.loss]
    advantages = group_advantages(rewarded.rewards, scaled=settings.loss != "dr_grpo").view(-1, 1)
    lengths = batch.mask.sum(dim=1).double()
    divisor = loss.divisor(Lengths(lengths, lengths.mean().item(), 3))
    with torch.no_grad():
        old = case.log_probs(batch)
    reference = case.trainer.reference

    def published() -> Tensor:
        new = case.log_probs(batch)
        terms = loss.surrogate(new, old, advantages, batch.mask, settings.clip_low, settings.clip_high).terms
        if reference is not None:
            terms = terms + settings.kl * sampled_kl(new, case.scores(reference, batch))["k3"]
        return sequence_losses(terms, batch.mask, divisor).mean()

    case.assert_is_derivative_of(published)


@pytest.mark.parametrize("opd", [*SAMPLED, {"outcome": 0.5}, {"bounded": 0.5, "gate": [0.5, 2.0], "outcome": 0.5}], ids=label)
def test_a_sampled_step_follows_the_slope_of_its_surrogate(coins: PolicyCache, small: Build, opd: dict[str, Any]) -> None:
    """Each variant's advantages and weights are written out here once more, from whole distributions."""
    case = Slope(coins, small(opd=opd | {"max_advantage": None}))
    batch = case.in_double(case.trainer._rollout("cross.image", case.trainer.teachers["image"].domain, 2, 4, values(case.spec), case.spent))
    shift = torch.linspace(-1, 1, batch.size)[:, None]  # some tokens pass the gate, some do not
    batch = dataclasses.replace(batch, sampler_log_probs=batch.sampler_log_probs + shift)
    outcomes = torch.linspace(-1, 1, batch.size)[:, None]
    objective = OBJECTIVES["sampled"](case.spec, case.teacher, 0.7, 1.0, case.trainer.clock, outcomes if "outcome" in opd else None)
    case.trainer._backward(Part("here", batch, objective, {}))

    old = case.log_probs(batch).detach()
    with torch.no_grad():
        log_p, log_q = (case.distributions(policy, batch) for policy in (case.policy, case.teacher))
    rewards = (log_q - log_p).gather(2, batch.tokens[..., None])[..., 0]
    if "baseline" in opd:
        rewards = rewards + (log_p.exp() * (log_p - log_q)).sum(dim=-1)
    if "bounded" in opd:
        rewards = (0.5 * rewards.exp() + 0.5).log()
    if "outcome" in opd:
        rewards = rewards + 0.5 * outcomes
    ratio = (old - batch.sampler_log_probs).exp()
    weights = ratio * ((ratio >= 0.5) & (ratio <= 2.0)) if "gate" in opd else 1.0

    def published() -> Tensor:
        terms = token_surrogate(case.log_probs(batch), old, 0.7 * rewards, batch.mask, 0.2, 0.28).terms
        return sequence_losses(terms * weights, batch.mask).mean()

    case.assert_is_derivative_of(published)


@pytest.mark.parametrize("opd", DIVERGENCES, ids=label)
def test_a_divergence_step_follows_the_slope_of_the_divergence(coins: PolicyCache, small: Build, opd: dict[str, Any]) -> None:
    case = Slope(coins, small(opd=opd))
    batch = case.in_double(case.trainer._rollout("cross.image", case.trainer.teachers["image"].domain, 8, 1, values(case.spec), case.spent))
    objective = OBJECTIVES[case.spec.opd.loss](case.spec, case.teacher, 0.7, 1.0, case.trainer.clock)
    case.trainer._backward(Part("here", batch, objective, {}))
    case.assert_is_derivative_of(lambda: objective.losses(case.forward(batch)).mean())
