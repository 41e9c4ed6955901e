"""How busy the machine is, as workers tell it; the driver is a stand-in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from worker.bus import GpuUsage
from worker.usage import gpu_usage, parse_gpu

GIB = 1 << 30


def test_a_line_of_the_driver() -> None:
    assert parse_gpu("87, 40960, 81920, 64\n") == GpuUsage(utilisation=0.87, memory_used=40 * GIB, memory_total=80 * GIB, temperature=64)


def test_what_the_driver_cannot_tell_is_none() -> None:
    assert parse_gpu("[N/A], 1024, 2048, [Not Supported]") == GpuUsage(
        utilisation=None, memory_used=GIB, memory_total=2 * GIB, temperature=None
    )


@pytest.mark.parametrize("line", ["", "No devices were found", "1, [N/A], 2, 3", "1, 2, 3"])
def test_other_lines_are_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"memory|convert|unpack"):
        parse_gpu(line)


def test_the_workers_own_gpu_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text('#!/bin/sh\n[ "$1" = --id=2 ] && echo "5, 1024, 2048, 40"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert gpu_usage("2") == GpuUsage(utilisation=0.05, memory_used=GIB, memory_total=2 * GIB, temperature=40)
    assert gpu_usage("3") is None


def test_without_a_driver_there_is_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpu_usage("0") is None
