"""The scheduler over real PostgreSQL and Valkey, with simulated workers."""

from __future__ import annotations

import random

import pytest
from sqlalchemy import text

from server.commands import command, edit_controls, force, request_export
from server.scheduler.judge import MAX_LOST
from server.scheduler.leader import LeadershipLostError
from server.states import Trigger
from tests.server.simulated_outcome import Undisturbed
from tests.server.simulation import World, small_spec
from worker import bus

pytestmark = pytest.mark.integration
WORKERS = ("w1", "w2")


@pytest.fixture
def workers(world: World) -> tuple[str, ...]:
    for name in WORKERS:
        world.add_worker(name)
    return WORKERS


def give(world: World, run: str, trigger: Trigger) -> None:
    with world.backend.sessions() as session:
        command(session, run, trigger, "ann")


def advance_to(world: World, run: str, kind: str) -> str:
    """Works until a worker has begun a segment of this kind; returns the worker."""
    while True:
        world.tick()
        for worker in WORKERS:
            if worker in world.inboxes:
                attempt = world.begin(worker)
                if attempt.segment.kind == kind and attempt.job.run == run:
                    world.tick()
                    return worker
                world.finish(worker)


def test_a_run_comes_to_what_its_plan_says(world: World, workers: tuple[str, ...]) -> None:
    spec = small_spec()
    run = world.submit(spec)
    world.complete(run, workers)
    expected = Undisturbed(spec)
    assert world.run(run).state == "completed"
    assert world.merged_digest(run) == expected.merged_digest
    assert world.points(run) == expected.rewards
    assert {attempt.state for attempt in world.attempts(run)} == {"done"}


def test_without_a_worker_the_run_says_what_it_waits_for(world: World) -> None:
    run = world.submit()
    world.tick()
    world.tick()
    assert world.run(run).waiting_for == "a worker: none is running"
    assert world.lines(run).count("waiting for a worker: none is running") == 1
    world.add_worker("w1")
    world.tick()
    assert world.run(run).waiting_for is None
    assert world.run(run).state == "running"


def test_a_worker_gets_one_segment_at_a_time(world: World, workers: tuple[str, ...]) -> None:
    run = world.submit()
    for _ in range(3):
        world.tick()
    assert sorted(attempt.worker for attempt in world.attempts(run)) == list(workers)


def test_a_run_stays_with_workers_like_its_first(world: World) -> None:
    world.add_worker("w1", fingerprint="cpu-1")
    run = world.submit()
    world.tick()
    world.add_worker("w2", fingerprint="gpu")
    world.tick()
    assert [attempt.worker for attempt in world.attempts(run)] == ["w1"]
    world.finish("w1")
    world.redis.delete(bus.worker_key("w1"))
    world.tick()
    assert "a worker like the one it began on (cpu-1)" in (world.run(run).waiting_for or "")


def test_the_run_with_the_higher_priority_goes_first(world: World) -> None:
    first, urgent = world.submit(), world.submit(small_spec(priority=5))
    world.add_worker("w1")
    world.tick()
    assert world.attempts(first) == []
    assert len(world.attempts(urgent)) == 1


@pytest.mark.parametrize("told", [True, False])
def test_a_lost_attempt_is_sent_again_from_its_last_state(world: World, workers: tuple[str, ...], told: bool) -> None:
    spec = small_spec(rlvr={"steps": 6})
    run = world.submit(spec)
    worker = advance_to(world, run, "rlvr")
    lost = world.running[worker]
    for _ in range(3):
        lost.step()  # a state is stored at step 2
    world.record()
    world.lose(worker, told=told)
    world.report(worker)
    world.notice()
    [attempt] = [a for a in world.attempts(run) if a.id == lost.job.attempt]
    assert (attempt.state, attempt.stored_step) == ("lost", 2)
    orders: dict[bytes, bytes] = world.redis.hgetall(bus.orders_key(worker))  # pyright: ignore[reportAssignmentType]
    assert orders == {str(attempt.id).encode(): b"kill"}
    resumed = [job for job in world.inboxes.values() if job.segment == lost.job.segment]
    assert [job.resume for job in resumed] == [f"{lost.segment.policy}@2"]
    world.complete(run, workers)
    expected = Undisturbed(spec)
    assert world.merged_digest(run) == expected.merged_digest
    assert world.points(run) == expected.rewards


