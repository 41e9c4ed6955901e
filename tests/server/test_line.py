"""Whose turn it is: shares of the workers, limits on runs at once, and policies that are paused while their run goes on."""

from __future__ import annotations

import pytest

from copd_engine.plan import TRAINING
from copd_engine.spec import SpecError
from server.commands import Refused, command, command_policies, create_run
from server.scheduler.line import Limits
from server.states import Trigger
from tests.server.simulated_outcome import Undisturbed
from tests.server.simulation import World, small_spec

pytestmark = pytest.mark.integration
AT_WORK = ("w1", "w2")


def tell(world: World, run: str, trigger: Trigger, *policies: str) -> None:
    with world.backend.sessions() as session:
        if policies:
            command_policies(session, run, trigger, policies, "ann")
        else:
            command(session, run, trigger, "ann")


def at_work(world: World) -> set[str]:
    """Runs that have a worker now."""
    return {job.run for job in world.inboxes.values()} | {attempt.job.run for attempt in world.running.values()}


def test_two_runs_share_two_workers(world: World) -> None:
    first = world.submit()
    world.tick()
    assert at_work(world) == {first}
    second = world.submit()
    for worker in AT_WORK:
        world.finish(worker)
    for _ in range(5):
        world.tick()
        assert at_work(world) == {first, second}
        for worker in AT_WORK:
            world.finish(worker)


def test_on_one_worker_runs_that_have_begun_take_turns(world: World) -> None:
    runs = [world.submit(), world.submit()]
    world.tick()
    assert at_work(world) == set(runs)
    for worker in AT_WORK:
        world.finish(worker)
    world.report("w2", state="loading")
    turns = list[str]()
    for _ in range(6):
        world.tick()
        turns.append(world.inboxes["w1"].run)
        world.finish("w1")
    assert turns[:2] * 3 == turns
    assert set(turns) == set(runs)


def test_no_more_runs_at_once_than_allowed(world: World) -> None:
    world.limits = Limits(runs=1)
    world.restart()
    first, second = world.submit(), world.submit()
    for worker in AT_WORK:
        world.tick()
        world.finish(worker)
    world.tick()
    assert world.run(second).state == "queued"
    assert world.run(second).waiting_for == "one of the 1 running runs to end: 1 may run at once"
    world.complete(first, AT_WORK)
    world.complete(second, AT_WORK)
    assert world.merged_digest(second) == world.merged_digest(first)


def test_nobody_has_more_runs_at_once_than_allowed(world: World) -> None:
    world.limits = Limits(runs_per_user=1)
    world.restart()
    mine, next_ = world.submit(), world.submit()
    with world.backend.sessions() as session:
        theirs = create_run(session, small_spec(), "source", "bob")
    for _ in range(2):
        world.tick()
        for worker in AT_WORK:
            world.finish(worker)
    world.tick()
    states = [world.run(run).state for run in (mine, next_, theirs)]
    assert states == ["running", "queued", "running"]
    assert world.run(next_).waiting_for == "one of ann's 1 running runs to end: nobody may have more than 1"


def test_a_paused_policy_waits_while_the_others_go_on_and_nothing_else_changes(world: World) -> None:
    run = world.submit()
    world.tick()
    for worker in AT_WORK:
        world.work(worker)
        world.work(worker)
    tell(world, run, Trigger.pause, "image")
    for _ in range(30):
        world.tick()
        for worker in AT_WORK:
            world.work(worker)
        world.record()
    row = world.run(run)
    assert (row.state, row.paused_policies, row.waiting_for) == ("running", ["image"], "image to be resumed")
    stored = {(c.policy, c.step) for c in world.checkpoints(run)}
    assert ("image", 1) in stored  # it stopped at its next step and kept what it had
    assert ("video", 3) in stored
    assert "paused image" in world.lines(run)
    tell(world, run, Trigger.resume)
    assert (world.run(run).paused_policies, world.run(run).waiting_for) == ([], None)
    assert "resumed image" in world.lines(run)
    world.complete(run, AT_WORK)
    assert world.merged_digest(run) == Undisturbed(small_spec()).merged_digest
    resumed = [a for a in world.attempts(run) if a.segment_key == "rlvr.image@0"]
    assert [attempt.start_step for attempt in resumed] == [0, 1]


def test_only_training_is_held_back(world: World) -> None:
    run = world.submit()
    tell(world, run, Trigger.pause, "image", "video")
    for _ in range(5):
        world.tick()
        for worker in AT_WORK:
            world.finish(worker)
    kinds = {attempt.segment_key.partition(".")[0] for attempt in world.attempts(run)}
    assert kinds == {"evaluate"}
    assert not kinds & {kind.value for kind in TRAINING}
    tell(world, run, Trigger.resume, "image")
    world.tick()
    assert {job.segment.policy for job in world.inboxes.values()} == {"image"}


def test_what_cannot_pause_is_refused(world: World) -> None:
    run = world.submit()
    with pytest.raises(SpecError, match="policy: 'merged' does not train in this run; image, video do"):
        tell(world, run, Trigger.pause, "image", "merged")
    assert world.run(run).paused_policies == []
    tell(world, run, Trigger.cancel)
    with pytest.raises(Refused, match="a run that is cancelled trains no policy that could pause"):
        tell(world, run, Trigger.pause, "image")


def test_how_long_a_pause_took_is_kept(world: World) -> None:
    run = world.submit()
    world.tick()
    tell(world, run, Trigger.pause)
    while world.run(run).state != "paused":
        world.tick()
        for worker in AT_WORK:
            world.work(worker)
    row = world.run(run)
    assert row.pause_seconds is not None
    assert row.pause_seconds > 0
    assert f"pausing → paused: {row.pause_seconds:.1f} s after it was asked for, before the first step" in world.lines(run)


def test_a_pause_says_in_the_log_after_which_steps_it_goes_on(world: World) -> None:
    run = world.submit()
    world.tick()
    while not world.checkpoints(run):
        for worker in AT_WORK:
            world.work(worker)
        world.tick()
    tell(world, run, Trigger.pause)
    while world.run(run).state != "paused":
        for worker in AT_WORK:
            world.work(worker)
        world.tick()
    reached = {c.policy: c.step for c in sorted(world.checkpoints(run), key=lambda c: c.step) if c.has_state}
    words = ", ".join(f"{step} of {policy}" for policy, step in sorted(reached.items()))
    assert reached
    assert any(line.endswith(f"it was asked for, after step {words}") for line in world.lines(run))
