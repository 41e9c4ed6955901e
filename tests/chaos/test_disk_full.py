"""The checkpoint store is full: the run fails and says so, leaves nothing half-made, and a retry goes on to the same weights."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from copd_engine.local import LocalRun
from copd_engine.plan import Ref
from tests.chaos.disk import Disk, own_disk
from tests.embedded import Stack
from tests.undisturbed import MINIATURE, assert_same

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount the small file system that is to become full"),
]
SMALL = 256 << 10
"""Room for events and results, not for a checkpoint."""


def paused_run(stack: Stack) -> str:
    run = stack.client.create_run(MINIATURE).id
    stack.client.command(run, "pause")
    stack.wait_for(run, "paused")
    return run


def failure(stack: Stack, run: str) -> str:
    """Why the run failed, once it has."""
    stack.wait_for(run)
    ended = stack.client.run(run)
    assert ended.error, f"it is {ended.state}"
    return ended.error.message


def half_made(folder: Path) -> list[str]:
    """Unfinished files, checkpoints without a manifest, and event files that end inside a line."""
    checkpoints = [path for path in folder.glob("attempts/*/*@*") if not (path / "manifest.json").exists()]
    events = [path for path in folder.glob("attempts/*/events.jsonl") if (data := path.read_bytes()) and not data.endswith(b"\n")]
    return [str(path.relative_to(folder)) for path in (*folder.rglob(".*"), *checkpoints, *events)]


def test_a_full_store_fails_the_run_with_the_reason_and_a_retry_goes_on(stack: Stack, miniature: LocalRun) -> None:
    run = paused_run(stack)
    folder = stack.home.store / "runs" / run
    with own_disk(folder) as disk:
        fail_without_room(stack, run, disk)
        disk.free()
        stack.client.retry(run)
        stack.wait_for(run, "completed")
        assert_same(stack, run, miniature)
        assert {Ref.parse(path.parent.name) for path in folder.rglob("manifest.json")} == {
            (checkpoint.policy, checkpoint.step) for checkpoint in stack.client.checkpoints(run)
        }


def fail_without_room(stack: Stack, run: str, disk: Disk) -> None:
    """First no checkpoint fits, so that the attempt itself can still say why; then not even its result."""
    disk.fill(SMALL)
    stack.client.command(run, "resume")
    assert "the checkpoint store is full" in failure(stack, run)
    assert half_made(disk.folder) == []
    disk.fill()
    stack.client.retry(run)
    assert "could not leave its result: StoreFullError: the checkpoint store is full" in failure(stack, run)
    assert half_made(disk.folder) == []
