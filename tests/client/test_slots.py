"""One worker per GPU, else one per core."""

from __future__ import annotations

import os

import pytest

from client.stack.slots import slots


def test_each_worker_gets_its_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    assert [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in slots(None, 1)] == ["2", "5"]


def test_more_workers_than_gpus_share_them_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    assert [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in slots(3, 1)] == ["0", "1", "0"]


def test_without_gpus_there_is_a_worker_per_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)))
    monkeypatch.setattr(os, "sysconf", lambda name: 4096 if name == "SC_PAGE_SIZE" else (64 << 30) // 4096)
    assert len(slots(None, 1)) == 4
    assert len(slots(None, 3)) == 1
    assert len(slots(None, 8)) == 1
    assert [slot.name for slot in slots(2, 1)] == ["worker-1", "worker-2"]
    assert slots(2, 3)[0].environment == {"COPD_WORKER_THREADS": "3"}


def test_little_memory_means_fewer_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)))
    monkeypatch.setattr(os, "sysconf", lambda name: 4096 if name == "SC_PAGE_SIZE" else (3 << 30) // 4096)
    assert len(slots(None, 1)) == 3
