"""Layers that are run again in the backward pass keep less and give the same bits."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from copd_engine.cache import PolicyCache
from copd_engine.domains import Prompt
from copd_engine.local import LocalRun
from copd_engine.policy import Policy, digest
from copd_engine.recompute import recompute_layers
from copd_engine.spec import RunSpec
from copd_engine.store import Store


@pytest.fixture(scope="module")
def thrifty(policy: Policy) -> Policy:
    twin = Policy(copy.deepcopy(policy.model), policy.processor)
    recompute_layers(twin.model)
    recompute_layers(twin.model)  # twice is once
    return twin


def gradients(policy: Policy, prompts: list[Prompt]) -> tuple[dict[str, Tensor], int]:
    """The gradient of some loss over two completions of each prompt, and how many bytes were kept for the backward pass."""
    tokens = torch.arange(2 * len(prompts) * 5).view(-1, 5) % 50 + 20
    rows = torch.arange(len(prompts)).repeat_interleave(2)
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        hidden = policy.hidden(policy.encode(prompts), rows, tokens)
        loss = policy.logits(hidden).log_softmax(dim=-1).gather(-1, tokens.unsqueeze(-1)).mean()
    names = list(policy.tensors())
    found = torch.autograd.grad(loss, list(policy.tensors().values()))
    return dict(zip(names, found, strict=True)), sum(kept.values())


def test_gradients_are_the_same_and_less_is_kept(policy: Policy, thrifty: Policy, prompts: list[Prompt]) -> None:
    """Text, images and video in one batch, prompts shared by their completions."""
    plain, kept_plain = gradients(policy, prompts)
    again, kept_again = gradients(thrifty, prompts)
    assert digest(plain) == digest(again)
    weights = sum(tensor.nbytes for tensor in policy.tensors().values())
    assert kept_again - weights < 0.5 * (kept_plain - weights)


def test_without_gradients_nothing_changes(policy: Policy, thrifty: Policy, prompts: list[Prompt]) -> None:
    with torch.no_grad():
        assert torch.equal(*(p.prefill(p.encode(prompts)).first for p in (policy, thrifty)))


def test_a_run_has_the_same_weights(small: Callable[..., RunSpec], store: Store, coins: PolicyCache) -> None:
    specs = (small(rounds=1), small(rounds=1, compute={"gradient_checkpointing": True}))
    runs = [LocalRun(spec, store, cache=coins) for spec in specs]
    assert [run.execute() for run in runs] == [None, None]
    assert runs[0].merged_digest == runs[1].merged_digest
