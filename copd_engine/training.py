"""One step of a policy: its native RLVR batch, if any, and one distillation batch per teacher (arXiv:2604.27083).

The parts run in a fixed order (native, then the teachers in spec order) and each has its own backward pass; then comes one update on the
sum of their gradients, or several on the same rollouts where `optimizer.updates` says so. A teacher of weight 0 runs nothing, so that
w = 0 is bitwise the independent expert. Prompts and samples are functions of (seed, policy, step, part): the phase a step belongs to does
not enter.

Letters: P prompts, G rollouts per prompt, N sequences, T tokens of a completion.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from copd_engine.batches import Batch, shares, with_groups_replaced
from copd_engine.clock import Clock
from copd_engine.control import StepValues
from copd_engine.domains import Domain, Reward
from copd_engine.events import Value
from copd_engine.expert import Expert
from copd_engine.keeping import Kept, Source, is_due, trained
from copd_engine.noise import Key, integers
from copd_engine.objective import OBJECTIVES, Forward, RlvrObjective
from copd_engine.policy import Policy, Prefilled
from copd_engine.rlvr import LOSSES, equal_groups, group_advantages, overlong_penalty
from copd_engine.rollout import SampleRequest
from copd_engine.samplers import sampler_for
from copd_engine.scoring import MicroBatch, States, micro_batches
from copd_engine.spec import RunSpec
from copd_engine.step import Outcomes, Part, Rewarded, Spent, Teacher, told_natives, told_teachers

TRAIN_PROMPTS = 2**31  # a domain's supply is endless; runs draw from these, the base was made from others


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
        reference: Policy | None = None,
    ) -> None:
        """reference: what `rlvr.kl` measures from. Raises ValueError when it is missing and needed."""
        if spec.rlvr.kl > 0 and natives and reference is None:
            raise ValueError("rlvr.kl: a penalty needs a reference policy")
        self.expert, self.spec, self.natives, self.teachers = expert, spec, natives, teachers
        self.clock, self.progress, self.reference = clock, progress, reference if spec.rlvr.kl > 0 else None
        self.sampler = sampler_for(expert.policy, spec.sampling.engine)
        self.kept: list[Kept] = []
        """Rollouts of the last step for people to read; of most steps none."""

    def step(self, values: StepValues) -> Spent:
        """Takes one step. Raises TrainingError when a loss or gradient is not finite; the step does not count then."""
        begun, before = time.perf_counter(), dict(self.clock.seconds)
        spent = Spent()
        natives = self._natives(values, spent)
        taught = {name: self._cross(name, share, values, spent) for name, share in self._shares().items() if values.w[name] > 0}
        self.kept = self._keep(natives, taught, values)
        norms = [self._update(values.lr)]
        for _ in range(self.spec.optimizer.updates - 1):
            for part in (*natives.values(), *taught.values()):
                self._backward(part)
            norms.append(self._update(values.lr))
        self.expert.step += 1
        seconds = time.perf_counter() - begun
        spent.values += [*told_natives(natives), *told_teachers(taught, values)]
        if spent.failures:
            spent.values.append(Value(name="verifier_errors", value=len(spent.failures)))
        spent.values += [
            Value(name="grad_norm", value=sum(norms) / len(norms)),
            Value(name="lr", value=self.expert.lr),
            Value(name="tokens", value=spent.tokens),
            Value(name="tokens_per_second", value=spent.tokens / seconds),
            Value(name="step_seconds", value=seconds),
            *(
                Value(name=f"seconds.{part}", value=self.clock.seconds[part] - before.get(part, 0.0))
                for part in ("rollout", "score", "update")
            ),
        ]
        return spent

    def _update(self, lr: float) -> float:
        with self.clock("update"):
            return self.expert.update(lr, self.spec.optimizer.grad_clip)

    def _natives(self, values: StepValues, spent: Spent) -> dict[str, Part]:
        """RLVR on the expert's own domains: P prompts, shared equally, G rollouts each. The loss is one mean over all of them."""
        several = len(self.natives) > 1
        counts = zip(self.natives, shares(self.spec.rlvr.prompts, len(self.natives)), strict=True)
        found = [
            self._rewarded(f"native.{domain.name}" if several else "native", domain, count, values, spent)
            for domain, count in counts
            if count
        ]
        return {each.domain.name: self._learn(each, found, len(each.batch.prompts) / self.spec.rlvr.prompts, values) for each in found}

    def _rewarded(self, part: str, domain: Domain, count: int, values: StepValues, spent: Spent) -> Rewarded:
        """`count` prompts of one domain with their rewards; where the spec says so, further prompts replace groups of equal rewards.

        A further draw is a part of its own, hence its prompts and samples are functions of (seed, policy, step, part, draw).
        """
        group, drawn = self.spec.rlvr.group, self._draw(part, domain, count, values, spent)
        judged = self._judge(domain, drawn, spent)
        rewards = self._rewards(judged)
        mean, batch, resampled = rewards.mean().item(), drawn, 0
        for again in range(1, self.spec.rlvr.max_resamples + 1):
            places = torch.nonzero(equal_groups(rewards)).flatten().tolist()
            if not places:
                break
            further = self._draw(f"{part}.resample{again}", domain, len(places), values, spent)
            replaced = self._judge(domain, further, spent)
            for new, place in enumerate(places):
                judged[place * group : (place + 1) * group] = replaced[new * group : (new + 1) * group]
            rewards = self._rewards(judged)
            batch = with_groups_replaced(self.expert.policy, batch, places, further, self.spec.compute.micro_batch)
            resampled += len(places)
        penalties = torch.zeros_like(rewards)
        if self.spec.rlvr.overlong_buffer:
            lengths = torch.from_numpy(batch.rollouts.mask.sum(axis=1)).view(-1, group)
            penalties = overlong_penalty(lengths, self._length(domain), self.spec.rlvr.overlong_buffer)
        return Rewarded(domain, batch, rewards, penalties, mean, judged, resampled)

    def _learn(self, rewarded: Rewarded, found: Sequence[Rewarded], share: float, values: StepValues) -> Part:
        """One domain's share of the native part, all of which is `found`, after its first backward pass."""
        settings, batch, totals = self._clipping(values).rlvr, rewarded.batch, rewarded.rewards + rewarded.penalties
        advantages = group_advantages(totals, LOSSES[settings.loss].scaled).view(-1, 1).to(batch.tokens.device)
        objective = RlvrObjective(
            settings,
            self.reference,
            advantages,
            mean_length=sum(each.batch.token_count for each in found) / sum(each.batch.size for each in found),
            longest=max(self._length(each.domain) for each in found),
            temperature=values.temperature,
            clock=self.clock,
        )
        known = {"reward": rewarded.drawn, "zero_advantage": equal_groups(totals).float().mean().item()}
        if settings.overlong_buffer:
            known["overlong_penalty"] = rewarded.penalties.mean().item()
        if settings.max_resamples:
            known["resampled"] = rewarded.resampled
        known["completion_length"] = float(batch.rollouts.mask.sum(axis=1).mean())
        outcomes = Outcomes(rewarded.judged, advantages)
        return self._begun(Part(f"rewards on {rewarded.domain.name}", batch, objective, known, share, outcomes=outcomes))

    def _cross(self, name: str, share: int, values: StepValues, spent: Spent) -> Part:
        """Distillation on a teacher's domain: `share` prompts, scored by the teacher; one rollout each, or a group if these get rewards."""
        teacher, settings, known = self.teachers[name], self.spec.opd, dict[str, float]()
        samples = self.spec.rlvr.group if settings.outcome else 1
        batch = self._rollout(f"cross.{name}", teacher.domain, share, samples, values, spent)
        outcomes = None
        if settings.outcome:
            judged = self._judge(teacher.domain, batch, spent)
            rewards = self._rewards(judged)
            outcomes = Outcomes(judged, group_advantages(rewards).view(-1, 1).to(batch.tokens.device))
            known["cross_reward"] = rewards.mean().item()
        spec, build = self._clipping(values), OBJECTIVES[settings.loss]
        advantages = None if outcomes is None else outcomes.advantages
        objective = build(spec, teacher.policy, values.w[name], values.temperature, self.clock, outcomes=advantages)
        return self._begun(Part(f"distillation from {name}", batch, objective, known, outcomes=outcomes))

    def _clipping(self, values: StepValues) -> RunSpec:
        """The spec with the step's clip range."""
        clips = {"clip_low": values.clip_low, "clip_high": values.clip_high}
        return self.spec.model_copy(update={"rlvr": self.spec.rlvr.model_copy(update=clips)})

    def _draw(self, part: str, domain: Domain, count: int, values: StepValues, spent: Spent) -> Batch:
        """Groups of completions of `count` prompts."""
        return self._rollout(part, domain, count, self.spec.rlvr.group, values, spent)

    def _judge(self, domain: Domain, batch: Batch, spent: Spent) -> list[Reward]:
        """What the verifier says of each of the P x G completions."""
        found = []
        for prompt, text in zip(batch.rollouts.prompts.tolist(), batch.rollouts.texts, strict=True):
            judged = domain.reward(batch.prompts[prompt], text)
            self.progress()  # a verifier may take its whole time limit
            found.append(judged)
            if judged.failed:
                spent.failures.append(judged.reason)
        return found

    def _rewards(self, judged: Sequence[Reward]) -> Tensor:
        """Their values [P, G]."""
        return torch.tensor([each.value for each in judged]).view(-1, self.spec.rlvr.group)

    def _keep(self, natives: Mapping[str, Part], taught: Mapping[str, Part], values: StepValues) -> list[Kept]:
        """Rollouts of this step for people to read, as the policy of before its update and the teachers see them."""
        expert, settings, step = self.expert, self.spec.rollouts, self.expert.step + 1
        if not is_due(settings, step):
            return []
        found, domains = list[Kept](), {domain.name: domain for domain in self.natives}
        with self.clock("keep"):
            for name, part in natives.items():
                source = Source(expert.name, expert.policy, step, "native", domains[name], values.temperature)
                found += trained(source, part.batch, part.outcomes, {}, settings, self.progress)
            for name, part in taught.items():
                teacher = self.teachers[name]
                source = Source(expert.name, expert.policy, step, "cross", teacher.domain, values.temperature, name)
                found += trained(source, part.batch, part.outcomes, {name: teacher.policy}, settings, self.progress)
        return found

    def _rollout(self, part: str, domain: Domain, count: int, samples: int, values: StepValues, spent: Spent) -> Batch:
        key: Key = (values.seed, self.expert.name, self.expert.step + 1, part)
        with self.clock("rollout"):
            numbers = integers((*key, "prompts"), TRAIN_PROMPTS, np.arange(count))
            prompts = [domain.prompt("train", number) for number in numbers.tolist()]
            pieces = micro_batches(self.expert.policy, prompts, samples, self.spec.compute.micro_batch)
            request = SampleRequest(prompts, key, samples, self._length(domain), values.temperature, sampling=self.spec.sampling)
            prefilled = self.expert.policy.prefill(pieces[0].batch) if len(pieces) == 1 else None
            rollouts = self.sampler.sample(request, self.progress, prefilled)
        spent.count(rollouts, count)
        return Batch.of(self.expert.policy, prompts, rollouts, pieces, prefilled)

    def _begun(self, part: Part) -> Part:
        """A part after its first backward pass, for which the prompts have been through the policy already."""
        self._backward(part, part.batch.prefilled)
        part.batch = replace(part.batch, prefilled=None)  # the weights change before the next pass
        return part

    def _backward(self, part: Part, prefilled: Prefilled | None = None) -> None:
        """Adds the gradient of a part's share, a micro-batch at a time. Raises TrainingError, naming part and prompts, when it is not
        finite."""
        batch, total = part.batch, 0.0
        for piece in batch.pieces:
            with self.clock("update"):
                tokens, mask, sampled = (each[piece.chosen] for each in (batch.tokens, batch.mask, batch.sampler_log_probs))
                hidden = self.expert.policy.hidden(prefilled or piece.batch, piece.rows, tokens)
                forward = Forward(piece, States(self.expert.policy, hidden), tokens, mask, sampled)
                loss = part.objective.losses(forward).sum() / batch.size
                self.expert.backward(part.share * loss, f"{part.name}, prompts {_numbers(batch, piece)}")
            total += loss.item()
            self.progress()
        part.losses.append(total)

    def _shares(self) -> dict[str, int]:
        """Prompts of each teacher: together as many sequences as a native part has; a teacher of weight 0 keeps its share unused."""
        settings = self.spec.rlvr
        counts = shares(settings.prompts * (1 if self.spec.opd.outcome else settings.group), len(self.teachers))
        return {name: share for name, share in zip(self.teachers, counts, strict=True) if share}

    def _length(self, domain: Domain) -> int:
        return self.spec.domains[domain.name].max_new_tokens


def _numbers(batch: Batch, piece: MicroBatch) -> str:
    """Which training prompts a micro-batch holds: the first few."""
    numbers = list(dict.fromkeys(batch.prompts[row].index for row in batch.rollouts.prompts[piece.chosen].tolist()))
    return ", ".join(map(str, numbers[:4])) + " …" * (len(numbers) > 4)
