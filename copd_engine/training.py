"""One optimizer step of a policy: its native GRPO batch, if any, and one distillation batch per teacher (arXiv:2604.27083).

The parts run in a fixed order (native, then the teachers in spec order) and each has its own backward pass; then comes one
optimizer step on the sum of their gradients. A teacher of weight 0 runs nothing, so that w = 0 is bitwise the independent
expert. Prompts and samples are functions of (seed, policy, step, part): the phase a step belongs to does not enter.

Letters: P prompts, G rollouts per prompt, N sequences, T tokens of a completion.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from copd_engine.clock import Clock
from copd_engine.control import StepValues
from copd_engine.distill import distillation_advantages, log_ratio
from copd_engine.domains import Domain, Prompt
from copd_engine.events import Value
from copd_engine.expert import Expert
from copd_engine.noise import Key, integers
from copd_engine.policy import Policy, Prefilled
from copd_engine.rlvr import clipped_losses, equal_groups, group_advantages
from copd_engine.rollout import LocalSampler, Rollouts, SampleRequest
from copd_engine.scoring import LocalScorer, MicroBatch, Scorer, micro_batches, token_log_probs
from copd_engine.spec import RunSpec

TRAIN_PROMPTS = 2**31  # a domain's supply is endless; runs draw from these, the base was made from others


@dataclass(frozen=True)
class Teacher:
    """A fixed snapshot that teaches on its own domain."""

    policy: Policy
    domain: Domain


@dataclass
class Spent:
    """What a step used up, and what it learned on the way."""

    values: list[Value] = field(default_factory=list)
    rollouts: int = 0
    tokens: int = 0
    prompts: int = 0

    def count(self, rollouts: Rollouts, prompts: int) -> None:
        self.rollouts += len(rollouts.prompts)
        self.tokens += int(rollouts.mask.sum())
        self.prompts += prompts


@dataclass(frozen=True)
class Batch:
    """Completions ready for a loss: tokens and mask [N, T], in micro-batches.

    prefilled: the forward pass over all prompts, shared by rollout and loss; None where micro-batches keep memory small.
    """

    prompts: list[Prompt]
    rollouts: Rollouts
    tokens: Tensor
    mask: Tensor
    pieces: list[MicroBatch]
    prefilled: Prefilled | None


class Trainer:
    """Takes an expert's steps under one spec: rewarded on its `natives`, taught by the teachers of one part of a phase."""

    def __init__(
        self,
        expert: Expert,
        spec: RunSpec,
        natives: Sequence[Domain],
        teachers: Mapping[str, Teacher],
        clock: Clock,
        progress: Callable[[], None],
    ) -> None:
        self.expert, self.spec, self.natives, self.teachers = expert, spec, natives, teachers
        self.clock, self.progress = clock, progress
        self.sampler = LocalSampler(expert.policy)

    def step(self, values: StepValues) -> Spent:
        """Takes one optimizer step. Raises TrainingError, without stepping, when a loss or gradient is not finite."""
        begun, before = time.perf_counter(), dict(self.clock.seconds)
        spent = Spent()
        self._native(values, spent)
        for name, share in self._shares().items():
            if values.w[name] > 0:
                self._cross(name, share, values, spent)
            spent.values.append(Value(name="w", peer=name, value=values.w[name]))
        with self.clock("update"):
            norm = self.expert.update(values.lr, self.spec.optimizer.grad_clip)
        seconds = time.perf_counter() - begun
        spent.values += [
            Value(name="grad_norm", value=norm),
            Value(name="tokens", value=spent.tokens),
            Value(name="tokens_per_second", value=spent.tokens / seconds),
            Value(name="step_seconds", value=seconds),
            *(
                Value(name=f"seconds.{part}", value=self.clock.seconds[part] - before.get(part, 0.0))
                for part in ("rollout", "score", "update")
            ),
        ]
        return spent

    def _native(self, values: StepValues, spent: Spent) -> None:
        """GRPO on the expert's own domains: P prompts, shared equally, G rollouts each. The loss is one mean over all sequences."""
        total, several = self.spec.rlvr.prompts, len(self.natives) > 1
        means: defaultdict[str, float] = defaultdict(float)
        for domain, count in zip(self.natives, shares(total, len(self.natives)), strict=True):
            if count == 0:
                continue
            seen = self._rewarded(f"native.{domain.name}" if several else "native", domain, count, values.temperature, spent)
            for name, value in seen.items():
                means[name] += value * count / total
            if several:
                spent.values += [Value(name=name, domain=domain.name, value=value) for name, value in seen.items()]
        spent.values += [Value(name=name, value=value) for name, value in means.items()]

    def _rewarded(self, part: str, domain: Domain, count: int, temperature: float, spent: Spent) -> dict[str, float]:
        """The gradient of `count` prompts of one domain, and what was seen on the way: name → mean."""
        settings = self.spec.rlvr
        batch = self._rollout(part, domain, count, settings.group, self._length(domain), temperature)
        spent.count(batch.rollouts, count)
        texts = zip(batch.rollouts.prompts.tolist(), batch.rollouts.texts, strict=True)
        rewards = torch.tensor([domain.reward(batch.prompts[p], text).value for p, text in texts]).view(-1, settings.group)
        advantages = group_advantages(rewards).view(-1, 1).to(batch.tokens.device)

        def advantages_of(chosen: slice, log_probs: Tensor) -> Tensor:  # noqa: ARG001 – the other part's advantages need both
            return advantages[chosen]

        loss, entropy, clipped = self._backward(batch, temperature, advantages_of, share=count / settings.prompts)
        return {
            "reward": rewards.mean().item(),
            "zero_advantage": equal_groups(rewards).float().mean().item(),
            "loss": loss,
            "entropy": entropy,
            "clip_fraction": clipped,
            "completion_length": float(batch.rollouts.mask.sum(axis=1).mean()),
        }

    def _cross(self, name: str, share: int, values: StepValues, spent: Spent) -> None:
        """Distillation on a teacher's domain: `share` prompts, one rollout each, scored by the teacher."""
        teacher = self.teachers[name]
        batch = self._rollout(f"cross.{name}", teacher.domain, share, 1, self._length(teacher.domain), values.temperature)
        spent.count(batch.rollouts, share)
        with self.clock("score"):
            scores = self._scores(LocalScorer(teacher.policy), batch, values.temperature)
        gap = 0.0

        def advantages_of(chosen: slice, log_probs: Tensor) -> Tensor:
            nonlocal gap
            delta = log_ratio(scores[chosen], log_probs)
            gap += (delta * batch.mask[chosen]).sum().item()
            return distillation_advantages(delta, values.w[name], self.spec.opd.max_advantage)

        loss, _, _ = self._backward(batch, values.temperature, advantages_of)
        spent.values += [
            Value(name="distill_loss", peer=name, value=loss),
            Value(name="gap", peer=name, value=gap / int(batch.mask.sum())),
        ]

    def _rollout(self, part: str, domain: Domain, count: int, samples: int, max_new_tokens: int, temperature: float) -> Batch:
        key: Key = (self.spec.seed, self.expert.name, self.expert.step + 1, part)
        with self.clock("rollout"):
            numbers = integers((*key, "prompts"), TRAIN_PROMPTS, np.arange(count))
            prompts = [domain.prompt("train", number) for number in numbers.tolist()]
            pieces = micro_batches(self.expert.policy, prompts, samples, self.spec.compute.micro_batch)
            request = SampleRequest(prompts, key, samples, max_new_tokens, temperature, sampling=self.spec.sampling)
            prefilled = self.expert.policy.prefill(pieces[0].batch) if len(pieces) == 1 else None
            rollouts = self.sampler.sample(request, self.progress, prefilled)
        tokens, mask = (torch.from_numpy(array).to(self.expert.policy.device) for array in (rollouts.tokens, rollouts.mask))
        return Batch(prompts, rollouts, tokens, mask, pieces, prefilled)

    def _scores(self, scorer: Scorer, batch: Batch, temperature: float) -> Tensor:
        """A teacher's log-probs [N, T] of the student's tokens."""
        parts = []
        for piece in batch.pieces:
            tokens, mask = batch.tokens[piece.chosen], batch.mask[piece.chosen]
            parts.append(scorer.score(piece.batch, piece.rows, tokens, mask, temperature))
            self.progress()
        return torch.cat(parts)

    def _backward(
        self, batch: Batch, temperature: float, advantages_of: Callable[[slice, Tensor], Tensor], share: float = 1.0
    ) -> tuple[float, float, float]:
        """The gradient of `share` times one part's loss, a micro-batch at a time. Returns loss, entropy (nats per token) and fraction of
        clipped tokens.

        Each batch serves one update, so π_old is the policy itself: ρ = 1 exactly, from the same forward pass.
        """
        settings, policy = self.spec.rlvr, self.expert.policy
        loss_sum = entropy_sum = clipped_sum = 0.0
        for piece in batch.pieces:
            with self.clock("update"):
                tokens, mask = batch.tokens[piece.chosen], batch.mask[piece.chosen]
                hidden = policy.hidden(batch.prefilled or piece.batch, piece.rows, tokens)
                log_probs, entropies = token_log_probs(policy, hidden, tokens, mask, temperature)
                old = log_probs.detach()
                advantages = advantages_of(piece.chosen, old)
                losses, clipped = clipped_losses(log_probs, old, advantages, mask, settings.clip_low, settings.clip_high)
                loss = losses.sum() / len(batch.tokens)
                self.expert.backward(share * loss)
            loss_sum += loss.item()
            entropy_sum += entropies.sum().item()
            clipped_sum += clipped.sum().item()
            self.progress()
        tokens_count = int(batch.mask.sum())
        return loss_sum, entropy_sum / tokens_count, clipped_sum / tokens_count

    def _shares(self) -> dict[str, int]:
        """Sequences of each teacher: together as many as a native part has; a teacher of weight 0 keeps its share unused."""
        counts = shares(self.spec.rlvr.prompts * self.spec.rlvr.group, len(self.teachers))
        return {name: share for name, share in zip(self.teachers, counts, strict=True) if share}

    def _length(self, domain: Domain) -> int:
        return self.spec.domains[domain.name].max_new_tokens


def shares(total: int, parts: int) -> list[int]:
    """`total` in `parts` as equal as whole numbers can be, the larger ones first."""
    return [total // parts + (i < total % parts) for i in range(parts)]
