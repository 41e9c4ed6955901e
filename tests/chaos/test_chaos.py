"""Processes of the real stack are killed, frozen or cut off, or a disk is full, at random moments: the run ends as if nothing had been.

`make chaos` makes a hundred trials of it; COPD_CHAOS_SEEDS picks them ("0-99", or "17" to see one again).
"""

from __future__ import annotations

import contextlib
import functools
import os

import pytest

from copd_engine.local import LocalRun
from tests.chaos.faults import FAULTS, Fault, fault_of
from tests.embedded import Stack, eventually
from tests.undisturbed import MINIATURE, assert_same

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


def trials() -> list[tuple[int, ...]]:
    """The seeds of the faults that each run meets: those asked for one by one, else ten in three runs."""
    if asked := os.environ.get("COPD_CHAOS_SEEDS"):
        first, _, last = asked.partition("-")
        return [(seed,) for seed in range(int(first), int(last or first) + 1)]
    return [tuple(range(first, 10, 3)) for first in range(3)]


def has_come(stack: Stack, run_id: str, fault: Fault) -> bool:
    """Whether so much of the run is done that it is the fault's turn."""
    run = stack.client.run(run_id)
    return run.state == "completed" or (run.state != "queued" and run.progress.steps >= fault.after * run.progress.total_steps)


def is_complete(stack: Stack, run_id: str, fault: Fault) -> bool:
    """Whether the run has completed. A full disk alone may fail it, with that reason; then it is retried, as a person would."""
    run = stack.client.run(run_id)
    if run.state == "failed" and fault.kind == "fill":
        assert run.error
        assert "the checkpoint store is full" in run.error.message
        stack.client.retry(run_id)
    return run.state == "completed"


def stuck(stack: Stack, run_id: str) -> list[tuple[str, str]]:
    """Attempts that still live and segments that are not done, of a run that is over."""
    with stack.database() as db:
        attempts = "SELECT 'attempt ' || id, state FROM attempts WHERE run_id = %s AND state IN ('sent', 'running')"
        segments = "SELECT key, state FROM segments WHERE run_id = %s AND state <> 'done'"
        return [*db.execute(attempts, (run_id,)).fetchall(), *db.execute(segments, (run_id,)).fetchall()]


@pytest.mark.parametrize("seeds", trials(), ids=lambda seeds: "-".join(map(str, seeds)))
def test_a_disturbed_run_ends_as_if_nothing_had_been(stack: Stack, miniature: LocalRun, seeds: tuple[int, ...]) -> None:
    faults = sorted(map(fault_of, seeds), key=lambda fault: fault.after)
    if os.geteuid() != 0 and any(fault.kind == "fill" for fault in faults):
        pytest.skip("only root may mount the disk that is to become full")
    run = stack.client.create_run(MINIATURE)
    with contextlib.ExitStack() as staged:
        for fault in faults:
            print(fault)  # noqa: T201 – shown when the trial fails
            staged.enter_context(fault.staged(stack, run.id))
        for fault in faults:
            eventually(functools.partial(has_come, stack, run.id, fault), seconds=300)
            fault.strike(stack, run.id)
        eventually(lambda: is_complete(stack, run.id, faults[-1]), seconds=300)
        assert_same(stack, run.id, miniature)
        assert stuck(stack, run.id) == []


def test_every_fault_has_its_seed() -> None:
    assert {(fault.kind, fault.victim) for fault in map(fault_of, range(len(FAULTS)))} == set(FAULTS)
    assert fault_of(3) == fault_of(3)
