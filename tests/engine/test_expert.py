"""The learning rate's schedule, master weights under bfloat16, and gradients in parts."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from copd_engine.cache import PolicyCache
from copd_engine.domains import Prompt
from copd_engine.expert import Expert, learning_rate
from copd_engine.local import LocalRun
from copd_engine.plan import TRAINING, horizon, plan
from copd_engine.policy import Policy
from copd_engine.spec import Optimizer, RunSpec
from copd_engine.store import Store
from copd_engine.structure import StructureEdit


def stops(looks: Iterator[int]) -> bool:
    """False as often as there are `looks`, then true."""
    return next(looks, None) is None


schedules = st.sampled_from(["constant", "linear", "cosine"])


@given(schedules, st.integers(0, 20), st.integers(1, 60), st.floats(1e-8, 1))
def test_the_rate_rises_to_lr_and_never_rises_again(schedule: Any, warmup: int, horizon: int, lr: float) -> None:
    settings = Optimizer(schedule=schedule, warmup=warmup)
    rates = [learning_rate(lr, settings, step, horizon) for step in range(1, horizon + 5)]
    assert all(0 <= rate <= lr for rate in rates)
    rising, falling = rates[: warmup + 1], rates[warmup:]
    assert rising == sorted(rising)
    assert falling == sorted(falling, reverse=True)
    if warmup < horizon:
        assert rates[warmup] == lr
        assert min(rates[:horizon]) > 0  # no planned step is taken for nothing
        assert (rates[horizon] == 0) == (schedule != "constant")


def test_schedules_follow_their_formulas() -> None:
    rates = {
        name: [learning_rate(8.0, Optimizer.model_validate({"schedule": name, "warmup": 2}), step, 6) for step in range(1, 8)]
        for name in ("constant", "linear", "cosine")
    }
    assert rates["constant"] == [4, 8, 8, 8, 8, 8, 8]
    assert rates["linear"] == [4, 8, 8, 6, 4, 2, 0]
    assert rates["cosine"] == pytest.approx([4, 8, 8, 4 + 2 * 2**0.5, 4, 4 - 2 * 2**0.5, 0])


def test_an_edited_lr_is_what_the_schedule_multiplies(small: Callable[..., RunSpec], coins: PolicyCache) -> None:
    spec = small(optimizer={"lr": 1.0, "schedule": "linear"})
    expert = Expert("text", coins.copy_of_base(spec.model), spec.optimizer, step=3, horizon=4)
    expert.backward(next(iter(expert.parameters.values())).sum(), "here")
    expert.update(0.5, 1.0)
    assert expert.optimizer.param_groups[0]["lr"] == 0.125


@pytest.mark.parametrize("method", ["copd", "experts", "mixed_rlvr", "static_opd", "mopd"])
def test_the_horizon_is_the_last_planned_step(small: Callable[..., RunSpec], method: str) -> None:
    spec = small(method=method, optimizer={"schedule": "cosine"})
    segments = [s for s in plan(spec) if s.kind in TRAINING]
    for segment in segments:
        assert horizon(spec, (), segment) == max(s.end.step for s in segments if s.policy == segment.policy)
    assert horizon(small(), (), segments[0]) == 0


def test_later_edits_leave_a_segments_horizon_as_it_was(small: Callable[..., RunSpec]) -> None:
    spec = small(rounds=2, optimizer={"schedule": "cosine"})
    edits = [StructureEdit(1, 1, "rounds", 5)]
    first, *_, last = [s for s in plan(spec, edits) if s.kind in TRAINING and s.policy == "text"]
    assert (first.round, last.round) == (0, 4)
    assert (horizon(spec, edits, first), horizon(spec, edits, last)) == (8, 20)


def test_a_schedule_changes_the_run_and_a_stop_does_not(small: Callable[..., RunSpec], store: Store, coins: PolicyCache) -> None:
    """Stopped after every few looks at the control document, each time in a new process for all the cache knows."""
    spec = small(rounds=1, optimizer={"lr": 1e-3, "schedule": "cosine", "warmup": 1})
    whole, constant = LocalRun(spec, store, cache=coins), LocalRun(small(rounds=1), store, cache=coins)
    assert whole.execute() is None
    assert constant.execute() is None
    assert whole.merged_digest != constant.merged_digest
    other = store.below("other")
    ended = 0
    while (run := LocalRun(spec, other, cache=type(coins)())).execute(partial(stops, iter(range(10)))) is not None:
        ended += 1
    assert ended > 1
    assert run.merged_digest == whole.merged_digest


@given(st.lists(st.floats(-5, 5), min_size=3, max_size=3), st.floats(0.01, 2))
def test_the_whole_gradient_is_cut_to_its_norm(slopes: list[float], clip: float) -> None:
    """The first moment after one step is (1 − β1) times the gradient that AdamW saw."""
    model = torch.nn.ParameterDict({"a": torch.nn.Parameter(torch.zeros(2)), "b": torch.nn.Parameter(torch.zeros(1))})
    policy: Any = SimpleNamespace(tensors=lambda: dict(model.named_parameters()))
    expert = Expert("text", policy, Optimizer(beta1=0.5))
    given = torch.tensor(slopes)
    expert.backward((model["a"] * given[:2]).sum() + (model["b"] * given[2:]).sum(), "here")
    norm = expert.update(1e-3, clip)
    assert norm == pytest.approx(given.norm().item(), abs=1e-6)
    state = expert.optimizer_tensors()
    seen = 2 * torch.cat([state["exp_avg.a"], state["exp_avg.b"]])
    torch.testing.assert_close(seen, given * min(1.0, clip / max(norm, 1e-12)), rtol=1e-4, atol=1e-6)


def test_under_bfloat16_small_steps_still_move_the_weights(mini: Any, prompts: list[Prompt]) -> None:
    """100 steps at lr 1e-6; the same on weights that are themselves bfloat16 would move a few of a hundred."""
    policy = Policy.load(mini, dtype=torch.bfloat16)
    before = {name: tensor.detach().clone() for name, tensor in policy.tensors().items()}
    expert = Expert("text", policy, Optimizer(lr=1e-6))
    allowed = torch.tensor([i for i in range(policy.head.weight.shape[0]) if i not in policy.forbidden_ids])
    batch, rows = policy.encode(prompts[:3]), torch.arange(3)
    for step in range(100):
        tokens = allowed[(torch.arange(12) * 7 + step * 13) % len(allowed)].view(3, 4)
        log_probs = policy.logits(policy.hidden(batch, rows, tokens)).log_softmax(dim=-1)
        expert.backward(-log_probs.gather(-1, tokens.unsqueeze(-1)).mean(), "here")
        expert.update(1e-6, 1.0)
    moved = sum(int((tensor != before[name]).sum()) for name, tensor in policy.tensors().items())
    assert moved >= 0.99 * sum(tensor.numel() for tensor in before.values())


@pytest.mark.parametrize("size", [1, 3, 4])
def test_a_gradient_in_parts_is_the_whole(policy: Policy, prompts: list[Prompt], size: int) -> None:
    """On float64 weights; norms and positions go through float32 inside the model all the same."""
    exact = Policy(copy.deepcopy(policy.model).double(), policy.processor)
    tokens = torch.arange(8 * 5).view(8, 5) % 50 + 20

    def gradient(pieces: list[slice]) -> dict[str, torch.Tensor]:
        for piece in pieces:
            rows = torch.arange(8)[piece] // 2
            first = int(rows[0])
            states = exact.hidden(exact.encode(prompts[first : int(rows[-1]) + 1]), rows - first, tokens[piece])
            log_probs = exact.head(states).log_softmax(dim=-1).gather(-1, tokens[piece].unsqueeze(-1))
            (log_probs.sum() / tokens.numel()).backward()
        found = {name: tensor.grad.clone() for name, tensor in exact.tensors().items() if tensor.grad is not None}
        exact.model.zero_grad()
        return found

    whole, parts = gradient([slice(0, 8)]), gradient([slice(i, min(i + size, 8)) for i in range(0, 8, size)])
    assert whole.keys() == parts.keys()
    error = torch.stack([(parts[name] - expected).norm() for name, expected in whole.items()]).norm()
    assert error < 2e-6 * torch.stack([expected.norm() for expected in whole.values()]).norm()
