"""One worker per GPU, else one per core."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from client.stack.slots import GpusError, chosen_gpus, slots


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


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine with three GPUs, as nvidia-smi would list them."""
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\nprintf '0\\n1\\n2\\n'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.usefixtures("driver")
@pytest.mark.parametrize(("wanted", "expected"), [("all", ["0", "1", "2"]), ("0,2", ["0", "2"]), ("1", ["1"])])
def test_gpus_gives_each_a_worker(wanted: str, expected: list[str]) -> None:
    found = slots(None, 1, chosen_gpus(wanted))
    assert [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in found] == expected


@pytest.mark.usefixtures("driver")
@pytest.mark.parametrize(("wanted", "words"), [("0,7", "there is no '7' here; there is 0, 1, 2"), ("0,0", "each GPU once"), ("", "no ''")])
def test_gpus_that_are_not_there_are_refused(wanted: str, words: str) -> None:
    with pytest.raises(GpusError, match=re.escape(words)):
        chosen_gpus(wanted)


@pytest.mark.parametrize("wanted", ["all", "0"])
def test_gpus_without_any_is_an_error_and_no_cpu_worker(monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(GpusError, match="no GPU"):
        chosen_gpus(wanted)


def test_workers_of_one_machine_serve_metrics_at_ports_in_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("COPD_METRICS_PORT", "9200")
    assert [slot.environment["COPD_METRICS_PORT"] for slot in slots(2, 1)] == ["9201", "9202"]
