"""Adapters on one shared base: they start as the base, only they train, and they merge as the weights they stand for."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForImageTextToText

from copd_engine.cache import PolicyCache
from copd_engine.checkpoint import opened
from copd_engine.domains import Prompt
from copd_engine.job import SegmentData, SegmentJob
from copd_engine.local import LocalRun
from copd_engine.lora import DenseWeights, with_adapter
from copd_engine.plan import MERGED, Ref, export_segment
from copd_engine.policy import Policy, digest
from copd_engine.segment import run_segment
from copd_engine.spec import Lora, RunSpec
from copd_engine.store import Store

LORA = Lora(rank=4, alpha=6.0)
Build = Callable[..., RunSpec]


@pytest.fixture(scope="module")
def base(mini: Path) -> Policy:
    return Policy.load(mini)


def moved(policy: Policy, seed: int) -> Policy:
    """With random factors, as large as training would hardly make them."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in policy.tensors().values():
            tensor.copy_(0.1 * torch.randn(tensor.shape, generator=generator))
    return policy


def states(policy: Policy, prompts: list[Prompt]) -> Tensor:
    """Logits [P, T, V] of a few tokens after every prompt."""
    tokens = torch.arange(len(prompts) * 4).view(-1, 4) + 20
    with torch.no_grad():
        return policy.logits(policy.hidden(policy.encode(prompts), torch.arange(len(prompts)), tokens))


def test_an_adapter_starts_as_the_base_and_shares_its_tensors(base: Policy, prompts: list[Prompt]) -> None:
    one, other = with_adapter(base, LORA, seed=0), with_adapter(base, LORA, seed=0)
    assert torch.equal(states(one, prompts), states(base, prompts))
    assert one.digest() == other.digest() != with_adapter(base, LORA, seed=1).digest()
    own = {tensor.data_ptr() for tensor in base.model.parameters()}
    for policy in (one, other):
        added = {name for name, tensor in policy.model.named_parameters() if tensor.data_ptr() not in own}
        assert added == policy.tensors().keys()
        assert added == {name for name, tensor in policy.model.named_parameters() if tensor.requires_grad}


def test_adapters_do_not_touch_one_another(base: Policy, prompts: list[Prompt]) -> None:
    """Student and teacher in one process, one after the other and back."""
    before = states(base, prompts)
    one, other = (moved(with_adapter(base, LORA, seed=0), seed) for seed in (1, 2))
    first, second = states(one, prompts), states(other, prompts)
    assert not torch.allclose(first, second, atol=1e-3)
    assert torch.equal(states(one, prompts), first)
    assert torch.equal(states(base, prompts), before)


@pytest.mark.parametrize("settings", [LORA, Lora(rank=2, targets=("q_proj", "down_proj"))])
def test_dense_weights_equal_the_active_adapter(base: Policy, prompts: list[Prompt], settings: Lora) -> None:
    adapted = moved(with_adapter(base, settings, seed=0), 1)
    dense = Policy(copy.deepcopy(base.model), base.processor)
    dense.load_tensors(DenseWeights(base.tensors(), adapted.tensors(), settings))
    allowed = [i for i in range(base.head.weight.shape[0]) if i not in base.forbidden_ids]
    assert not torch.allclose(states(dense, prompts), states(base, prompts), atol=1e-2)
    torch.testing.assert_close(states(dense, prompts)[..., allowed], states(adapted, prompts)[..., allowed], rtol=0, atol=1e-5)


def test_wrong_targets_are_refused(base: Policy) -> None:
    with pytest.raises(ValueError, match=r"model\.lora\.targets: the model has no layer called nothing_proj"):
        with_adapter(base, Lora(targets=("nothing_proj",)), seed=0)
    for name in ("embed_tokens", "lm_head"):
        with pytest.raises(ValueError, match=rf"model\.lora\.targets: {name} cannot carry an adapter"):
            with_adapter(base, Lora(targets=(name,)), seed=0)


