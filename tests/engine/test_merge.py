"""What every way of merging must do, against float64 formulas; and of identical experts, exactly the expert."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, get_args

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor

from copd_engine.cache import PolicyCache
from copd_engine.checkpoint import opened, publish
from copd_engine.job import SegmentData, SegmentJob
from copd_engine.merge import MergedTensors, Recipe, dropped, mean, slerp, ties, trimmed
from copd_engine.plan import MERGED, Kind, Ref, Segment
from copd_engine.policy import digest
from copd_engine.segment import run_segment
from copd_engine.spec import Merge, RunSpec
from copd_engine.spec.model import MergeMethod
from copd_engine.store import Store

METHODS = get_args(MergeMethod)
any_floats = arrays("float32", (4,), elements=st.floats(width=32, allow_nan=False, allow_infinity=False)).map(torch.from_numpy)
floats = arrays("float32", (3, 4), elements=st.floats(-8, 8, width=32)).map(torch.from_numpy)
weights = st.floats(2**-6, 16, width=16)


def recipe(method: Any, weights: dict[str, float] | None = None, scale: float = 1.0, density: float = 1.0, seed: int = 0) -> Recipe:
    return Recipe(Merge(method=method, weights=weights, scale=scale, density=density), seed)


def merged(recipe: Recipe, base: Tensor, *experts: Tensor, name: str = "x") -> Tensor:
    return recipe.merged(name, dict(zip("abcd", experts, strict=False)), base)


@given(any_floats, st.integers(1, 9), st.sampled_from([torch.float32, torch.bfloat16]))
def test_the_mean_of_identical_experts_is_the_expert_bit_for_bit(tensor: Tensor, count: int, dtype: torch.dtype) -> None:
    tensor = tensor.to(dtype)
    result = mean([tensor] * count)
    assert result.dtype == dtype
    assert torch.equal(result, tensor)
    assert result is not tensor


def test_the_mean_is_taken_in_float64() -> None:
    tensors = [torch.tensor([2.0**24]), torch.tensor([1.0]), torch.tensor([1.0])]
    assert mean(tensors).item() == torch.tensor((2**24 + 2) / 3).item()


@given(st.sampled_from(METHODS), floats, floats, weights, weights)
def test_identical_experts_merge_to_themselves(method: str, base: Tensor, expert: Tensor, one: float, other: float) -> None:
    """Exactly where the base does not enter; else to the rounding of a difference in float64."""
    chosen = recipe(method, None if method == "mean" else {"a": one, "b": other})
    result = merged(chosen, base, expert, expert.clone())
    torch.testing.assert_close(result, expert, rtol=0, atol=1e-14 if chosen.settings.needs_base else 0)


@given(st.sampled_from([m for m in METHODS if m != "mean"]), floats, floats, floats, weights, weights, st.sampled_from([0.5, 2.0, 8.0]))
def test_only_the_proportions_of_weights_matter(
    method: str, base: Tensor, a: Tensor, b: Tensor, one: float, other: float, factor: float
) -> None:
    chosen = (recipe(method, {"a": one * k, "b": other * k}, density=0.5 if method in ("ties", "dare") else 1) for k in (1.0, factor))
    assert torch.equal(*(merged(r, base, a, b) for r in chosen))


@given(st.sampled_from([m for m in METHODS if m not in ("mean", "slerp")]), floats, floats, floats, floats, weights)
def test_the_order_of_experts_changes_no_bit(method: str, base: Tensor, a: Tensor, b: Tensor, c: Tensor, weight: float) -> None:
    chosen, experts = recipe(method, {"b": weight}, density=0.5 if method in ("ties", "dare") else 1), {"a": a, "b": b, "c": c}
    results = [chosen.merged("x", {n: experts[n] for n in order}, base) for order in itertools.permutations(experts)]
    assert all(torch.equal(result, results[0]) for result in results)


@given(floats, floats, st.floats(0, 1))
def test_slerp_backwards_is_one_minus_t(a: Tensor, b: Tensor, t: float) -> None:
    torch.testing.assert_close(slerp(a, b, t), slerp(b, a, 1 - t), rtol=1e-12, atol=1e-12)


@given(floats, floats, floats, weights)
def test_dare_of_density_one_is_task_arithmetic(base: Tensor, a: Tensor, b: Tensor, weight: float) -> None:
    shares = {"a": weight}
    assert torch.equal(merged(recipe("dare", shares), base, a, b), merged(recipe("task_arithmetic", shares), base, a, b))


@given(floats, floats, floats, weights)
def test_ties_of_density_one_is_task_arithmetic_where_signs_agree(base: Tensor, a: Tensor, b: Tensor, weight: float) -> None:
    shares = {"a": weight}
    agree = ((a - base) * (b - base)) > 0
    assume(agree.any())
    one, other = (merged(recipe(method, shares), base, a, b)[agree] for method in ("ties", "task_arithmetic"))
    torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)


@given(floats, floats, floats, weights)
def test_task_arithmetic_of_scale_one_is_the_weighted_mean_and_of_scale_zero_the_base(
    base: Tensor, a: Tensor, b: Tensor, weight: float
) -> None:
    shares = {"b": weight}
    one, other = merged(recipe("task_arithmetic", shares), base, a, b), merged(recipe("weighted", shares), base, a, b)
    torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)
    assert torch.equal(merged(recipe("task_arithmetic", shares, scale=0.0), base, a, b), base)


def reference(method: str, base: Tensor, experts: list[Tensor], shares: list[float], scale: float, density: float) -> Tensor:
    """The formulas entry by entry in Python floats; dare is left out, its masks have tests of their own."""
    base_, tasks = base.double().flatten().tolist(), [(e.double() - base.double()).flatten().tolist() for e in experts]
    if method == "ties":
        kept = round(density * len(base_))
        for k, task in enumerate(tasks):
            least = sorted(map(abs, task))[-kept]
            tasks[k] = [x if abs(x) >= least else 0.0 for x in task]
    out = []
    for start, *column in zip(base_, *tasks, strict=True):
        total = sum(w * x for w, x in zip(shares, column, strict=True))
        if method == "ties":
            same = [(w, x) for w, x in zip(shares, column, strict=True) if x * total > 0]
            total = sum(w * x for w, x in same) / sum(w for w, _ in same) if same else 0.0
        out.append(start + scale * total)
    return torch.tensor(out, dtype=torch.float64).view(base.shape)


@pytest.mark.parametrize("method", ["weighted", "task_arithmetic", "ties"])
def test_methods_follow_their_formulas_in_float64(method: str) -> None:
    generator = torch.Generator().manual_seed(0)
    base, *experts = (torch.randn(7, 9, generator=generator) for _ in range(4))
    scale = 1.0 if method == "weighted" else 0.7
    chosen = recipe(method, {"a": 1.0, "b": 2.0, "c": 5.0}, scale, 0.3 if method == "ties" else 1.0)
    expected = reference(method, base, experts, [1 / 8, 2 / 8, 5 / 8], scale, 0.3)
    assert torch.equal(merged(chosen, base, *experts), expected.float())


def test_slerp_keeps_to_the_circle_and_falls_back_to_a_line() -> None:
    a, b = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    torch.testing.assert_close(slerp(a, b, 1 / 3), torch.tensor([3**0.5 / 2, 0.5], dtype=torch.float64))
    assert slerp(a, 3 * a, 0.5).tolist() == [2, 0]
    assert slerp(a, torch.zeros(2), 0.25).tolist() == [0.75, 0]
    torch.testing.assert_close(slerp(a, a + 1e-5 * b, 0.5), (a + 0.5e-5 * b).double(), rtol=0, atol=1e-10)  # just off the line


def test_trimming_keeps_the_largest() -> None:
    task = torch.tensor([0.1, -4.0, 3.0, 0.0, -2.0])
    assert trimmed(task, 0.4).tolist() == [0, -4, 3, 0, 0]
    assert trimmed(task, 1e-9).tolist() == [0, -4, 0, 0, 0]
    assert torch.equal(trimmed(task, 1), task)


def test_signs_that_cancel_leave_the_base() -> None:
    assert ties([torch.tensor([1.0, 1.0]), torch.tensor([-1.0, 0.0])], [0.5, 0.5], 1).tolist() == [0, 1]


def test_dare_keeps_its_share_and_the_expected_value() -> None:
    task = torch.ones(400, 1000)  # more than one piece of noise
    kept = dropped(task, 0.3, (0, "dare", "a", "x"))
    share = (kept != 0).float().mean().item()
    assert abs(share - 0.3) < 4 * (0.3 * 0.7 / task.numel()) ** 0.5
    assert kept.max().item() == pytest.approx(1 / 0.3)


def test_a_mask_depends_on_seed_expert_and_tensor() -> None:
    task = torch.ones(1000)
    masks = [dropped(task, 0.5, key) for key in ((0, "a", "x"), (1, "a", "x"), (0, "b", "x"), (0, "a", "y"))]
    assert all(not torch.equal(one, other) for one, other in itertools.combinations(masks, 2))
    assert torch.equal(masks[0], dropped(task, 0.5, (0, "a", "x")))
    base, experts = torch.zeros(1000), (task, task)
    by_run = [merged(recipe("dare", density=0.5, seed=seed), base, *experts) for seed in (0, 0, 1)]
    assert torch.equal(by_run[0], by_run[1])
    assert not torch.equal(by_run[0], by_run[2])
    named = [Recipe(Merge(method="dare", density=0.5, seed=5), seed).merged("x", {"a": task}, base) for seed in (0, 1)]
    assert torch.equal(*named)


def test_models_that_differ_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="b is not in all of them"):
        MergedTensors({"a": {"a": torch.zeros(1)}, "b": {"a": torch.zeros(1), "b": torch.zeros(1)}}, recipe("mean"))
    with pytest.raises(ValueError, match="shapes"):
        mean([torch.zeros(1), torch.zeros(2)])
    with pytest.raises(ValueError, match="shapes"):
        merged(recipe("ties"), torch.zeros(1), torch.zeros(1), torch.zeros(2))


@pytest.mark.parametrize("method", METHODS)
def test_a_merge_segment_publishes_the_merge_of_all_tensors(
    method: str, small: Callable[..., RunSpec], coins: PolicyCache, store: Store
) -> None:
    settings = {"method": method} | ({"density": 0.5} if method in ("ties", "dare") else {})
    domain = {"source": "reasoning_gym", "tasks": {"gcd": {}}}
    spec = small(domains={"d": domain}, experts={n: {"domain": "d"} for n in "ab"}, merge=settings, seed=3)
    base = {name: tensor.detach() for name, tensor in coins.base(spec.model).tensors().items()}
    generator = torch.Generator().manual_seed(0)
    experts = {n: {k: t + 0.1 * torch.randn(t.shape, generator=generator) for k, t in base.items()} for n in "ab"}
    for name, tensors in experts.items():
        publish(store, f"runs/r/{name}", name, 4, tensors)
    segment = Segment(Kind.merge, MERGED, 0, Ref("a", 4), teachers=(Ref("a", 4), Ref("b", 4)))
    paths = {"a@4": "a", "b@4": "b"}
    job = SegmentJob(run="r", attempt=1, spec=spec, segment=SegmentData.of(segment), checkpoints=paths)
    result = run_segment(job, store, lambda: None, lambda _: None, lambda: None, coins)
    assert result.error is None
    recipe = Recipe(spec.merge, spec.seed)
    expected = {name: recipe.merged(name, {n: experts[n][name] for n in "ab"}, base[name]) for name in base}
    with opened(store, f"runs/r/{result.checkpoints[0].path}") as checkpoint:
        assert digest(checkpoint.weights) == digest(expected) == result.checkpoints[0].digest
