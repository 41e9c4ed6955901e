"""Looking at policies on fixed held-out prompts: how capable one is in a domain, and how alike a student and its peers are.

Neither changes a training number. Sampling noise depends on the run's seed and the prompt alone, so all policies meet the same draws.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from copd_engine.agreement import compare_states
from copd_engine.attempt import Attempt
from copd_engine.domains import Domain, Prompt
from copd_engine.events import Sample, Value
from copd_engine.keeping import Kept, Source, heldout, store_rollouts, stored_media
from copd_engine.policy import Policy, Prefilled, PromptBatch
from copd_engine.rollout import Rollouts, SampleRequest
from copd_engine.samplers import sampler_for

MEASURED_AT = 1.0  # the temperature of the states that agreement is measured on
RULE_OF_THREE = 3 / 1.96  # in standard errors: 1.96 of them to either side are a 95 % interval
PROMPTS_AT_ONCE = 128  # part of what makes a result: padding follows the batch
AGREEMENT_SERIES = (
    "overlap", "overlap_mass", "argmax_agreement", "kl_student_teacher", "kl_teacher_student", "jsd", "symmetric_kl", "entropy_gap",
)  # fmt: skip


class Seen(NamedTuple):
    """Held-out prompts, and what the policy looked at makes of them."""

    prompts: list[Prompt]
    prefilled: Prefilled


def evaluate(attempt: Attempt) -> None:
    """`capability`: the share of a domain's held-out prompts a policy answers rightly, with its standard error; a few answers to read.

    Raises StopWanted between two batches, and ValueError where the segment names no domain.
    """
    segment, settings = attempt.segment, attempt.spec.evaluation
    name = segment.domain
    if name is None:
        raise ValueError("an evaluate segment names its domain")
    domain, policy = attempt.domain(name), attempt.policy(segment.start)
    rewards, failures = list[float](), list[str]()
    count = _at_most(domain, settings.prompts)
    for seen, rollouts in _heldout(attempt, policy, domain, "evaluate", count, settings.temperature):
        for prompt, text in zip(seen.prompts, rollouts.texts, strict=True):
            judged = domain.reward(prompt, text)
            attempt.progress()  # a verifier may take its whole time limit
            rewards.append(judged.value)
            failures += [judged.reason] * judged.failed
            if prompt.index < settings.samples:
                attempt.log.emit(
                    Sample(
                        policy=segment.policy, step=segment.step, domain=name, index=prompt.index, prompt=prompt.text,
                        answer=prompt.answer, completion=text, reward=judged.value, reason=judged.reason,
                        media=stored_media(attempt, prompt),
                    )
                )  # fmt: skip
        attempt.done(len(rewards), count)
    attempt.tell_failures(segment.step, failures)
    attempt.points(segment.step, [Value(name="capability", value=float(np.mean(rewards)), domain=name, se=standard_error(rewards))])


def standard_error(rewards: Sequence[float]) -> float:
    """Of the mean of at least two rewards within 0 to 1, n of them: the sample's, s / √n, but never so small that its 95 % interval would
    be narrower than ± 3 / n.

    What did not happen in n tries may yet happen in up to 3 of n (the rule of three: Hanley and Lippman-Hand, JAMA 249, 1983), so that a
    model that failed on every prompt is not shown as 0 % ± 0.
    """
    return max(float(np.std(rewards, ddof=1)) / len(rewards) ** 0.5, RULE_OF_THREE / len(rewards))


def measure(attempt: Attempt) -> dict[str, float]:
    """Agreement of a student with each peer on states the student visits. Returns the overall overlap with each.

    Per domain, a mean over the states visited there; and overall (`domain` None), the mean of the domains. Divergences in nats.
    Raises StopWanted between two batches, and ValueError where the vocabularies differ.
    """
    segment, spec = attempt.segment, attempt.spec
    student = attempt.policy(segment.start)
    peers = {ref.policy: attempt.policy(ref) for ref in segment.teachers}
    values: list[Value] = []
    by_domain: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    kept: list[Kept] = []
    for done, name in enumerate(spec.domains):
        sums: defaultdict[tuple[str, str], list[Tensor]] = defaultdict(list)
        domain = attempt.domain(name)
        for seen, rollouts in _heldout(attempt, student, domain, "measure", _at_most(domain, spec.agreement.prompts), MEASURED_AT):
            states, visited = _states(student, seen.prefilled, rollouts), dict[str, tuple[Policy, Tensor]]()
            read = _to_read(attempt, seen.prompts)
            for peer, policy in peers.items():
                with attempt.clock("score"):
                    theirs = _states(policy, seen.prefilled.batch, rollouts)
                    compared = compare_states(student, states, policy, theirs, spec.agreement.top_k)
                if read:
                    visited[peer] = policy, theirs[: int(rollouts.mask[: len(read)].sum())].clone()
                for series in AGREEMENT_SERIES:
                    sums[peer, series].append(compared[series])
                attempt.progress()
            if read:
                with attempt.clock("keep"):
                    source = Source(segment.policy, student, segment.step, "heldout", domain, MEASURED_AT)
                    kept += heldout(source, read, rollouts, states, visited, spec.rollouts.alternatives)
        for (peer, series), parts in sums.items():
            mean = torch.cat(parts).double().mean().item()
            by_domain[peer, series].append(mean)
            values.append(Value(name=series, peer=peer, domain=name, value=mean))
        attempt.done(done + 1, len(spec.domains))
    overall = {pair: float(np.mean(means)) for pair, means in by_domain.items()}
    values += [Value(name=series, peer=peer, value=mean) for (peer, series), mean in overall.items()]
    attempt.points(segment.step, values)
    store_rollouts(attempt, segment.step, kept)
    return {peer: overall[peer, "overlap"] for peer in peers}


def _to_read(attempt: Attempt, prompts: list[Prompt]) -> list[Prompt]:
    """The first of a batch's prompts, which are kept for people to read: those whose answers are kept in every evaluation too."""
    spec = attempt.spec
    return [prompt for prompt in prompts if spec.rollouts.every and prompt.index < spec.evaluation.samples]