@pytest.fixture
def spec(small: Build, mini: Path) -> Callable[..., RunSpec]:
    return lambda **changes: small(model={"path": str(mini), "lora": LORA.model_dump()}, optimizer={"lr": 1e-2}, **changes)


def stops(looks: Iterator[int]) -> bool:
    """False as often as there are `looks`, then true."""
    return next(looks, None) is None


@pytest.mark.parametrize("method", ["copd", "experts"])
def test_a_run_of_adapters_merges_their_mean_change(method: str, spec: Build, mini: Path, coins: PolicyCache, store: Store) -> None:
    run = LocalRun(spec(method=method, rounds=1), store, cache=coins)
    assert run.execute() is None
    base = {name: tensor.detach() for name, tensor in Policy.load(mini).tensors().items()}
    changes = dict.fromkeys(base, torch.zeros((), dtype=torch.float64))
    step = run.merged.step
    for name in run.spec.experts:
        with opened(run.folder, run._paths[str(Ref(name, step))]) as checkpoint:
            factors = checkpoint.weights
            assert all(".lora_" in key for key in [*factors, *checkpoint.optimizer])
            for key in (k for k in factors if ".lora_A." in k):
                b, layer = key.replace(".lora_A.", ".lora_B."), key.split(".lora_A.")[0]
                changes[f"{layer}.weight"] = changes[f"{layer}.weight"] + 1.5 * (factors[b].double() @ factors[key].double()) / 3
    with opened(run.folder, run._paths[str(Ref(MERGED, step))]) as checkpoint:
        merged = dict(checkpoint.weights)
    assert merged.keys() == base.keys()
    assert any((merged[name] != base[name]).any() for name in base)
    for name, tensor in base.items():
        torch.testing.assert_close(merged[name], (tensor.double() + changes[name]).float(), rtol=1e-6, atol=1e-7)
    with store.folder(run.export) as folder:
        model = AutoModelForImageTextToText.from_pretrained(folder)
    assert digest(dict(model.named_parameters())) == run.merged_digest


def test_a_stopped_run_of_adapters_has_the_same_bits(spec: Build, coins: PolicyCache, store: Store) -> None:
    whole = LocalRun(spec(), store, cache=coins)
    assert whole.execute() is None
    ended, other = 0, store.below("other")
    while (run := LocalRun(spec(), other, cache=type(coins)())).execute(partial(stops, iter(range(25)))) is not None:
        ended += 1
    assert ended > 1
    assert run.merged_digest == whole.merged_digest


def test_an_exported_adapter_is_a_plain_folder(spec: Build, coins: PolicyCache, store: Store, prompts: list[Prompt]) -> None:
    """The one student of static_opd answers as its adapter does, exported itself or through its merge."""
    run = LocalRun(spec(method="static_opd", rounds=1, merge={"method": "task_arithmetic"}), store, cache=coins)
    assert run.execute() is None
    adapted = with_adapter(coins.base(run.spec.model), LORA, run.spec.seed)
    with opened(run.folder, run._paths[str(Ref("text", run.merged.step))]) as checkpoint:
        adapted.load_tensors(checkpoint.weights)
    ref = Ref("text", run.merged.step)
    paths = {str(ref): run._paths[str(ref)]}
    job = SegmentJob(run=run.id, attempt=999, spec=run.spec, segment=SegmentData.of(export_segment(ref, None)), checkpoints=paths)
    alone = run_segment(job, store, lambda: None, lambda _: None, lambda: None, coins).export
    with store.folder(run.export) as folder, run.folder.folder(str(alone)) as other:
        loaded = Policy.load(folder)
        assert Policy.load(other).digest() == loaded.digest()
    allowed = [i for i in range(loaded.head.weight.shape[0]) if i not in loaded.forbidden_ids]
    torch.testing.assert_close(states(loaded, prompts)[..., allowed], states(adapted, prompts)[..., allowed], rtol=0, atol=1e-5)