def test_a_segment_that_is_lost_too_often_fails_the_run(world: World) -> None:
    world.add_worker("w1")
    run = world.submit()
    for _ in range(MAX_LOST):
        world.tick()
        world.begin("w1")
        world.lose("w1", told=True)
        world.notice()
    world.tick()
    row = world.run(run)
    assert row.state == "failed"
    assert row.error is not None
    assert "lost 3 times" in row.error["message"]


def test_a_job_nobody_claims_is_sent_again(world: World) -> None:
    world.add_worker("w1")
    run = world.submit()
    world.tick()
    world.tick()
    assert [a.state for a in world.attempts(run)] == ["sent"]
    world.inboxes.clear()
    with world.backend.engine.begin() as connection:
        connection.execute(text("UPDATE attempts SET sent_at = now() - interval '11 s'"))
    world.record()
    world.tick()
    assert [a.state for a in world.attempts(run)] == ["lost", "sent"]


def test_a_job_that_cannot_be_sent_is_not_held_against_the_segment(world: World) -> None:
    world.add_worker("w1")
    run = world.submit()
    world.refuse.add("w1")
    for _ in range(MAX_LOST + 1):
        world.tick()
    world.refuse.clear()
    world.tick()
    assert [a.state for a in world.attempts(run)] == ["lost"] * (MAX_LOST + 1) + ["sent"]
    world.complete(run, ["w1"])
    assert world.run(run).state == "completed"


def test_a_failed_segment_lets_its_peers_finish_their_step(world: World, workers: tuple[str, ...]) -> None:
    run = world.submit(small_spec(rlvr={"steps": 6}))
    failing = advance_to(world, run, "rlvr")
    world.tick()
    peer = next(worker for worker in workers if worker != failing)
    if peer in world.inboxes:
        world.begin(peer)
    world.running[peer].step()
    world.running.pop(failing).end("failed", error="loss is not finite")
    world.tick()
    assert world.run(run).state == "failing"
    policy = world.running[peer].segment.policy
    assert world.run(run).waiting_for == f"{policy} (RLVR) on {peer} to finish its step"
    world.finish(peer)
    world.tick()
    row = world.run(run)
    assert row.state == "failed"
    assert row.error is not None
    assert row.error["message"] == "loss is not finite"
    [stopped] = [a for a in world.attempts(run) if a.worker == peer and a.state == "stopped"]
    assert stopped.stored_step or world.checkpoints(run)


def test_pause_stops_at_the_next_step_and_resume_goes_on_there(world: World, workers: tuple[str, ...]) -> None:
    spec = small_spec(rlvr={"steps": 6})
    run = world.submit(spec)
    worker = advance_to(world, run, "rlvr")
    world.running[worker].step()
    give(world, run, Trigger.pause)
    world.tick()
    assert world.run(run).state == "pausing"
    assert world.run(run).deadline is not None
    for name in workers:
        world.finish(name)
    world.tick()
    assert world.run(run).state == "paused"
    assert world.run(run).waiting_for is None
    world.tick()
    assert not world.inboxes
    give(world, run, Trigger.resume)
    world.complete(run, workers)
    assert world.merged_digest(run) == Undisturbed(spec).merged_digest
    assert world.points(run) == Undisturbed(spec).rewards


def test_cancel_ends_all_attempts(world: World, workers: tuple[str, ...]) -> None:
    run = world.submit()
    advance_to(world, run, "rlvr")
    give(world, run, Trigger.cancel)
    world.tick()
    for name in workers:
        world.finish(name)
    world.tick()
    assert world.run(run).state == "cancelled"


