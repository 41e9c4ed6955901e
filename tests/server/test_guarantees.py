"""What docs/architecture.md promises, whoever disturbs it: the run ends with the weights and the points its plan says."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text, update

from server.db.models import Leader, Point, Run
from server.scheduler.leader import LeadershipLostError, Term
from server.scheduler.loop import Scheduler
from tests.server.simulated_outcome import Undisturbed
from tests.server.simulation import Believing, World, small_spec
from worker import bus

pytestmark = pytest.mark.integration
AT_WORK = ("w1", "w2")
DAY = 86_400.0


def assert_undisturbed(world: World, run: str) -> None:
    expected = Undisturbed(small_spec())
    assert world.run(run).state == "completed"
    assert world.merged_digest(run) == expected.merged_digest
    assert world.points(run) == expected.rewards
    assert {attempt.state for attempt in world.attempts(run)} == {"done"}, "nothing was done twice"


def next_term(world: World) -> Term:
    """The term of a scheduler that took over while the one before still believes that it leads."""
    with world.backend.sessions.begin() as session:
        epoch = session.scalars(update(Leader).values(epoch=Leader.epoch + 1).returning(Leader.epoch)).one()
    return Term(world.backend.sessions, world.term._lock, epoch)


def test_two_schedulers_race(world: World) -> None:
    """At every look another one may have taken over; the one before looks on, with all it knew, and may not write."""
    run, dice, fenced = world.submit(), random.Random(1), 0
    deposed: list[Scheduler] = []
    while world.run(run).ended_at is None:
        if dice.random() < 0.3:
            deposed = [*deposed, world.scheduler][-2:]
            world.term = next_term(world)
            world.restart()
        world.tick()
        for scheduler in deposed:
            scheduler._lookout.trust = Believing()
            try:
                scheduler.tick()
            except LeadershipLostError:
                fenced += 1
        for worker in AT_WORK:
            world.finish(worker)
        for scheduler in deposed:  # the results are there: both want to commit them
            try:
                scheduler.tick()
            except LeadershipLostError:
                fenced += 1
        world.record()
    world.settle_recorder()
    assert fenced > 0
    assert_undisturbed(world, run)


def test_clocks_jump(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of workers, scheduler and recorder, by a day at any moment; nobody is judged by them, and no point bears their time."""
    began, real, dice = datetime.now(UTC), time.time, random.Random(2)
    monkeypatch.setattr("time.time", lambda: real() + dice.choice([-DAY, 0.0, DAY]))
    run = world.submit()
    world.complete(run, AT_WORK)
    monkeypatch.undo()
    assert_undisturbed(world, run)
    with world.backend.sessions() as session:
        first, last = session.execute(select(func.min(Point.time), func.max(Point.time))).one()
    assert began - timedelta(seconds=1) < first <= last < datetime.now(UTC) + timedelta(seconds=1)


def test_a_recorder_away_for_longer_than_the_stream_is_kept_loses_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    run = world.submit()
    with monkeypatch.context() as away:
        away.setattr(world, "record", lambda: None)
        away.setattr(world, "settle_recorder", lambda: None)
        world.complete(run, AT_WORK)
    assert world.points(run) == {}
    world.redis.xtrim(bus.run_stream(run), maxlen=5, approximate=False)
    world.settle_recorder()
    assert_undisturbed(world, run)
    with world.backend.sessions() as session:
        assert session.scalars(select(Run.acknowledged_version)).one() >= 1
        assert session.execute(text("SELECT count(*) FROM log WHERE message LIKE 'stored %'")).scalar_one() > 0
