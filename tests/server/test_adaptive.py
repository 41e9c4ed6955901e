"""The adaptive schedule through scheduler and PostgreSQL: every decision is the rule's, in time, and gives way to people."""

from __future__ import annotations

import contextlib
import random
from typing import Any

import pytest

from copd_engine.adaptive import mean_overlap, next_phase
from copd_engine.plan import TRAINING, Kind, plan
from copd_engine.spec import RunSpec, SpecError
from copd_engine.structure import TEACH, spec_of_round
from server.commands import edit_controls
from server.db.models import Edit
from server.db.segments import segment_of, structure_edits
from server.db.transition import SCHEDULER
from server.scheduler.judge import MAX_LOST
from tests.server.simulated_attempt import overlap_of
from tests.server.simulated_outcome import Undisturbed
from tests.server.simulation import World, small_spec
from worker.bus import STREAM_FIELD, Frame, run_stream

pytestmark = pytest.mark.integration
AT_WORK = ("w1", "w2")


def adaptive_spec(floor: float = 0.5, ceiling: float = 0.6, **changes: Any) -> RunSpec:
    """Simulated overlaps are anywhere in [0, 1]; with these bounds the phase changes every other round or so."""
    opd = {"steps": 2, "adaptive": {"floor": floor, "ceiling": ceiling}}
    return small_spec(**{"rounds": 8, "rlvr": {"steps": 2}, "opd": opd, "agreement": {}} | changes)


def expected_of(world: World, run: str, spec: RunSpec) -> Undisturbed:
    return Undisturbed(spec, world.edits(run), world.bindings(run))


def wanted(world: World, run: str, spec: RunSpec) -> dict[int, bool]:
    """Round → the phase the rule chooses for it, wherever it chooses one, under the run's edits."""
    edits, digests = structure_edits(world.edits(run)), expected_of(world, run, spec).digests
    chosen = {}
    for round_ in range(spec_of_round(spec, edits, 0).rounds - 1):
        held = spec_of_round(spec, edits, round_)
        looks = [s for s in plan(spec, edits) if s.kind is Kind.measure and s.round == round_]
        measured = {s.policy: {ref.policy: overlap_of(digests[s.start], digests[ref]) for ref in s.teachers} for s in looks}
        overlap = mean_overlap(held, measured)
        assert overlap is not None
        edit = next_phase(held, round_, overlap, 1)
        if edit:
            chosen[edit.round] = edit.value
    return chosen


def made(edits: list[Edit], author: str = SCHEDULER) -> dict[int | None, Any]:
    return {edit.round: edit.value for edit in edits if edit.path == TEACH and edit.author == author}


def change(world: World, run: str, **changes: Any) -> None:
    with world.backend.sessions() as session:
        edit_controls(
            session, run, {path.replace("__", "."): value for path, value in changes.items()}, "ann", world.run(run).control_version
        )


def work_until_measured(world: World, run: str, round_: int) -> None:
    """Until everything of the round that decides about the next is done, and nothing else after it."""
    looks = [s.key for s in plan(adaptive_spec()) if s.kind is Kind.measure and s.round == round_]
    while any(world.segment(run, key).state != "done" for key in looks):
        world.tick()
        for worker in AT_WORK:
            world.finish(worker)
    world.record()


def test_a_run_follows_the_schedule(world: World) -> None:
    spec = adaptive_spec(seed=1)
    run = world.submit(spec)
    world.complete(run, AT_WORK)
    edits = world.edits(run)
    assert made(edits) == wanted(world, run, spec)
    assert set(made(edits).values()) == {True, False}
    assert world.merged_digest(run) == expected_of(world, run, spec).merged_digest
    assert world.points(run) == expected_of(world, run, spec).rewards
    assert [(e.version, e.kind, e.old) for e in edits] == [(n, "structure", not e.value) for n, e in enumerate(edits, start=2)]
    assert all(edit.acknowledged_at for edit in edits)
    assert world.run(run).control_version == 1 + len(edits)


def test_a_decision_is_logged_with_its_reason_and_told_to_the_page(world: World) -> None:
    run = world.submit(adaptive_spec(0.9, 0.95))
    world.complete(run, AT_WORK)
    first = world.edits(run)[0]
    reasons = [line for line in world.lines(run) if "under the floor 0.9: teaching from round" in line]
    assert reasons
    assert reasons[0].endswith(f"from round {(first.round or 0) + 1} on")
    entries: Any = world.redis.xrange(run_stream(run))
    frames = [Frame.model_validate_json(fields[STREAM_FIELD.encode()]) for _, fields in entries]
    assert ["run", "segments", "checkpoints", "log", "edits"] in [frame.changed for frame in frames]