def test_a_deadline_is_followed_by_term_kill_and_giving_up(world: World) -> None:
    world.add_worker("w1")
    run = world.submit()
    world.tick()
    attempt = world.begin("w1").job.attempt
    world.tick()
    give(world, run, Trigger.pause)
    world.tick()
    assert world.redis.hgetall(bus.orders_key("w1")) == {}
    with world.backend.sessions() as session:
        force(session, run, "ann")
    world.tick()
    assert world.redis.hget(bus.orders_key("w1"), str(attempt)) == b"term"
    set_deadline(world, 6)
    world.tick()
    assert world.redis.hget(bus.orders_key("w1"), str(attempt)) == b"kill"
    set_deadline(world, 60)
    world.tick()
    world.tick()
    assert world.run(run).state == "paused"
    assert [a.state for a in world.attempts(run)] == ["lost"]


def test_an_attempt_that_was_told_to_end_is_not_counted_as_lost(world: World) -> None:
    world.add_worker("w1")
    run = world.submit()
    for _ in range(MAX_LOST + 1):
        world.tick()
        world.begin("w1")
        world.tick()
        give(world, run, Trigger.pause)
        world.lose("w1", told=True)
        world.notice()
        world.tick()
        assert world.run(run).state == "paused"
        give(world, run, Trigger.resume)


def test_what_a_lost_attempt_says_and_does_later_changes_nothing(world: World, workers: tuple[str, ...]) -> None:
    """It binds an edit later than its successor does, stores states and leaves a result."""
    spec = small_spec(rlvr={"steps": 6})
    run = world.submit(spec)
    worker = advance_to(world, run, "rlvr")
    zombie = world.running[worker]
    for _ in range(3):
        zombie.step()
    world.lose(worker, told=False)
    world.notice()
    with world.backend.sessions() as session:
        edit_controls(session, run, {"optimizer.lr": 0.5}, "ann", world.run(run).control_version)
    world.tick()
    while not zombie.step():
        pass
    world.record()
    world.complete(run, workers)
    expected = Undisturbed(spec, world.edits(run), world.bindings(run))
    assert [a.state for a in world.attempts(run) if a.id == zombie.job.attempt] == ["lost"]
    assert [c.step for c in world.checkpoints(run) if c.attempt_id == zombie.job.attempt] == [2]
    assert next(b.step for b in world.bindings(run) if b.policy == zombie.segment.policy) == 3
    assert world.merged_digest(run) == expected.merged_digest
    assert world.points(run) == expected.rewards


@pytest.mark.usefixtures("workers")
def test_a_second_leader_fences_the_first(world: World) -> None:
    run = world.submit()
    with world.backend.engine.begin() as connection:
        connection.execute(text("UPDATE leader SET epoch = epoch + 1"))
    with pytest.raises(LeadershipLostError):
        world.tick()
    assert world.attempts(run) == []
    assert world.run(run).state == "queued"


def test_an_edit_is_acknowledged_bound_and_replayed(world: World, workers: tuple[str, ...]) -> None:
    spec = small_spec(rlvr={"steps": 6})
    run = world.submit(spec)
    worker = advance_to(world, run, "rlvr")
    attempt = world.running[worker]
    attempt.step()
    with world.backend.sessions() as session:
        edit_controls(session, run, {"optimizer.lr": 0.5}, "ann", world.run(run).control_version)
    world.tick()
    attempt.step()
    world.record()
    [edit] = world.edits(run)
    assert edit.acknowledged_at is not None
    assert next(b for b in world.bindings(run) if b.policy == attempt.segment.policy).step == 2
    effective = f"optimizer.lr: {edit.old} → 0.5 is effective at step 2 of {attempt.segment.policy}"
    assert world.lines(run).count(effective) == 1
    world.lose(worker, told=True)
    world.complete(run, workers)
    assert world.lines(run).count(effective) == 1, "the attempt after it repeats the step"
    expected = Undisturbed(spec, world.edits(run), world.bindings(run))
    assert expected.merged_digest != Undisturbed(spec).merged_digest
    assert world.merged_digest(run) == expected.merged_digest
    assert world.points(run) == expected.rewards


