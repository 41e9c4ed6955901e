"""Forks and roll-backs: what a new run keeps of another's first rounds, and that it comes to what its recipe comes to from scratch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import pytest
from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from copd_engine.plan import TRAINING
from copd_engine.spec import RunSpec, SpecError
from server.commands import Fork, Refused, create_run, edit_controls, fork
from server.db.models import Deletion, Point, Run, Series
from server.db.session import transaction
from server.queries import recipe
from server.scheduler.retention import AFTERMATH_SECONDS, remove_runs
from tests.server.simulated_outcome import Undisturbed
from tests.server.simulation import Killed, World, small_spec

pytestmark = pytest.mark.integration
AT_WORK = ("w1",)


def forked(world: World, run: str, round_: int | None = None, changes: dict[str, Any] | None = None, **wanted: Any) -> str:
    with world.backend.sessions() as session:
        return fork(session, world.store, run, Fork(round_, changes or {}, **wanted), "bob")


def completed(world: World, spec: RunSpec | None = None, edits: dict[str, Any] | None = None) -> str:
    run = world.submit(spec or small_spec())
    if edits:
        with world.backend.sessions() as session:
            edit_controls(session, run, edits, "ann", 1)
    world.complete(run, ["w1"])
    return run


def values(world: World, run: str) -> dict[tuple[Any, ...], float | None]:
    """Every point of every series of the run."""
    query = select(Series, Point).join(Point, Point.series_id == Series.id).where(Series.run_id == run)
    with world.backend.sessions() as session:
        return {(s.name, s.policy, s.peer, s.domain, p.step): p.value for s, p in session.execute(query)}


def trained(world: World, run: str) -> set[str]:
    """Keys of the training segments that the run itself sent."""
    kinds = {kind.value for kind in TRAINING}
    return {attempt.segment_key for attempt in world.attempts(run) if attempt.segment_key.partition(".")[0] in kinds}


def replayed(world: World, run: str) -> str:
    """The run's recipe, carried out from scratch."""
    with world.backend.sessions() as session:
        given = recipe(session, world.run(run))
        again = create_run(session, given.spec, "source", "ann", edits=given.edits)
    world.complete(again, ["w1"])
    return again


def test_an_unchanged_fork_comes_to_the_same_and_trains_only_what_is_new(world: World) -> None:
    first = completed(world)
    again = forked(world, first, 1)
    world.complete(again, ["w1"])
    assert world.merged_digest(again) == world.merged_digest(first) == Undisturbed(small_spec()).merged_digest
    assert values(world, again) == values(world, first)
    steps = {int(key.rpartition("@")[2]) for key in trained(world, again)}
    assert min(steps) == 5  # rlvr of 3 steps and opd of 2 are kept
    assert world.run(again).forked_from == first


def test_a_changed_fork_comes_to_what_its_recipe_comes_to(world: World) -> None:
    first = completed(world, small_spec(rounds=3), {"optimizer.lr": 1e-5, "w.image.video": 0.5})
    second = forked(world, first, 1, {"optimizer.lr": 3e-5, "opd.steps": 4}, reseed=True)
    world.complete(second, ["w1"])
    assert world.merged_digest(second) not in {world.merged_digest(first), Undisturbed(small_spec(rounds=3)).merged_digest}
    scratch = replayed(world, second)
    assert world.merged_digest(scratch) == world.merged_digest(second)
    assert values(world, scratch) == values(world, second)
    third = forked(world, second, 2)  # of a fork: its rounds are kept all the same
    world.complete(third, ["w1"])
    assert world.merged_digest(third) == world.merged_digest(second)


def test_a_completed_run_goes_on_for_more_rounds(world: World) -> None:
    first = completed(world)
    with pytest.raises(SpecError, match="nothing is left to train; keep fewer rounds, or raise rounds"):
        forked(world, first)
    longer = forked(world, first, changes={"rounds": 3})
    world.complete(longer, ["w1"])
    assert world.merged_digest(longer) == Undisturbed(small_spec(rounds=3)).merged_digest


