"""The losses of a step's parts, a micro-batch at a time: what comes between a policy's hidden states and one loss per sequence.

The formulas are pure functions in `rlvr`, `distill` and `divergence`; here they meet a batch, a teacher and the spec.
Letters: n sequences of a micro-batch, N of the part, T tokens.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

import torch
from torch import Tensor

from copd_engine.agreement import sampled_kl
from copd_engine.clock import Clock
from copd_engine.distill import bounded_reward, distillation_advantages, gate_weights, log_ratio
from copd_engine.divergence import divergence_of, kl
from copd_engine.policy import Policy
from copd_engine.rlvr import LOSSES, Lengths, sequence_losses, token_surrogate, truncated_weights
from copd_engine.scoring import LocalScorer, MicroBatch, States, state_divergences, token_log_probs
from copd_engine.spec import Rlvr, RunSpec
from copd_engine.spec.learning import OpdLoss


@dataclass(frozen=True)
class Forward:
    """A micro-batch after the policy's forward pass: tokens, mask and the sampler's log-probs [n, T]."""

    piece: MicroBatch
    states: States
    tokens: Tensor
    mask: Tensor
    sampler_log_probs: Tensor


class Objective(Protocol):
    """One part's loss. `sums` adds up, over all updates and their micro-batches, what is to be seen of it, by name.

    What an objective keeps of a micro-batch's first forward pass, by the place it starts at, holds for all updates: π_old is the policy
    before the first of them.
    """

    sums: defaultdict[str, float]

    def losses(self, forward: Forward) -> Tensor:
        """One loss per sequence [n], whose mean over the part's N sequences is the part's loss."""
        ...


class RlvrObjective:
    """The native part: `rlvr.loss` on advantages [N, 1]; reference: the policy of the KL penalty, where there is one.

    mean_length, longest: see `rlvr.Lengths`.

    In a batch's first update π_old is the policy itself: ρ = 1 exactly, from the same forward pass.
    """

    def __init__(
        self,
        settings: Rlvr,
        reference: Policy | None,
        advantages: Tensor,
        mean_length: float,
        longest: int,
        temperature: float,
        clock: Clock,
    ) -> None:
        self.settings, self.reference, self.advantages = settings, reference, advantages
        self.mean_length, self.longest, self.temperature, self.clock = mean_length, longest, temperature, clock
        self.sums: defaultdict[str, float] = defaultdict(float)
        self._old: dict[int, Tensor] = {}
        self._references: dict[int, Tensor] = {}

    def losses(self, forward: Forward) -> Tensor:
        settings, loss, mask = self.settings, LOSSES[self.settings.loss], forward.mask
        chosen, states = forward.piece.chosen, forward.states
        log_probs, entropies = token_log_probs(states.policy, states.hidden, forward.tokens, mask, self.temperature)
        old = self._old.setdefault(chosen.start, log_probs.detach())
        terms, stopped = loss.surrogate(log_probs, old, self.advantages[chosen], mask, settings.clip_low, settings.clip_high)
        if settings.importance_cap is not None:
            weights = truncated_weights(old, forward.sampler_log_probs, settings.importance_cap)
            self.sums["importance_weight"] += (weights * mask).sum().item()
            terms = terms * weights
        if self.reference is not None:
            if chosen.start not in self._references:
                self._references[chosen.start] = scores(self.reference, forward, self.temperature, self.clock)
            penalty = sampled_kl(log_probs, self._references[chosen.start])["k3"]
            self.sums["kl_reference"] += (penalty.detach() * mask).sum().item()
            terms = terms + settings.kl * penalty
        self.sums["entropy"] += entropies.sum().item()
        self.sums["clip_fraction"] += (stopped * mask).sum().item()
        lengths = Lengths(mask.to(log_probs.dtype).sum(dim=1), self.mean_length, self.longest)
        return sequence_losses(terms, mask, loss.divisor(lengths))


class _First(NamedTuple):
    """What a batch's first forward pass says of its tokens, all [n, T]: log π_old, δ, and A with weight and cap."""

    old: Tensor
    delta: Tensor
    advantages: Tensor


