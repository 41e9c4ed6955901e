"""Every loss a spec can ask for, in a real step of a tiny model: its gradient, its invariants and what it shows."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from copd_engine.batches import Batch
from copd_engine.cache import PolicyCache
from copd_engine.events import Points
from copd_engine.expert import TrainingError
from copd_engine.fingerprint import make_deterministic
from copd_engine.local import LocalRun
from copd_engine.policy import Policy, digest
from copd_engine.scoring import LocalScorer
from copd_engine.spec import RunSpec
from copd_engine.step import Rewarded, Spent
from copd_engine.store import Store
from copd_engine.training import Trainer
from tests.engine.steps import (
    DIVERGENCES,
    RLVR,
    SAMPLED,
    SIZE,
    Build,
    Caught,
    expert_of,
    gradient,
    label,
    perturbed,
    trainer_of,
    values,
)

every_rlvr = pytest.mark.parametrize("rlvr", RLVR, ids=label)
every_opd = pytest.mark.parametrize("opd", [*SAMPLED, {"outcome": 0.5}, *DIVERGENCES], ids=label)


@pytest.fixture(autouse=True)
def _exact() -> None:
    make_deterministic(1)


def shown(cache: PolicyCache, spec: RunSpec, **teachers: Policy) -> tuple[dict[str, float | None], Spent]:
    """Series → value of one step, all teachers at weight 0.5."""
    spent = trainer_of(cache, spec, expert_of(cache, spec), teachers).step(values(spec, dict.fromkeys(teachers, 0.5)))
    return {value.name: value.value for value in spent.values}, spent


def assert_same_gradient(given: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """Up to the rounding of sums in another order, relative to the largest entry of the whole gradient."""
    scale = max(tensor.abs().max().item() for tensor in expected.values())
    assert given.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(given[name], tensor, rtol=1e-3, atol=1e-6 * scale)


# -- invariants --------------------------------------------------------------------------------------------------------


@every_rlvr
def test_micro_batches_have_the_gradient_of_the_whole_rlvr_batch(coins: PolicyCache, small: Build, rlvr: dict[str, Any]) -> None:
    """3 cuts through groups."""
    whole, parts = (gradient(coins, small(rlvr=SIZE | rlvr, compute={"micro_batch": size})) for size in (0, 3))
    assert_same_gradient(parts, whole)


@every_opd
def test_micro_batches_have_the_gradient_of_the_whole_cross_batch(coins: PolicyCache, small: Build, opd: dict[str, Any]) -> None:
    teacher = perturbed(coins, small())
    whole, parts = (gradient(coins, small(opd=opd, compute={"micro_batch": size}), {"image": 1.0}, image=teacher) for size in (0, 3))
    assert_same_gradient(parts, whole)


@every_opd
def test_weight_zero_is_bitwise_no_teacher(coins: PolicyCache, small: Build, opd: dict[str, Any]) -> None:
    spec, teacher = small(opd=opd), perturbed(coins, small())
    alone, muted = gradient(coins, spec), gradient(coins, spec, {"image": 0.0}, image=teacher)
    taught = gradient(coins, spec, {"image": 1.0}, image=teacher)
    assert digest(alone) == digest(muted) != digest(taught)


@pytest.mark.parametrize("opd", [*SAMPLED, *DIVERGENCES], ids=label)
def test_an_identical_teacher_adds_no_gradient(coins: PolicyCache, small: Build, opd: dict[str, Any]) -> None:
    """Bitwise none; but JSD's mixture is rounded. (`outcome` rewards what the teacher does not know, and has a gradient.)"""
    spec = small(opd=opd)
    alone, taught = gradient(coins, spec), gradient(coins, spec, {"image": 1.0}, image=coins.copy_of_base(spec.model))
    if opd.get("divergence") == "jsd":
        assert_same_gradient(taught, alone)
    else:
        assert digest(alone) == digest(taught)


@pytest.mark.parametrize("opd", [{}, {"loss": "full"}, {"loss": "topk", "top_k": 3, "tail": "bucket"}], ids=label)
def test_the_weight_scales_the_gradient(coins: PolicyCache, small: Build, opd: dict[str, Any]) -> None:
    spec, teacher = small(opd=opd | {"max_advantage": None}), perturbed(coins, small())
    none, half, whole = (gradient(coins, spec, {"image": w}, image=teacher) for w in (0.0, 0.5, 1.0))
    assert_same_gradient({name: 2 * half[name] - none[name] for name in half}, whole)


# -- what a step draws and shows ---------------------------------------------------------------------------------------


def test_series_appear_where_they_mean_something(coins: PolicyCache, small: Build) -> None:
    plain, _ = shown(coins, small(), image=perturbed(coins, small()))
    extras = {"kl_reference", "importance_weight", "overlong_penalty", "resampled", "gated", "cross_reward"}
    assert not extras & plain.keys()
    rlvr = SIZE | {"kl": 0.1, "importance_cap": 2.0, "overlong_buffer": 2, "max_resamples": 1}
    spec = small(rlvr=rlvr, opd={"gate": [0.5, 2.0], "outcome": 0.5})
    told, _ = shown(coins, spec, image=perturbed(coins, spec))
    assert extras <= told.keys()
    assert (told["kl_reference"] or 0) > 0
    assert told["importance_weight"] == pytest.approx(1, abs=1e-4)  # one sampler, one trainer, one policy
    assert -1 <= (told["overlong_penalty"] or 0) < 0
    assert told["gated"] == 0


