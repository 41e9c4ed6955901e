"""What a process keeps in memory between segments, so that the next one need not load it again.

It changes no bit: what is kept under a checkpoint's path is exactly what loading that checkpoint would give.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch

from copd_engine import spec
from copd_engine.domains import Domain, build_domain
from copd_engine.expert import Expert
from copd_engine.loading import TINY
from copd_engine.policy import Policy
from copd_engine.reach import EVERYWHERE, Reach
from copd_engine.seat import Seat

Key = tuple[str, str]
"""Run and checkpoint folder below it."""


class PolicyCache:
    """The base model, the domains, and the policies used last: at most `capacity` snapshots and `capacity` experts with their optimizer.

    reach: where models and data may come from.
    """

    def __init__(self, capacity: int = 4, reach: Reach = EVERYWHERE) -> None:
        self.capacity, self._reach = capacity, reach
        self.progress: Callable[[], None] = lambda: None
        """Called for each tensor that is loaded or copied; an attempt puts its own here."""
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._seat = None if self._device == "cpu" else Seat()
        self._bases: dict[spec.Model, Policy] = {}
        self._fixed: dict[spec.Model, Policy] = {}
        self._domains: dict[tuple[str, str], Domain] = {}
        self._snapshots: OrderedDict[Key, Policy] = OrderedDict()
        self._experts: OrderedDict[Key, Expert] = OrderedDict()

    def base(self, model: spec.Model) -> Policy:
        """The model every policy starts from. Not to be trained: see `copy_of_base`."""
        if model not in self._bases:
            self._bases.clear()
            self._bases[model] = self._load(model)
        return self._bases[model]

    def fixed(self, model: spec.Model) -> Policy:
        """A model that only teaches. All of a run's are kept: they change no more."""
        if model not in self._fixed:
            self._make_room()
            self._fixed[model] = self._load(model)
        self._place(self._fixed[model], teaches=True)
        return self._fixed[model]

    def copy_of_base(self, model: spec.Model) -> Policy:
        """A policy with the base's weights in parameters of its own, to be trained or overwritten."""
        base = self.base(model)
        copies: dict[int, Any] = {}  # made one by one, and then found by deepcopy
        for tensor in (*base.model.parameters(), *base.model.buffers()):
            copies[id(tensor)] = copy.deepcopy(tensor)
            self.progress()
        return Policy(copy.deepcopy(base.model, copies), base.processor, base.dtype)

    def learner(self, model: spec.Model, seed: int) -> Policy:
        """What every expert starts as: a copy of the base, or the base itself under an adapter of its own."""
        if model.lora is None:
            return self.copy_of_base(model)
        from copd_engine.lora import with_adapter  # peft takes seconds to import

        return with_adapter(self.base(model), model.lora, seed)

    def domain(self, name: str, source: spec.Domain) -> Domain:
        """A domain, built once. Raises ValueError, naming the field, for tasks or data that cannot be used."""
        key = (name, source.model_dump_json())
        if key not in self._domains:
            self._domains[key] = build_domain(name, source, self._reach)
        return self._domains[key]

    def snapshot(self, key: Key, load: Callable[[], Policy], *, teaches: bool = False) -> Policy:
        """The policy at a checkpoint, to look at only: from memory, or `load`ed. One that `teaches` is on a GPU only while it is used."""
        if key in self._experts:
            return self._experts[key].policy
        policy = self._snapshots.pop(key, None)
        if policy is None:
            if teaches:
                self._make_room()
            policy = load()
        self._place(policy, teaches=teaches)
        self._snapshots[key] = policy
        _trim(self._snapshots, self.capacity)
        return policy

    def take_expert(self, key: Key) -> Expert | None:
        """Hands an expert out for training; it is no longer at this checkpoint then, so the cache forgets it."""
        return self._experts.pop(key, None)

    def keep_expert(self, key: Key, expert: Expert) -> None:
        """Keeps an expert as the checkpoint it equals, for `take_expert`."""
        self._experts[key] = expert
        _trim(self._experts, self.capacity)

    def forget(self) -> None:
        """Drops all policies but the base, to make room."""
        self._make_room()
        self._fixed.clear()
        self._snapshots.clear()
        self._experts.clear()

    def _load(self, model: spec.Model) -> Policy:
        if model.path != TINY and (refused := self._reach.problem("model", model.path)):
            raise ValueError(f"model.path: {refused}")
        return Policy.load(model.path, self._device, getattr(torch, model.dtype), self.progress)

    def _make_room(self) -> None:
        if self._seat is not None:
            self._seat.leave()

    def _place(self, policy: Policy, *, teaches: bool) -> None:
        """On a GPU, puts a policy where it will compute: teachers in turn in their one seat, a student beside it. Adapters are small."""
        if self._seat is None or policy.has_adapter:
            return
        if policy.seat is not None and not teaches:
            self._seat.leave()
            policy.model.to(policy.device)
        policy.seat = self._seat if teaches else None
        if teaches:
            self._seat.take(policy)


def _trim(kept: OrderedDict[Key, Any], capacity: int) -> None:
    """Forgets those used longest ago."""
    while len(kept) > capacity:
        kept.popitem(last=False)
