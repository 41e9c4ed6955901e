"""Only the policy in use is on the device. `meta`, a device without memory, stands for the GPU's other side where a test needs two."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from copd_engine.cache import PolicyCache
from copd_engine.domains import Prompt
from copd_engine.policy import Policy
from copd_engine.seat import Seat
from copd_engine.spec import Lora, RunSpec


class Journal(Seat):
    """Writes down who came and went, and moves nobody: on a CPU there is nowhere to go."""

    def __init__(self) -> None:
        super().__init__()
        self.moves: list[str] = []

    def watch(self, name: str, policy: Policy) -> Policy:
        policy = Policy(copy.copy(policy.model), policy.processor)
        policy.seat = self
        policy.model.to = lambda device: self.moves.append(f"{name} to {'device' if device is policy.device else 'rest'}")
        return policy


def test_whoever_computes_takes_the_seat(policy: Policy, prompts: list[Prompt]) -> None:
    seat = Journal()
    one, other = seat.watch("one", policy), seat.watch("other", policy)
    with torch.no_grad():
        for teacher in (one, one, other, one):
            teacher.logits(teacher.prefill(teacher.encode(prompts[:1])).first)
    assert seat.moves == ["one to device", "one to rest", "other to device", "other to rest", "one to device"]
    seat.leave()
    seat.leave()
    assert seat.moves[-1] == "one to rest"
    assert len(seat.moves) == 6


def test_a_policy_that_leaves_takes_its_tensors_along(mini: Path) -> None:
    policy = Policy.load(mini)
    seat = Seat(waiting="meta")
    seat.take(policy)
    assert {tensor.device.type for tensor in policy.tensors().values()} == {"cpu"}
    seat.leave()
    assert {tensor.device.type for tensor in policy.tensors().values()} == {"meta"}


def test_a_cpu_has_room_for_all(small: Callable[..., RunSpec]) -> None:
    cache = PolicyCache()
    assert cache.fixed(small().model).seat is None


def test_teachers_are_seated_and_students_are_not(small: Callable[..., RunSpec], monkeypatch: pytest.MonkeyPatch) -> None:
    cache, spec = PolicyCache(), small()
    seat = Seat(waiting="meta")
    monkeypatch.setattr(cache, "_seat", seat)

    def place(policy: Policy) -> str:
        return next(iter(policy.tensors().values())).device.type

    fixed = cache.fixed(spec.model)
    assert place(fixed) == "cpu"
    student = cache.snapshot(("r", "student"), lambda: cache.copy_of_base(spec.model))
    teacher = cache.snapshot(("r", "teacher"), lambda: cache.copy_of_base(spec.model), teaches=True)
    assert (place(fixed), place(student), place(teacher)) == ("meta", "cpu", "cpu")
    assert fixed.seat is teacher.seat is seat
    assert student.seat is cache.learner(spec.model, 0).seat is cache.base(spec.model).seat is None
    with_lora = spec.model.model_copy(update={"lora": Lora(rank=2)})
    assert cache.snapshot(("r", "adapter"), lambda: cache.learner(with_lora, 0), teaches=True).seat is None


def test_a_teacher_may_become_a_student(small: Callable[..., RunSpec], monkeypatch: pytest.MonkeyPatch) -> None:
    cache, spec = PolicyCache(), small()
    monkeypatch.setattr(cache, "_seat", Journal())

    def load() -> Policy:
        return cache.copy_of_base(spec.model)

    policy = cache.snapshot(("r", "a"), load, teaches=True)
    assert policy.seat is not None
    cache.snapshot(("r", "b"), load, teaches=True)
    assert cache.snapshot(("r", "a"), load) is policy
    assert policy.seat is None
    assert next(iter(policy.tensors().values())).device.type == "cpu"