def test_outcome_draws_groups(coins: PolicyCache, small: Build) -> None:
    """As many sequences as without it, from fewer prompts."""
    teacher = perturbed(coins, small())
    _, singles = shown(coins, small(), image=teacher)
    _, groups = shown(coins, small(opd={"outcome": 1.0}), image=teacher)
    assert (singles.rollouts, singles.prompts) == (8 + 8, 2 + 8)
    assert (groups.rollouts, groups.prompts) == (8 + 8, 2 + 2)


def test_a_sampler_that_is_off_moves_the_weights(coins: PolicyCache, small: Build) -> None:
    """The sampler's log-probs shifted by ln 1.5 weigh every term by 1.5, or by the cap where that is lower."""

    def caught(cap: float | None, shift: float) -> dict[str, Tensor]:
        spec = small(rlvr=SIZE | {"importance_cap": cap})
        expert = Caught("text", coins.copy_of_base(spec.model), spec.optimizer)
        trainer = trainer_of(coins, spec, expert)
        drawn = trainer._rewarded("native", trainer.natives[0], 2, values(spec), Spent())
        batch = dataclasses.replace(drawn.batch, sampler_log_probs=drawn.batch.sampler_log_probs - shift)
        rewarded = dataclasses.replace(drawn, batch=batch)
        trainer._learn(rewarded, [rewarded], 1.0, values(spec))
        expert.update(0.0, 1.0)
        return expert.gradient

    plain, free, capped = caught(None, 0.0), caught(2.0, math.log(1.5)), caught(1.2, math.log(1.5))
    assert_same_gradient(free, {name: 1.5 * tensor for name, tensor in plain.items()})
    assert_same_gradient(capped, {name: 1.2 * tensor for name, tensor in plain.items()})


def drawn_with(coins: PolicyCache, small: Build, **rlvr: Any) -> tuple[Trainer, Rewarded, Spent]:
    spec, spent = small(rlvr={"steps": 2, "prompts": 6, "group": 2} | rlvr), Spent()
    trainer = trainer_of(coins, spec, expert_of(coins, spec))
    return trainer, trainer._rewarded("native", trainer.natives[0], 6, values(spec), spent), spent


def test_groups_of_equal_rewards_are_replaced(coins: PolicyCache, small: Build) -> None:
    trainer, plain, before = drawn_with(coins, small)
    _, once, _ = drawn_with(coins, small, max_resamples=1)
    _, often, spent = drawn_with(coins, small, max_resamples=30)
    dull = (plain.rewards == plain.rewards[:, :1]).all(dim=1)
    assert 0 < int(dull.sum()) < 6
    assert once.resampled == int(dull.sum())
    assert not (often.rewards == often.rewards[:, :1]).all(dim=1).any()
    assert often.resampled > once.resampled
    assert (spent.rollouts, spent.prompts) == (before.rollouts + 2 * often.resampled, before.prompts + often.resampled)
    assert often.drawn == plain.drawn  # the reward shown is that of the first draw: replaced groups would flatter it
    assert torch.equal(often.rewards[~dull], plain.rewards[~dull])
    batch, first = often.batch, plain.batch
    for place in torch.nonzero(~dull).flatten().tolist():
        assert batch.prompts[place].text == first.prompts[place].text
        assert batch.rollouts.texts[2 * place : 2 * place + 2] == first.rollouts.texts[2 * place : 2 * place + 2]
    texts = [trainer.expert.policy.decode([row[keep].tolist()])[0] for row, keep in zip(batch.tokens, batch.mask, strict=True)]
    assert texts == batch.rollouts.texts
    assert torch.equal(trainer._rewards(trainer._judge(often.domain, batch, Spent())), often.rewards)
    assert [each.value for each in often.judged] == often.rewards.flatten().tolist()
    (piece,) = batch.pieces
    scores = LocalScorer(trainer.expert.policy).score(piece.batch, piece.rows, batch.tokens, batch.mask, 1.0)
    torch.testing.assert_close(batch.sampler_log_probs * batch.mask, scores, rtol=1e-4, atol=1e-5)


def test_the_same_groups_are_drawn_again(coins: PolicyCache, small: Build) -> None:
    (_, first, _), (_, second, _) = (drawn_with(coins, small, max_resamples=3) for _ in range(2))
    assert torch.equal(first.batch.tokens, second.batch.tokens)
    assert torch.equal(first.batch.sampler_log_probs, second.batch.sampler_log_probs)


def test_the_penalty_falls_on_long_completions_alone(coins: PolicyCache, small: Build) -> None:
    _, rewarded, _ = drawn_with(coins, small, overlong_buffer=2)
    lengths = rewarded.batch.mask.sum(dim=1).view(-1, 2)
    assert torch.equal(rewarded.penalties, torch.where(lengths == 3, -1.0, torch.where(lengths == 2, -0.5, 0.0)))


