"""How busy the worker's machine is, and its GPU. A thread of its own looks: a driver that hangs must not cost the worker its lease."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import structlog

from worker.bus import GpuUsage, Usage

LOOK_SECONDS = 5.0
DRIVER_SECONDS = 10.0
"""How long nvidia-smi may take to answer."""
GPU_FIGURES = "utilization.gpu,memory.used,memory.total,temperature.gpu"
MIB = 1 << 20

log = structlog.get_logger(__name__)


class UsageWatch(threading.Thread):
    """Looks at everything a process like this one may see, every few seconds, until the process ends."""

    def __init__(self, folder: Path, gpu: str, process: Callable[[], int | None] = lambda: None) -> None:
        """folder: whose disk is looked at. gpu: as CUDA_VISIBLE_DEVICES names it; empty for a worker without. process: the id of the
        process that trains now, None while there is none."""
        super().__init__(name="usage", daemon=True)
        self._folder, self._gpu, self._process = folder, gpu, process
        self.latest: Usage | None = None
        """None until the first look is over."""

    def run(self) -> None:
        psutil.cpu_percent()  # from here on it counts
        while True:
            threading.Event().wait(LOOK_SECONDS if self.latest else 0.5)
            self.latest = self._look()

    def _look(self) -> Usage:
        memory, disk = psutil.virtual_memory(), psutil.disk_usage(str(self._folder))
        return Usage(
            cpu=psutil.cpu_percent() / 100,
            memory_used=memory.total - memory.available,
            memory_total=memory.total,
            disk_free=disk.free,
            gpu=gpu_usage(self._gpu) if self._gpu else None,
            process_memory=process_memory(self._process()),
        )


def process_memory(pid: int | None) -> int | None:
    """Bytes of memory that a process and all it started hold; None where there is no such process (any more)."""
    if pid is None:
        return None
    try:
        process = psutil.Process(pid)
        return sum(each.memory_info().rss for each in (process, *process.children(recursive=True)))
    except psutil.Error:
        return None


def gpu_usage(gpu: str) -> GpuUsage | None:
    """What the driver says of one GPU; None where there is none, or no driver that answers."""
    command = ["nvidia-smi", f"--id={gpu}", f"--query-gpu={GPU_FIGURES}", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=DRIVER_SECONDS)
        return parse_gpu(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        log.debug("no figures of the GPU", gpu=gpu, reason=str(error))
        return None


def parse_gpu(line: str) -> GpuUsage:
    """One line of nvidia-smi; what it cannot tell is None. Raises ValueError where that is the memory, or the line is another one."""
    utilisation, used, total, temperature = (_number(part) for part in line.split(","))
    if used is None or total is None:
        raise ValueError(f"no memory in '{line.strip()}'")
    share = None if utilisation is None else utilisation / 100
    return GpuUsage(utilisation=share, memory_used=round(used * MIB), memory_total=round(total * MIB), temperature=temperature)


def visible_gpu() -> str:
    """The GPU this worker was given; empty where it has none."""
    return os.environ.get("CUDA_VISIBLE_DEVICES", "").partition(",")[0].strip()


def _number(text: str) -> float | None:
    """None for nvidia-smi's ways to say that it does not know: [N/A], [Not Supported] …"""
    return None if text.strip().startswith("[") else float(text)