class SampledObjective:
    """The cross part as a policy gradient on the student's own tokens; outcomes [N, 1]: Â of the completions, where these are rewarded."""

    def __init__(
        self, spec: RunSpec, teacher: Policy, weight: float, temperature: float, clock: Clock, outcomes: Tensor | None = None
    ) -> None:
        self.spec, self.teacher, self.weight, self.temperature, self.clock = spec, teacher, weight, temperature, clock
        self.outcomes = outcomes
        self.sums: defaultdict[str, float] = defaultdict(float)
        self._first: dict[int, _First] = {}

    def losses(self, forward: Forward) -> Tensor:
        settings, mask, states, place = self.spec.opd, forward.mask, forward.states, forward.piece.chosen.start
        log_probs, _ = token_log_probs(states.policy, states.hidden, forward.tokens, mask, self.temperature)
        if place not in self._first:
            self._first[place] = self._before_updates(forward, log_probs.detach())
        old, delta, advantages = self._first[place]
        self.sums["gap"] += (delta * mask).sum().item()
        clip = self.spec.rlvr
        terms, _ = token_surrogate(log_probs, old, advantages, mask, clip.clip_low, clip.clip_high)
        if settings.gate is not None:
            weights = gate_weights(log_probs, forward.sampler_log_probs, *settings.gate)
            self.sums["gated"] += ((weights == 0) * mask).sum().item()
            terms = terms * weights
        return sequence_losses(terms, mask)

    def _before_updates(self, forward: Forward, log_probs: Tensor) -> _First:
        settings = self.spec.opd
        delta, advantages = self._rewards(forward, log_probs)
        if self.outcomes is not None:
            advantages = advantages + settings.outcome * self.outcomes[forward.piece.chosen]
        return _First(log_probs, delta, distillation_advantages(advantages, self.weight, settings.max_advantage))

    def _rewards(self, forward: Forward, log_probs: Tensor) -> tuple[Tensor, Tensor]:
        """δ [n, T], and what `baseline` or `bounded` makes of it."""
        settings = self.spec.opd
        if settings.baseline:
            teacher = teacher_states(self.teacher, forward, self.clock)
            with torch.no_grad():
                exact, delta = state_divergences(forward.states, teacher, forward.tokens, forward.mask, self.temperature, kl)
            return delta, delta + exact
        delta = log_ratio(scores(self.teacher, forward, self.temperature, self.clock), log_probs)
        return delta, delta if settings.bounded is None else bounded_reward(delta, settings.bounded)


class DivergenceObjective:
    """The cross part as a divergence of whole (`full`) or truncated (`topk`) distributions at the states the student visits."""

    def __init__(
        self, spec: RunSpec, teacher: Policy, weight: float, temperature: float, clock: Clock, outcomes: Tensor | None = None
    ) -> None:
        if outcomes is not None:
            raise ValueError(f"opd.outcome: loss {spec.opd.loss} has no advantages to add it to")
        self.divergence = divergence_of(spec.opd)
        self.teacher, self.weight, self.temperature, self.clock = teacher, weight, temperature, clock
        self.sums: defaultdict[str, float] = defaultdict(float)

    def losses(self, forward: Forward) -> Tensor:
        teacher = teacher_states(self.teacher, forward, self.clock)
        values, delta = state_divergences(forward.states, teacher, forward.tokens, forward.mask, self.temperature, self.divergence)
        self.sums["gap"] += delta.sum().item()
        return sequence_losses(self.weight * values, forward.mask)


OBJECTIVES: Final[dict[OpdLoss, Callable[..., Objective]]] = {
    "sampled": SampledObjective,
    "full": DivergenceObjective,
    "topk": DivergenceObjective,
}


def scores(policy: Policy, forward: Forward, temperature: float, clock: Clock) -> Tensor:
    """Log-probs [n, T] of the sampled tokens under another policy, without gradient."""
    piece = forward.piece
    with clock("score"):
        return LocalScorer(policy).score(piece.batch, piece.rows, forward.tokens, forward.mask, temperature)


def teacher_states(teacher: Policy, forward: Forward, clock: Clock) -> States:
    """The states a teacher is in before each sampled token, without gradient."""
    piece = forward.piece
    with clock("score"), torch.no_grad():
        return States(teacher, teacher.hidden(piece.batch, piece.rows, forward.tokens))
