"""What can go wrong with one process of a running stack, chosen by a seed."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import psutil
import redis

from tests.chaos.disk import Disk, own_disk
from tests.embedded import Stack

Kind = Literal["kill", "freeze", "cut", "fill"]
LONGEST_FREEZE: Final = 25.0
"""Seconds; leases last 10, so that some frozen processes wake up in a world that has given them up."""

# One seed after the other meets every fault; the most telling come first.
FAULTS: Final[tuple[tuple[Kind, str], ...]] = (
    ("kill", "worker"),
    ("freeze", "child"),
    ("kill", "scheduler"),
    ("kill", "postgres"),
    ("kill", "valkey"),
    ("freeze", "scheduler"),
    ("kill", "child"),
    ("cut", "valkey"),
    ("freeze", "worker"),
    ("kill", "api"),
    ("freeze", "valkey"),
    ("freeze", "postgres"),
    ("freeze", "api"),
    ("fill", "store"),
)


@dataclass(frozen=True)
class Fault:
    """`kill`: SIGKILL. `freeze`: SIGSTOP for some seconds. `cut`: every connection to Valkey is dropped. `fill`: the run's disk is full
    for some seconds.

    after: share of the run's steps that are done when it comes. delay: seconds more, so that it may hit any line. worker: which one.
    """

    kind: Kind
    victim: str
    worker: int
    after: float
    delay: float
    seconds: float

    def __str__(self) -> str:
        lasts = f" for {self.seconds:.1f} s" if self.kind in ("freeze", "fill") else ""
        which = f" {self.worker}" if self.victim in ("worker", "child") else ""
        return f"{self.kind} {self.victim}{which}{lasts} {self.delay:.2f} s after {self.after:.0%} of the steps"

    @contextlib.contextmanager
    def staged(self, stack: Stack, run_id: str) -> Iterator[None]:
        """What has to be so while the run goes on: a disk that is to become full is one of its own."""
        if self.kind != "fill":
            yield
            return
        stack.client.command(run_id, "pause")
        stack.wait_for(run_id, "paused")
        with own_disk(stack.home.store / "runs" / run_id):
            stack.client.command(run_id, "resume")
            yield

    def strike(self, stack: Stack, run_id: str) -> None:
        """Does it, and returns when it is over; the stack has still to recover."""
        time.sleep(self.delay)
        if self.kind == "fill":
            disk = Disk(stack.home.store / "runs" / run_id)
            disk.fill()
            time.sleep(self.seconds)
            disk.free()
            return
        if self.kind == "cut":
            _cut(stack.info.redis_url)
            return
        pids = self._pids(stack)
        for pid in pids:
            os.kill(pid, signal.SIGSTOP if self.kind == "freeze" else signal.SIGKILL)
        if self.kind == "freeze":
            time.sleep(self.seconds)
            for pid in pids:
                if psutil.pid_exists(pid):  # the supervisor or a worker may have ended it meanwhile
                    os.kill(pid, signal.SIGCONT)

    def _pids(self, stack: Stack) -> list[int]:
        """Of the victim; a frozen PostgreSQL is all of its processes, a child is what a worker computes in."""
        processes = stack.info.processes
        if self.victim == "child":
            return [child.pid for child in psutil.Process(processes[f"worker-{self.worker}"]).children(recursive=True)]
        pid = processes[f"worker-{self.worker}" if self.victim == "worker" else self.victim]
        family = psutil.Process(pid).children(recursive=True) if (self.kind, self.victim) == ("freeze", "postgres") else []
        return [pid, *(child.pid for child in family)]


def fault_of(seed: int) -> Fault:
    """The fault of one trial: a pure function of its seed."""
    kind, victim = FAULTS[seed % len(FAULTS)]
    draw = random.Random(seed)
    return Fault(
        kind, victim, worker=draw.randint(1, 2), after=draw.random(), delay=draw.uniform(0, 1.5), seconds=draw.uniform(0.5, LONGEST_FREEZE)
    )


def _cut(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        client.client_kill_filter(_type="normal", skipme=True)
        client.client_kill_filter(_type="pubsub", skipme=True)
