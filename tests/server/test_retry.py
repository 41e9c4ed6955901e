"""A failed run goes on from its last good checkpoints, to the numbers it would have had."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from copd_engine.plan import TRAINING
from copd_engine.spec import SpecError
from server import queries
from server.commands import retry
from server.db.models import LogLine, Run
from server.scheduler.judge import MAX_LOST
from server.states import TransitionError
from tests.server.simulated_outcome import Undisturbed
from tests.server.simulation import World, small_spec

pytestmark = pytest.mark.integration
AT_WORK = ("w1",)


def failed(world: World, kind: str = "TrainingError") -> str:
    """A run whose first training segment ended in an error after its third step, of which two are stored."""
    run = world.submit(small_spec())
    while not ("w1" in world.running and world.running["w1"].segment.kind in TRAINING and world.running["w1"].at == 2):
        world.tick()
        world.work("w1")
    world.running.pop("w1").end("failed", error="loss is not finite", kind=kind)
    world.tick()
    world.tick()
    assert world.run(run).state == "failed"
    return run


def again(world: World, run: str, changes: dict[str, Any] | None = None, *, reseed: bool = False) -> str | None:
    with world.backend.sessions() as session:
        return retry(session, run, changes or {}, "bob", reseed=reseed)


def test_it_goes_on_from_its_last_state_to_the_same_numbers(world: World) -> None:
    run = failed(world, kind="OSError")
    with world.backend.sessions() as session:
        error = queries.run_view(session, world.backend.redis, run).error
    assert error is not None
    assert error.resumes_at == 2
    assert again(world, run) is None
    row = world.run(run)
    assert (row.state, row.error, row.ended_at) == ("queued", None, None)
    world.complete(run, ["w1"])
    assert world.run(run).state == "completed"
    assert world.merged_digest(run) == Undisturbed(small_spec()).merged_digest
    trained = [attempt for attempt in world.attempts(run) if attempt.segment_key.startswith("rlvr.")]
    assert [attempt.start_step for attempt in trained[:2]] == [0, 2]
    with world.backend.sessions() as session:
        [segment] = [view for view in queries.segments(session, run) if view.key == trained[0].segment_key]
    assert (segment.attempts, segment.start_step) == (2, 2)


def test_the_error_stays_in_the_log(world: World) -> None:
    run = failed(world)
    error = world.run(run).error
    again(world, run)
    with world.backend.sessions() as session:
        lines = session.scalars(select(LogLine).where(LogLine.run_id == run, LogLine.message == "failed → queued"))
        assert [line.data["error"] for line in lines] == [error]


@pytest.mark.parametrize(("changes", "reseed", "warns"), [({}, False, True), ({"optimizer.lr": 1e-5}, False, False), ({}, True, False)])
def test_a_bare_retry_of_a_numerical_failure_is_warned_of(world: World, changes: dict[str, Any], reseed: bool, warns: bool) -> None:
    run = failed(world)
    notice = again(world, run, changes, reseed=reseed)
    assert (notice is not None and "the same step will fail again" in notice) == warns
    assert [(edit.path, edit.old, edit.value) for edit in world.edits(run)] == (
        [("seed", 0, 1)] if reseed else [("optimizer.lr", 1e-4, 1e-5)] if changes else []
    )
    world.complete(run, ["w1"])
    policies = {binding.policy: binding.step for binding in world.bindings(run)}
    assert len(policies) == (0 if warns else 2)
    assert world.merged_digest(run) == Undisturbed(small_spec(), world.edits(run), world.bindings(run)).merged_digest


def test_losses_count_anew(world: World) -> None:
    run, lost = world.submit(small_spec()), []
    for failures in (1, 2):
        while world.run(run).state != "failed":
            world.tick()
            if "w1" in world.inboxes:
                world.begin("w1")
                world.lose("w1", told=True)
                world.notice()
        lost = [attempt for attempt in world.attempts(run) if attempt.state == "lost"]
        assert sum((attempt.error or {})["kind"] == "lost" for attempt in lost) == MAX_LOST
        assert len(lost) == failures * MAX_LOST
        again(world, run)


def test_a_wrong_edit_leaves_the_run_as_it_was(world: World) -> None:
    run = failed(world)
    with pytest.raises(SpecError, match=r"optimizer\.lr"):
        again(world, run, {"optimizer.lr": 2.0})
    with pytest.raises(SpecError, match="one of the two"):
        again(world, run, {"seed": 3}, reseed=True)
    row = world.run(run)
    assert row.state == "failed"
    assert row.error is not None


def test_only_a_failed_run_is_retried(world: World) -> None:
    run = world.submit(small_spec())
    with pytest.raises(TransitionError, match="a run that is queued cannot retry; allowed now: pause, cancel"):
        again(world, run)
    with world.backend.sessions() as session:
        assert session.get_one(Run, run).control_version == 1