def cut_short(policy: Policy, batch: Batch, length: int) -> Batch:
    """The same completions, ended after `length` tokens."""
    rollouts = dataclasses.replace(batch.rollouts, mask=batch.rollouts.mask & (np.arange(batch.tokens.shape[1]) < length))
    return Batch.of(policy, batch.prompts, rollouts, batch.pieces)


def test_dapo_is_one_mean_over_the_tokens_of_all_domains(coins: PolicyCache, small: Build) -> None:
    """A long and a short domain together: the mean of their own token means, weighted by tokens and not by sequences."""
    spec = small(rlvr=SIZE | {"loss": "dapo"})

    def caught(*names: str) -> tuple[dict[str, Tensor], list[int]]:
        expert = Caught("text", coins.copy_of_base(spec.model), spec.optimizer)
        trainer, found = trainer_of(coins, spec, expert), []
        for name in names:
            drawn = trainer._rewarded(name, trainer.natives[0], 3, values(spec), Spent())
            found.append(dataclasses.replace(drawn, batch=cut_short(expert.policy, drawn.batch, 1 if name == "short" else 3)))
        for each in found:
            trainer._learn(each, found, 1 / len(found), values(spec))
        expert.update(0.0, 1.0)
        return expert.gradient, [each.batch.token_count for each in found]

    both, (long, short) = caught("long", "short")
    (first, _), (second, _) = caught("long"), caught("short")
    assert long > 2 * short
    assert_same_gradient(both, {name: (long * first[name] + short * second[name]) / (long + short) for name in both})


def test_a_whole_run_with_everything_but_the_defaults(coins: PolicyCache, small: Build, store: Store) -> None:
    """The reference of the penalty is the base: the first step is at it, the others are not."""
    rlvr = SIZE | {"loss": "dapo", "kl": 0.1, "overlong_buffer": 2, "max_resamples": 2, "importance_cap": 2.0}
    opd = {"steps": 2, "loss": "topk", "divergence": "jsd", "beta": 0.5, "top_k": 8, "tail": "bucket"}
    coins.forget()
    run = LocalRun(small(rlvr=rlvr, opd=opd, agreement={"enabled": False}), store, cache=coins)
    assert run.execute() is None
    points = [event for event in run.events() if isinstance(event, Points)]
    kl = sorted((p.step, v.value) for p in points if p.policy == "text" for v in p.values if v.name == "kl_reference")
    assert [step for step, _ in kl] == list(range(1, 9))
    assert kl[0][1] == 0
    assert all(value is not None and value > 0 for _, value in kl[1:])
    losses = [v.value for p in points for v in p.values if v.name == "distill_loss" and p.step in (4, 8)]
    assert losses
    assert all(value is not None and 0 < value < math.log(2) for value in losses)


@pytest.mark.parametrize("opd", [{}, {"baseline": True}, {"loss": "full"}], ids=label)
def test_a_teacher_of_nans_stops_before_the_step(coins: PolicyCache, small: Build, opd: dict[str, Any]) -> None:
    spec, teacher = small(opd=opd), coins.copy_of_base(small().model)
    with torch.no_grad():
        teacher.head.weight.fill_(float("nan"))
    expert = expert_of(coins, spec)
    before = digest(expert.parameters)
    with pytest.raises(TrainingError, match=r"the loss of step 1 is nan \(distillation from image, prompts .*\); the step was"):
        trainer_of(coins, spec, expert, {"image": teacher}).step(values(spec, {"image": 1.0}))
    assert (digest(expert.parameters), expert.step) == (before, 0)


def test_a_penalty_needs_its_reference(coins: PolicyCache, small: Build) -> None:
    trainer = trainer_of(coins, small(rlvr=SIZE | {"kl": 0.1}), expert_of(coins, small()))
    with pytest.raises(ValueError, match=r"rlvr\.kl: a penalty needs a reference policy"):
        Trainer(trainer.expert, trainer.spec, trainer.natives, {}, trainer.clock, lambda: None)


def test_a_token_that_only_one_of_two_may_say_counts_for_neither(coins: PolicyCache, small: Build) -> None:
    """Else its probability of 0 under the other would be a divergence of 1e9."""
    spec, teacher = small(opd={"loss": "full"}), coins.copy_of_base(small().model)
    likely = next(i for i in range(100, 200) if i not in teacher.forbidden_ids)
    teacher.forbidden_ids += (likely,)
    teacher._forbidden = torch.tensor(teacher.forbidden_ids)
    told, _ = shown(coins, spec, image=teacher)
    assert told["distill_loss"] == 0


def test_vocabularies_that_differ_are_refused(coins: PolicyCache, small: Build) -> None:
    spec, teacher = small(opd={"loss": "full"}), coins.copy_of_base(small().model)
    teacher.head.weight = torch.nn.Parameter(teacher.head.weight[:-1].detach().clone())
    with pytest.raises(ValueError, match="different vocabularies"):
        trainer_of(coins, spec, expert_of(coins, spec), {"image": teacher}).step(values(spec, {"image": 1.0}))