def test_nobody_trains_before_the_phase_is_chosen(world: World) -> None:
    """Attempts are numbered as they are sent."""
    spec = adaptive_spec()
    run = world.submit(spec)
    world.complete(run, AT_WORK)
    attempts = {attempt.segment_key: attempt.id for attempt in world.attempts(run)}
    segments = plan(spec, structure_edits(world.edits(run)))
    for round_ in range(1, spec.rounds):
        looks = [attempts[s.key] for s in segments if s.round == round_ - 1 and s.kind is Kind.measure]
        trained = [attempts[s.key] for s in segments if s.round == round_ and s.kind in TRAINING]
        assert max(looks) < min(trained)


def test_a_phase_that_a_person_chose_stands_for_its_round(world: World) -> None:
    spec = adaptive_spec(0.999, 1.0)  # always asks for teaching
    run = world.submit(spec)
    change(world, run, rounds=4)
    work_until_measured(world, run, 0)
    assert made(world.edits(run)) == {1: True}
    change(world, run, opd__adaptive__teach=False)
    world.complete(run, AT_WORK)
    assert made(world.edits(run), "ann") == {1: False}
    assert made(world.edits(run)) == {1: True, 2: True}
    assert world.merged_digest(run) == expected_of(world, run, spec).merged_digest


def test_a_person_may_be_first(world: World) -> None:
    spec = adaptive_spec(0.999, 1.0, rounds=3)
    run = world.submit(spec)
    while not any(a.segment_key.startswith("rlvr") for a in world.attempts(run)):
        world.tick()
        for worker in AT_WORK:
            world.finish(worker)
    change(world, run, opd__adaptive__teach=False)
    world.complete(run, AT_WORK)
    assert made(world.edits(run), "ann") == {1: False}
    assert made(world.edits(run)) == {2: True}
    assert world.merged_digest(run) == expected_of(world, run, spec).merged_digest


def test_a_round_added_after_the_last_measurement_gets_its_phase_by_it(world: World) -> None:
    spec = adaptive_spec(0.999, 1.0, rounds=1)
    run = world.submit(spec)
    work_until_measured(world, run, 0)
    assert world.edits(run) == []
    change(world, run, rounds=2)
    assert [(e.path, e.author, e.value) for e in world.edits(run)] == [("rounds", "ann", 2), (TEACH, SCHEDULER, True)]
    world.complete(run, AT_WORK)
    assert world.merged_digest(run) == expected_of(world, run, spec).merged_digest


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_every_decision_is_the_rules(world: World, seed: int) -> None:
    """Losses, structure edits of people, and the scheduler killed at any statement."""
    spec, dice, lost = adaptive_spec(), random.Random(seed), 0
    run = world.submit(spec)
    while world.run(run).ended_at is None:
        world.tick_or_die()
        world.forget_unclaimed()
        match dice.choices(["work", "lose", "edit", "kill"], [70, 4, 4, 22])[0]:
            case "lose" if world.running and lost < MAX_LOST - 1:
                lost += 1
                world.record()
                world.lose(dice.choice(sorted(world.running)), told=True)
            case "edit" if world.run(run).state == "running":
                with contextlib.suppress(SpecError):  # in the last round none is left to change
                    change(
                        world, run, **dice.choice([{"opd__steps": 3}, {"rlvr__steps": 1}, {"opd__sync_every": 2}, {"optimizer__lr": 0.1}])
                    )
            case "kill":
                world.kill_at(dice.randrange(80))
            case _:
                for worker in dice.choices(AT_WORK, k=3):
                    world.work(worker)
    world.settle_recorder()
    assert world.run(run).state == "completed"
    assert made(world.edits(run)) == wanted(world, run, spec)
    assert world.merged_digest(run) == expected_of(world, run, spec).merged_digest
    assert world.points(run) == expected_of(world, run, spec).rewards


def test_what_was_found_ready_and_then_planned_anew_is_not_sent(world: World) -> None:
    """The scheduler read a segment, and a person changed its length before it was sent."""
    run = world.submit(adaptive_spec())
    old = segment_of(world.segment(run, "rlvr.image@0"))
    change(world, run, rlvr__steps=7)
    [ready] = [r for r in world.ready() if r.segment.key == old.key]
    assert world.attempt_at(ready, old) is None
    job = world.attempt_at(ready, ready.segment)
    assert job
    assert job.segment.steps == 7