def test_an_edit_that_came_later_stays_behind(world: World) -> None:
    run = world.submit(small_spec())
    while world.segment(run, "merge.merged@5").state != "done":
        world.tick()
        world.finish("w1")
    with world.backend.sessions() as session:
        edit_controls(session, run, {"optimizer.lr": 1e-5}, "ann", 1)
    world.complete(run, ["w1"])
    assert [binding.step > 5 for binding in world.bindings(run)] == [True, True]
    again = forked(world, run, 1)
    assert world.edits(again) == []
    world.complete(again, ["w1"])
    assert world.merged_digest(again) == Undisturbed(small_spec()).merged_digest


@pytest.mark.parametrize("rounds", [1, 2])
def test_an_adaptive_run_chooses_the_same_phases_again(world: World, rounds: int) -> None:
    spec = small_spec(rounds=4, agreement={"enabled": True}, opd={"steps": 2, "adaptive": {"floor": 0.5, "ceiling": 0.6}})
    first = completed(world, spec)
    again = forked(world, first, rounds)
    world.complete(again, ["w1"])
    assert world.merged_digest(again) == world.merged_digest(first)
    assert [(e.path, e.round, e.value) for e in world.edits(again)] == [(e.path, e.round, e.value) for e in world.edits(first)]


def test_rolling_back_ends_the_run_and_keeps_what_it_has(world: World) -> None:
    run = world.submit(small_spec(rounds=3))
    while world.segment(run, "merge.merged@10").state != "done":
        world.tick()
        world.finish("w1")
        world.record()
    before = values(world, run)
    back = forked(world, run, 1, {"optimizer.lr": 1e-5}, roll_back=True)
    assert world.run(run).state == "cancelling"
    assert world.run(back).name == world.run(run).name
    world.complete(back, ["w1"])
    assert world.run(run).state == "cancelled"
    assert f"running → cancelling: rolled back to the end of round 1, as run {back}" in world.lines(run)
    assert before.items() <= values(world, run).items()
    assert world.merged_digest(back) == Undisturbed(small_spec(rounds=3), world.edits(back), world.bindings(back)).merged_digest


def test_a_fork_lives_without_the_run_it_came_from(world: World) -> None:
    first = completed(world)
    again = forked(world, first, 1)
    world.store.delete(f"runs/{first}")
    world.complete(again, ["w1"])
    assert world.merged_digest(again) == Undisturbed(small_spec()).merged_digest


def test_what_cannot_be_kept_is_refused_and_leaves_nothing(world: World) -> None:
    run = world.submit(small_spec())
    with pytest.raises(SpecError, match="round 1 has not ended; none has, so give at most 0"):
        forked(world, run, 1)
    while world.segment(run, "merge.merged@5").state != "done":
        world.tick()
        world.finish("w1")
    with pytest.raises(Refused, match="still being recorded"):
        forked(world, run, 1)
    world.record()
    with pytest.raises(SpecError, match=r"optimizer\.lr"):
        forked(world, run, 1, {"optimizer.lr": 2.0})
    assert world.store.list("runs") == [run]
    assert world.run(run).state == "running"


def test_a_round_whose_checkpoints_are_gone_is_refused(world: World) -> None:
    """mopd merges in its second stage only; where round ends need not be kept, of its first rounds the last end stays, which teaches."""
    run = completed(world, small_spec(method="mopd", rounds=3, checkpoint={"every": 2, "keep": {"round_ends": False, "best": False}}))
    world.tick()
    with pytest.raises(Refused, match="the store no longer holds image@3, video@3, of the end of round 1; keep another number of rounds"):
        forked(world, run, 1)
    assert world.store.list("runs") == [run]
    again = forked(world, run, 3)
    world.complete(again, ["w1"])
    assert world.merged_digest(again) == world.merged_digest(run)


