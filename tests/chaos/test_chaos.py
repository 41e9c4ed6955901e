"""One process of the real stack is killed, frozen or cut off, or a disk is full, at a random moment: the run ends as if nothing had been.

`make chaos` makes a hundred trials of it; COPD_CHAOS_SEEDS picks them ("0-99", or "17" to see one again).
"""

from __future__ import annotations

import os

import pytest

from copd_engine.local import LocalRun
from tests.chaos.faults import FAULTS, Fault, fault_of
from tests.embedded import Stack, eventually
from tests.undisturbed import MINIATURE, assert_same, local_run

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


def seeds() -> range:
    first, _, last = os.environ.get("COPD_CHAOS_SEEDS", "0-9").partition("-")
    return range(int(first), int(last or first) + 1)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> LocalRun:
    return local_run(MINIATURE, tmp_path_factory.mktemp("local"))


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


@pytest.mark.parametrize("seed", seeds())
def test_a_disturbed_run_ends_as_if_nothing_had_been(stack: Stack, local: LocalRun, seed: int) -> None:
    fault = fault_of(seed)
    if fault.kind == "fill" and os.geteuid() != 0:
        pytest.skip("only root may mount the disk that is to become full")
    print(f"seed {seed}: {fault}")  # noqa: T201 – shown when the trial fails
    run = stack.client.create_run(MINIATURE)
    with fault.staged(stack, run.id):
        eventually(lambda: has_come(stack, run.id, fault), seconds=300)
        fault.strike(stack, run.id)
        eventually(lambda: is_complete(stack, run.id, fault), seconds=300)
        assert_same(stack, run.id, local)
        assert stuck(stack, run.id) == []


def test_every_fault_has_its_seed() -> None:
    assert {(fault.kind, fault.victim) for fault in map(fault_of, range(len(FAULTS)))} == set(FAULTS)
    assert fault_of(3) == fault_of(3)