def test_an_edit_of_a_run_without_attempts_is_acknowledged_by_the_scheduler(world: World) -> None:
    run = world.submit()
    with world.backend.sessions() as session:
        edit_controls(session, run, {"optimizer.lr": 0.5}, "ann", 1)
    world.tick()
    assert world.edits(run)[0].acknowledged_at is not None
    assert world.run(run).acknowledged_version == 2


def test_structure_edits_act_from_the_first_free_round(world: World, workers: tuple[str, ...]) -> None:
    spec = small_spec()
    run = world.submit(spec)
    advance_to(world, run, "rlvr")
    with world.backend.sessions() as session:
        edits = edit_controls(session, run, {"opd.steps": 4, "rounds": 3}, "ann", world.run(run).control_version)
    assert {edit.round for edit in edits} == {1}
    world.complete(run, workers)
    assert world.merged_digest(run) == Undisturbed(spec, world.edits(run)).merged_digest


def test_the_log_tells_once_when_a_structure_edit_takes_effect(world: World, workers: tuple[str, ...]) -> None:
    run = world.submit()
    advance_to(world, run, "rlvr")
    with world.backend.sessions() as session:
        edit_controls(session, run, {"rlvr.steps": 4}, "ann", world.run(run).control_version)
    effective = "rlvr.steps: 3 → 4 is effective: round 2 begins"
    assert effective not in world.lines(run)
    world.complete(run, workers)
    assert world.lines(run).count(effective) == 1


def test_an_export_of_a_finished_run_leaves_its_state_alone(world: World, workers: tuple[str, ...]) -> None:
    run = world.submit()
    world.complete(run, workers)
    with world.backend.sessions() as session:
        export = request_export(session, run, "merged", None, "ann")
    world.tick()
    for worker in workers:
        world.finish(worker)
    world.tick()
    assert world.segment(run, export.segment_key).state == "done"
    asked, ready = world.lines(run)[-2:]
    assert (asked, ready) == ("asked for the export of merged at step 10", "exported merged at step 10: it can be downloaded")
    assert world.run(run).state == "completed"
    with world.backend.sessions() as session:
        again = request_export(session, run, "merged", None, "ann")
    assert again.id == export.id
    assert again.path is not None


@pytest.mark.parametrize("seed", range(5))
def test_whatever_happens_a_run_comes_to_what_its_plan_says(world: World, workers: tuple[str, ...], seed: int) -> None:
    """Any order of work, losses, pauses, edits, lost streams, and the scheduler killed at any statement."""
    spec = small_spec()
    run, dice, lost = world.submit(spec), random.Random(seed), 0
    while world.run(run).ended_at is None:
        world.tick_or_die()
        world.forget_unclaimed()
        match dice.choices(["work", "lose", "pause", "edit", "kill", "flush"], [60, 6, 5, 8, 20, 4])[0]:
            case "work":
                for worker in dice.choices(workers, k=3):
                    world.work(worker)
            case "lose" if world.running and lost < MAX_LOST - 1:
                lost += 1
                world.record()
                world.lose(dice.choice(sorted(world.running)), told=True)
            case "pause" if world.run(run).state == "running":
                give(world, run, Trigger.pause)
            case "edit" if world.run(run).state == "running":
                path = dice.choice(["optimizer.lr", "w.image.video", "rlvr.temperature"])
                with world.backend.sessions() as session:
                    edit_controls(
                        session, run, {path: dice.random() + 0.01 if path != "optimizer.lr" else 0.1}, "ann", world.run(run).control_version
                    )
            case "kill":
                world.kill_at(dice.randrange(60))
            case "flush":
                world.redis.delete(bus.run_stream(run), bus.control_key(run))
            case _:
                pass
        if world.run(run).state == "paused":
            give(world, run, Trigger.resume)
    world.settle_recorder()
    expected = Undisturbed(spec, world.edits(run), world.bindings(run))
    assert world.run(run).state == "completed"
    assert world.merged_digest(run) == expected.merged_digest
    assert world.points(run) == expected.rewards


def set_deadline(world: World, seconds_ago: int) -> None:
    with world.backend.engine.begin() as connection:
        connection.execute(text("UPDATE runs SET deadline = now() - make_interval(secs => :ago)"), {"ago": seconds_ago})