def test_a_recipes_edits_stay_as_given(world: World) -> None:
    first = completed(world, edits={"optimizer.lr": 1e-5})
    again = replayed(world, first)
    last = forked(world, again, 1)
    assert [(edit.path, edit.replayed) for edit in world.edits(last)] == [("optimizer.lr", True)]
    world.complete(last, ["w1"])
    assert world.merged_digest(last) == world.merged_digest(first)


def killed(*_: object, **__: object) -> None:
    raise Killed


def test_what_a_killed_fork_has_copied_goes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first = completed(world)
    with monkeypatch.context() as patch:
        patch.setattr("server.commands.inherit.copy_of", killed)  # after a copy, before the commit
        patch.setattr(type(world.store), "delete", killed)  # nor does anything clean up
        with pytest.raises(Killed):
            forked(world, first, 1)
    assert len(world.store.list("runs")) == 2
    time_passes(world)
    world.tick()
    assert world.store.list("runs") == [first]
    again = forked(world, first, 1)
    time_passes(world)
    world.tick()
    assert world.store.list("runs") == sorted([first, again])


def test_a_commit_whose_answer_is_lost_takes_no_file_along(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first, begun = completed(world), list[Session]()

    @contextmanager
    def deaf(session: Session) -> Iterator[None]:
        begun.append(session)
        with transaction(session):
            yield
        if len(begun) == 3:  # after the note and the copies, the run
            raise ConnectionError("the database went away")

    with monkeypatch.context() as patch:
        patch.setattr(import_module("server.commands.fork"), "transaction", deaf)
        with pytest.raises(ConnectionError):
            forked(world, first, 1)
    with world.backend.sessions() as session:
        again = session.scalars(select(Run.id).where(Run.forked_from == first)).one()
    time_passes(world)
    world.complete(again, ["w1"])
    assert world.merged_digest(again) == world.merged_digest(first)


def test_a_fork_copies_while_the_other_run_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scheduler and commands need the run's row, and a store may be slow."""
    first, copied = completed(world), list[str]()
    copy = type(world.store).copy

    def watched(store: Any, path: str, target: str) -> None:
        with world.backend.sessions() as other:
            other.execute(select(Run.id).where(Run.id == first).with_for_update(nowait=True))  # raises where it is locked
            other.rollback()
        copied.append(target)
        copy(store, path, target)

    monkeypatch.setattr(type(world.store), "copy", watched)
    again = forked(world, first, 1)
    assert len(copied) == len(set(copied)) > 0
    assert all(target.startswith(f"runs/{again}/") for target in copied)


def test_a_checkpoint_that_goes_while_it_is_copied_refuses_the_fork(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first, copy = completed(world), type(world.store).copy

    def swept(store: Any, path: str, target: str) -> None:
        with world.backend.engine.begin() as other:
            other.execute(text("UPDATE checkpoints SET deleted_at = now() WHERE policy = 'image'"))
        copy(store, path, target)

    monkeypatch.setattr(type(world.store), "copy", swept)
    with pytest.raises(Refused):
        forked(world, first, 1)
    assert world.store.list("runs") == [first]


def test_the_files_of_a_fork_that_takes_long_stay(world: World) -> None:
    with world.backend.sessions() as making, world.backend.sessions() as session:
        making.add(Deletion(run_id="child", cleared_at=None))
        making.commit()
        time_passes(world)
        making.execute(delete(Deletion).where(Deletion.run_id == "child"))
        assert remove_runs(session, world.archive) == []
        making.rollback()
        assert remove_runs(session, world.archive) == ["child"]


def time_passes(world: World) -> None:
    with world.backend.engine.begin() as connection:
        connection.execute(text(f"UPDATE deletions SET cleared_at = now() - interval '{AFTERMATH_SECONDS + 1} s'"))