def _at_most(domain: Domain, prompts: int) -> int:
    """So many held-out prompts, or all there are: one asked twice would make a mean look surer than it is."""
    questions = domain.count("heldout")
    return prompts if questions is None else min(prompts, questions)


def _heldout(
    attempt: Attempt, policy: Policy, domain: Domain, part: str, count: int, temperature: float
) -> Iterator[tuple[Seen, Rollouts]]:
    """One completion of each of the first `count` held-out prompts, some prompts at a time. Raises StopWanted between them."""
    sampler = sampler_for(policy, attempt.spec.sampling.engine)
    length = attempt.spec.domains[domain.name].max_new_tokens
    at_once = min(PROMPTS_AT_ONCE, attempt.spec.sampling.batch or PROMPTS_AT_ONCE)
    for start in range(0, count, at_once):
        attempt.look()
        slots = range(start, min(start + at_once, count))
        with attempt.clock("rollout"):
            prompts = [domain.prompt("heldout", index) for index in slots]
            key = (attempt.spec.seed, part, domain.name)
            request = SampleRequest(prompts, key, 1, length, temperature, slots, attempt.spec.sampling)
            with torch.no_grad():
                prefilled = policy.prefill(policy.encode(prompts))
            rollouts = sampler.sample(request, attempt.progress, prefilled)
        attempt.counts.update(prompts=len(prompts), rollouts=len(prompts), tokens=int(rollouts.mask.sum()))
        yield Seen(prompts, prefilled), rollouts


@torch.no_grad()
def _states(policy: Policy, prompts: PromptBatch | Prefilled, rollouts: Rollouts) -> Tensor:
    """Hidden states [S, H] of a policy before each sampled token, S of them in all."""
    rows, tokens, mask = (torch.from_numpy(a).to(policy.device) for a in (rollouts.prompts, rollouts.tokens, rollouts.mask))
    return policy.hidden(prompts, rows, tokens)[mask]
