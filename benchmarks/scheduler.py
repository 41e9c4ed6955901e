"""The scheduler at scale: a thousand workers, ten thousand queued runs. `python -m benchmarks.scheduler --workers 1000 --runs 10000`.

The scheduler's own process, a real PostgreSQL and a real Valkey, all empty at first; the workers are coroutines of this process that
speak the bus and sleep (benchmarks/simulated_workers.py). First all workers are idle and all runs queued: how soon everybody has work.
Then, for each length of a segment: how many segments per second are sent, how long a worker that has ended one waits for the next, and
how many CPU seconds that takes in each process. Where they share their cores with the simulation, CPU says more than the clock.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.simulated_workers import Fleet
from copd_engine.store import open_store
from server.commands import create_run
from tests.server.backend import Backend, running_backend
from tests.server.simulation import small_spec

LONGEST_START_SECONDS = 600.0
FIRST_SEGMENT_SECONDS = 30.0


class Processes:
    """The CPU seconds so far of each part."""

    def __init__(self, backend: Backend, scheduler: int) -> None:
        me = psutil.Process()
        database = next(child for child in me.children() if "postgres" in child.name())
        assert backend.valkey.process
        self._parts = {"scheduler": scheduler, "postgres": database.pid, "valkey": backend.valkey.process.pid, "workers": me.pid}

    def cpu(self) -> dict[str, float]:
        return {part: _cpu(psutil.Process(pid), family=part == "postgres") for part, pid in self._parts.items()}


def submit(backend: Backend, runs: int) -> float:
    """Queues the runs as the API does. Returns how many per second."""
    began = time.perf_counter()
    for number in range(runs):
        with backend.sessions() as session:
            create_run(session, small_spec(name=f"run-{number}", rounds=1), "simulated", "ann")
    return runs / (time.perf_counter() - began)


@contextmanager
def scheduling(log: Path) -> Iterator[int]:
    """A scheduler process; its pid."""
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-m", "server", "scheduler"], stdout=output, stderr=output)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait()


async def measured(backend: Backend, options: argparse.Namespace, log: Path) -> list[dict[str, Any]]:
    """One dictionary per phase."""
    fleet = Fleet(backend.settings.redis_url, open_store(backend.settings.store_url), options.workers)
    fleet.seconds = FIRST_SEGMENT_SECONDS
    working = asyncio.create_task(fleet.work())
    await asyncio.sleep(2)  # everybody has reported
    with scheduling(log) as pid:
        processes = Processes(backend, pid)
        phases = [await everybody_starts(fleet, processes, options.workers)]
        phases += [await steady(fleet, processes, seconds, options.measure) for seconds in options.seconds]
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working
    return phases


async def everybody_starts(fleet: Fleet, processes: Processes, workers: int) -> dict[str, Any]:
    """From the scheduler's start to the moment at which every worker has had a message."""
    async with asyncio.timeout(LONGEST_START_SECONDS):
        await fleet.until(1)
        cpu, began, first = processes.cpu(), time.perf_counter(), fleet.received
        await fleet.until(workers)
    return _phase("all workers idle", fleet.received - first, time.perf_counter() - began, cpu, processes.cpu(), [])


async def steady(fleet: Fleet, processes: Processes, seconds: float, measure: float) -> dict[str, Any]:
    """Once the segments that were under way before are over."""
    before, fleet.seconds = fleet.seconds, seconds
    await asyncio.sleep(1.5 * before + 5)
    cpu, began, sent, gaps = processes.cpu(), time.perf_counter(), fleet.received, len(fleet.gaps)
    await asyncio.sleep(measure)
    took = time.perf_counter() - began
    return _phase(f"segments of {seconds:g} s", fleet.received - sent, took, cpu, processes.cpu(), fleet.gaps[gaps:])


def _phase(name: str, sent: int, seconds: float, before: dict[str, float], after: dict[str, float], gaps: list[float]) -> dict[str, Any]:
    ordered = sorted(gaps)
    return {
        "phase": name,
        "sent": sent,
        "per_second": sent / seconds,
        "gap_p50": statistics.median(ordered) if ordered else None,
        "gap_p99": ordered[int(0.99 * len(ordered))] if ordered else None,
        "cpu_share": {part: (after[part] - before[part]) / seconds for part in after},
        "cpu_per_segment": {part: (after[part] - before[part]) / max(1, sent) for part in after},
    }


def _cpu(process: psutil.Process, *, family: bool) -> float:
    """User and system time; of a family, that of its living children and of those that ended too."""
    total = sum(process.cpu_times()[:4] if family else process.cpu_times()[:2])
    for child in process.children() if family else ():
        with suppress(psutil.NoSuchProcess):
            total += sum(child.cpu_times()[:2])
    return total


def table(phases: list[dict[str, Any]], title: str) -> Table:
    columns = ("phase", "segments/s", "worker waits p50", "p99", "scheduler CPU", "per segment", "postgres", "valkey", "workers")
    shown = Table(*columns, title=title)
    for phase in phases:
        share, each = phase["cpu_share"], phase["cpu_per_segment"]
        shown.add_row(
            phase["phase"], f"{phase['per_second']:.1f}", _milliseconds(phase["gap_p50"]), _milliseconds(phase["gap_p99"]),
            f"{share['scheduler']:.0%}", _milliseconds(each["scheduler"]), f"{share['postgres']:.0%}", f"{share['valkey']:.0%}",
            f"{share['workers']:.0%}",
        )  # fmt: skip
    return shown


def _milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{1000 * seconds:,.0f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, nargs="+", default=[60.0, 20.0, 0.0], help="average lengths of a segment, in turn")
    parser.add_argument("--measure", type=float, default=60.0, help="seconds to look at each")
    parser.add_argument("--out", type=Path, help="write the figures there as JSON")
    options = parser.parse_args()
    with running_backend() as backend:
        submitted = submit(backend, options.runs)
        phases = asyncio.run(measured(backend, options, backend.settings.home / "scheduler.log"))
        log = (backend.settings.home / "scheduler.log").read_text()
    machine = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    title = f"{options.workers:,} workers, {options.runs:,} runs ({submitted:.0f} submitted/s), {machine}"
    console = Console(width=160)
    console.print(table(phases, title))
    console.print(*[line for line in log.splitlines() if "starting_over" in line or "Traceback" in line], sep="\n")
    if options.out:
        options.out.write_text(json.dumps({"machine": title, "phases": phases}, indent=1) + "\n")


if __name__ == "__main__":
    main()
