"""How many workers a machine gets, and what each of them holds: one GPU, or one CPU core."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

MEMORY_PER_CPU_WORKER = 1 << 30
"""Bytes. A child with torch and a small model takes about 0.6 GiB."""


class GpusError(Exception):
    """`--gpus` asks for GPUs that are not there."""


@dataclass(frozen=True)
class Slot:
    """One worker's device set, as environment variables."""

    name: str
    environment: dict[str, str]


def slots(count: int | None, threads: int, gpus: Sequence[str] | None = None) -> list[Slot]:
    """One slot per GPU where there are any, else one per CPU core. `count` overrides the number; GPUs are then dealt out in turn.

    gpus: those to use, as `chosen_gpus` gives them; None: all there are.
    """
    gpus = visible_gpus() if gpus is None else gpus
    if count is None:
        count = len(gpus) or _cpu_workers(threads)
    return [_slot(number, gpus[number % len(gpus)] if gpus else None, threads) for number in range(count)]


def chosen_gpus(wanted: str) -> list[str]:
    """What `--gpus` means: `all`, which must be some, or ids as `nvidia-smi -L` lists them, such as `0,2`. Raises GpusError."""
    there = visible_gpus()
    if wanted.strip() == "all":
        if not there:
            raise GpusError("--gpus all: there is no GPU here, or no NVIDIA driver; without --gpus, workers use the CPU")
        return there
    chosen = [gpu.strip() for gpu in wanted.split(",")]
    if unknown := [gpu for gpu in chosen if gpu not in there]:
        raise GpusError(f"--gpus {wanted}: there is no '{unknown[0]}' here; there is {', '.join(there) or 'no GPU at all'}")
    if len(set(chosen)) < len(chosen):
        raise GpusError(f"--gpus {wanted}: each GPU once; for several workers on one GPU add --workers")
    return chosen


def visible_gpus() -> list[str]:
    """GPU ids that CUDA_VISIBLE_DEVICES may name; empty without an NVIDIA driver."""
    if (given := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [gpu.strip() for gpu in given.split(",") if gpu.strip()]
    try:
        listing = subprocess.run(["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return []
    return listing.stdout.split()


def _cpu_workers(threads: int) -> int:
    cores = len(os.sched_getaffinity(0)) // threads
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // MEMORY_PER_CPU_WORKER
    return max(1, min(cores, memory))


def _slot(number: int, gpu: str | None, threads: int) -> Slot:
    name = f"worker-{number + 1}"
    environment = {"COPD_WORKER_THREADS": str(threads)}
    if gpu is not None:
        environment["CUDA_VISIBLE_DEVICES"] = gpu
    if port := os.environ.get("COPD_METRICS_PORT"):
        environment["COPD_METRICS_PORT"] = str(int(port) + number + 1)  # one address, one port each
    return Slot(name, environment)
