"""Rollouts kept for people to read: they change no number of the run, and say of each token what training itself computed."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from copd_engine.cache import PolicyCache
from copd_engine.events import Event, Points, Rollout
from copd_engine.keeping import Kept, is_due
from copd_engine.kept import unpack
from copd_engine.local import LocalRun
from copd_engine.objective import SampledObjective
from copd_engine.plan import Kind
from copd_engine.policy import Policy
from copd_engine.spec import KeptRollouts, RunSpec
from copd_engine.store import Store
from tests.engine.steps import expert_of, perturbed, trainer_of, values

Build = Callable[..., RunSpec]
TIMED = ("seconds", "step_seconds", "tokens_per_second")


def whole_run(spec: RunSpec, store: Store, cache: PolicyCache) -> tuple[str, list[Event], LocalRun]:
    cache.forget()
    events: list[Event] = []
    run = LocalRun(spec, store, events.append, cache=cache)
    assert run.execute() is None
    return run.merged_digest, events, run


def numbers(events: list[Event]) -> list[Any]:
    """All that is told of a run but times."""
    return [
        (event.policy, event.step, [value for value in event.values if not value.name.startswith(TIMED)])
        for event in events
        if isinstance(event, Points)
    ]


def test_keeping_changes_no_number_and_no_weight(small: Build, store: Store, coins: PolicyCache) -> None:
    without, told, _ = whole_run(small(rollouts={"every": 0}), store.below("a"), coins)
    kept, told_too, run = whole_run(small(rollouts={"every": 1, "groups": 2}), store.below("b"), coins)
    assert kept == without
    assert numbers(told_too) == numbers(told)
    assert not [event for event in told if isinstance(event, Rollout)]
    found = [event for event in told_too if isinstance(event, Rollout)]
    parts = {(each.policy, each.part, each.peer, each.domain) for each in found}
    assert {p for p in parts if p[0] == "image"} == {
        ("image", "native", None, "image"),
        ("image", "cross", "text", "text"),
        *(("image", "heldout", None, domain) for domain in ("text", "image", "video")),
    }
    assert {each.step for each in found if each.part == "native"} == set(range(1, 9))
    for event in found:  # the file holds what was told of it
        group = unpack(run.folder.read(event.path))[event.place]
        assert (group.policy, group.step, group.part, group.index, group.prompt) == (
            event.policy, event.step, event.part, event.index, event.prompt,
        )  # fmt: skip
        assert (min(group.rewards), max(group.rewards), len(group.rewards)) == (event.reward_min, event.reward_max, event.size)


def test_which_steps_are_kept_depends_on_the_step_alone() -> None:
    assert [step for step in range(1, 31) if is_due(KeptRollouts(), step)] == [1, 10, 20, 30]
    assert not any(is_due(KeptRollouts(every=0), step) for step in range(1, 31))


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Tensor, Tensor]]:
    """Tokens and δ [n, T] of every cross part, as the loss has them."""
    found: list[tuple[Tensor, Tensor]] = []
    before = SampledObjective._before_updates

    def caught(self: SampledObjective, *arguments: Any) -> Any:
        first = before(self, *arguments)
        found.append((arguments[0].tokens, first.delta))
        return first

    monkeypatch.setattr(SampledObjective, "_before_updates", caught)
    return found


def kept_of_a_step(coins: PolicyCache, spec: RunSpec) -> tuple[list[Kept], Policy, Policy]:
    """What a step keeps whose learning rate is 0, with the student and the teacher it had."""
    expert, teacher = expert_of(coins, spec), perturbed(coins, spec)
    trainer = trainer_of(coins, spec, expert, {"image": teacher})
    trainer.step(values(spec, {"image": 1.0}, lr=0.0))
    return trainer.kept, expert.policy, teacher


def log_probs_in_float64(policy: Policy, kept: Kept, tokens: list[int]) -> Tensor:
    """Log-probs [T, V] before each token, by one plain forward pass in double precision."""
    exact = copy.deepcopy(policy.model).double()
    batch = policy.encode([kept.prompt])
    ids = torch.cat((batch.input_ids, torch.tensor([tokens])), dim=1)
    with torch.no_grad():
        logits = exact(input_ids=ids).logits[0, batch.input_ids.shape[1] - 1 : -1]
    logits[:, list(policy.forbidden_ids)] = -math.inf
    return logits.log_softmax(dim=-1)


def test_gaps_are_those_of_the_loss_and_of_double_precision(small: Build, coins: PolicyCache, scored: list[tuple[Tensor, Tensor]]) -> None:
    spec = small(rollouts={"every": 1, "alternatives": 4})
    (native, cross), student, teacher = kept_of_a_step(coins, spec)
    [completion] = cross.group.completions
    gaps = torch.tensor([token.teachers["image"].gap for token in completion.tokens])
    said, deltas = (each[0, : len(gaps)] for each in scored[0])
    assert torch.allclose(gaps, deltas, atol=2e-5)
    assert gaps.abs().max() > 0.01, "the teacher differs"
    tokens = said.tolist()
    p, q = (log_probs_in_float64(policy, cross, tokens) for policy in (student, teacher))
    for at, token in enumerate(completion.tokens):
        seen = token.teachers["image"]
        assert math.isclose(token.log_prob, p[at, tokens[at]].item(), abs_tol=1e-4)
        assert math.isclose(seen.gap, (q[at, tokens[at]] - p[at, tokens[at]]).item(), abs_tol=1e-4)
        assert math.isclose(token.entropy, -(p[at].exp() * p[at].clamp(min=-1e9)).sum().item(), abs_tol=1e-4)
        for alternatives, exact in ((token.top, p[at]), (seen.top, q[at])):
            assert [each.log_prob for each in alternatives] == pytest.approx(exact.topk(4).values.tolist(), abs=1e-4)
            likeliest = student.tokenizer.decode([int(exact.argmax())])
            assert alternatives[0].text == likeliest or "\ufffd" in likeliest
    assert [token.teachers for each in native.group.completions for token in each.tokens if token.teachers] == []


def test_a_group_is_whole_with_its_rewards_and_advantages(small: Build, coins: PolicyCache) -> None:
    spec = small(rollouts={"every": 1})
    (native, cross), _, _ = kept_of_a_step(coins, spec)
    rewards = torch.tensor(native.group.rewards)
    assert [each.reward for each in native.group.completions] == native.group.rewards
    assert [each.reason for each in native.group.completions] == ["heads" if reward else "tails" for reward in native.group.rewards]
    expected = (rewards - rewards.mean()) / (rewards.std() + 1e-4) if rewards.std() > 0 else torch.zeros(4)
    assert [each.advantage for each in native.group.completions] == pytest.approx(expected.tolist(), abs=1e-5)
    assert [(each.advantage, each.reason) for each in cross.group.completions] == [(None, cross.group.completions[0].reason)]
    for completion in (*native.group.completions, *cross.group.completions):
        assert "".join(token.text for token in completion.tokens) == completion.text
        assert len(completion.tokens) == completion.length


def test_no_alternatives_and_truncated_groups_are_fine(small: Build, coins: PolicyCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("copd_engine.keeping.MOST_TOKENS", 2)
    monkeypatch.setattr("copd_engine.token_table.MOST_TOKENS", 2)
    (native, cross), _, _ = kept_of_a_step(coins, small(rollouts={"every": 1, "alternatives": 0}))
    for completion in (*native.group.completions, *cross.group.completions):
        assert len(completion.tokens) <= 2
        assert completion.text.startswith("".join(token.text for token in completion.tokens))
        assert all(token.top == [] for token in completion.tokens)


def test_held_out_prompts_are_seen_by_every_peer(small: Build, store: Store, coins: PolicyCache) -> None:
    """The measured overlap is a mean over all states, so the gaps of those kept are some of what it is made of."""
    _, events, run = whole_run(small(evaluation={"prompts": 8, "samples": 2}), store, coins)
    measured = [s for s in run.segments if s.kind is Kind.measure]
    heldout = [event for event in events if isinstance(event, Rollout) and event.part == "heldout"]
    assert {(each.policy, each.step) for each in heldout} == {(s.policy, s.step) for s in measured}
    assert {each.index for each in heldout} == {0, 1}
    for event in heldout:
        [completion] = unpack(run.folder.read(event.path))[event.place].completions
        assert event.gap == pytest.approx(
            min(
                sum(token.teachers[peer].gap for token in completion.tokens) / completion.length
                for peer in {"text", "image", "video"} - {event.policy}
            )
        )
