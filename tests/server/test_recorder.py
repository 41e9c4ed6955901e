"""The recorder over real PostgreSQL and Valkey: whatever happens to the stream, the tables come to what the attempts said."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text, update

from copd_engine.events import Acknowledged, Bound, Event, Log, Points, Progress, Sample, Stored, Value
from copd_engine.job import CheckpointRecord
from server.commands import edit_controls
from server.db.models import Attempt, EditBinding, LogLine, Point, Run, SampleRow, Series
from server.recorder.writer import PositionMovedError, move_positions
from tests.server.simulation import World
from worker import bus

pytestmark = pytest.mark.integration
KEY = "rlvr.image@0"
IMAGE_AT_2 = CheckpointRecord(policy="image", step=2, path="attempts/1/image@2", digest="d", bytes=3, has_state=True)


@dataclass
class Told:
    """What one attempt says: to its file always, to the stream as the test decides."""

    world: World
    run: str
    attempt: int
    events: list[Event] = field(default_factory=list)

    def write_file(self) -> None:
        lines = b"".join(event.model_dump_json().encode() + b"\n" for event in self.events)
        self.world.store.write(f"runs/{self.run}/attempts/{self.attempt}/events.jsonl", lines + b'{"type": "poi')

    def send(self, *indices: int) -> None:
        for index in indices:
            event = self.events[index].model_dump(mode="json")
            frame = bus.Frame(time=time.time(), attempt=self.attempt, segment=KEY, event=event)
            self.world.redis.xadd(bus.run_stream(self.run), {bus.STREAM_FIELD: frame.model_dump_json()})

    def end(self, state: str = "done") -> None:
        self.write_file()
        with self.world.backend.sessions.begin() as session:
            row = session.get_one(Attempt, self.attempt)
            row.state, row.events = state, len(self.events)
            row.started_at = row.sent_at
            row.ended_at = session.execute(select(text("now()"))).scalar_one()


def points(seq: int, step: int, value: float) -> Points:
    return Points(
        seq=seq, policy="image", step=step, values=[Value(name="reward", value=value), Value(name="w", value=1.0, peer="video", se=0.5)]
    )


def tell(world: World, run: str, first_step: int, steps: int, scale: float) -> Told:
    with world.backend.sessions.begin() as session:
        attempt = Attempt(run_id=run, segment_key=KEY, worker="w1", state="running", start_step=first_step - 1)
        session.add(attempt)
        session.flush()
        number = attempt.id
    events: list[Event] = [points(i + 1, first_step + i, scale * (first_step + i)) for i in range(steps)]
    return Told(world, run, number, events)


def table(world: World) -> dict[tuple[str, int], tuple[int, float | None, float | None]]:
    with world.backend.sessions() as session:
        rows = session.execute(
            select(Series.name, Point.step, Point.attempt_id, Point.value, Point.se).join(Point, Point.series_id == Series.id)
        )
        return {(name, step): (attempt, value, se) for name, step, attempt, value, se in rows}


def expected(*told: Told) -> dict[tuple[str, int], tuple[int, float | None, float | None]]:
    """All events of all attempts, the higher attempt winning."""
    found: dict[tuple[str, int], tuple[int, float | None, float | None]] = {}
    for one in sorted(told, key=lambda one: one.attempt):
        for event in one.events:
            assert isinstance(event, Points)
            found |= {(value.name, event.step): (one.attempt, value.value, value.se) for value in event.values}
    return found


@settings(
    max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    sends=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 4)), max_size=25),
    batches=st.sets(st.integers(0, 25)),
    restart=st.booleans(),
    lost=st.booleans(),
)
def test_any_stream_and_the_files_come_to_the_same(
    world: World, sends: list[tuple[int, int]], batches: set[int], restart: bool, lost: bool
) -> None:
    """Doubled, reordered, missing entries of two attempts, cut into any batches, and perhaps a stream that is gone at the end."""
    world.backend.empty()
    world.restart()
    run = world.submit()
    attempts = [tell(world, run, 1, 5, 1.0), tell(world, run, 3, 5, 2.0)]
    for position, (who, index) in enumerate(sends):
        attempts[who].send(index)
        if position in batches:
            world.record()
            if restart:
                world.restart()
    if lost:
        world.redis.delete(bus.run_stream(run))
    attempts[0].end("lost")
    attempts[1].end()
    world.settle_recorder()
    assert table(world) == expected(*attempts)
    with world.backend.sessions() as session:
        assert session.scalars(select(Attempt.recorded_seq).order_by(Attempt.id)).all() == [5, 5]


def test_everything_an_attempt_says_has_its_row(world: World) -> None:
    run = world.submit()
    with world.backend.sessions() as session:
        edit_controls(session, run, {"optimizer.lr": 0.5}, "ann", 1)
    told = tell(world, run, 1, 0, 1.0)
    told.events = [
        Acknowledged(seq=1, version=2),
        Bound(seq=2, version=2, policy="image", step=1),
        points(3, 1, 0.25),
        Log(seq=4, level="warning", message="slow\x00disk"),
        Sample(
            seq=5,
            policy="image",
            step=1,
            domain="digits",
            index=0,
            prompt="2+2",
            answer="4",
            completion="5",
            reward=0.0,
            reason="wrong",
            media=["a"],
        ),
        Stored(seq=6, checkpoint=IMAGE_AT_2),
        Progress(seq=7, done=1, total=3),
    ]
    for _ in range(2):
        told.send(*range(7))
        world.record()
    with world.backend.sessions() as session:
        attempt = session.get_one(Attempt, told.attempt)
        assert (attempt.recorded_seq, attempt.stored_step) == (7, 2)
        [bound] = session.scalars(select(EditBinding))
        assert (bound.version, bound.policy, bound.step, bound.attempt_id) == (2, "image", 1, told.attempt)
        line, effect = session.scalars(select(LogLine).where(LogLine.attempt_id == told.attempt).order_by(LogLine.id))
        assert (effect.actor, effect.policy, effect.level) == ("w1", "image", "info")
        assert effect.message.endswith("→ 0.5 is effective at step 1 of image")
        assert (line.actor, line.policy, line.level, line.message) == ("w1", "image", "warning", "slow\N{REPLACEMENT CHARACTER}disk")
        [sample] = session.scalars(select(SampleRow))
        assert (sample.prompt, sample.completion, sample.media) == ("2+2", "5", ["a"])
        assert session.scalars(select(Run.acknowledged_version)).one() == 2
    assert [(c.policy, c.step, c.path) for c in world.checkpoints(run)] == [("image", 2, "attempts/1/image@2")]
    [edit] = world.edits(run)
    assert edit.acknowledged_at is not None


def test_events_of_attempts_of_other_runs_are_left_out(world: World) -> None:
    run, other = world.submit(), world.submit()
    stranger = tell(world, other, 1, 2, 1.0)
    own = tell(world, run, 1, 1, 1.0)
    Told(world, run, stranger.attempt, stranger.events).send(0, 1)
    own.send(0)
    world.record()
    assert table(world) == expected(own)


def test_a_gap_is_not_passed_over(world: World) -> None:
    run = world.submit()
    told = tell(world, run, 1, 4, 1.0)
    told.send(0, 2, 3)
    world.record()
    with world.backend.sessions() as session:
        assert session.get_one(Attempt, told.attempt).recorded_seq == 1
    told.end()
    world.settle_recorder()
    assert table(world) == expected(told)


def test_a_stream_that_begins_anew_is_read_from_its_beginning(world: World) -> None:
    """Redis came back without its data and with an older clock."""
    run = world.submit()
    told = tell(world, run, 1, 2, 1.0)
    with world.backend.engine.begin() as connection:
        connection.execute(text("UPDATE runs SET stream_position = '99999999999999-0'"))
    told.send(0, 1)
    world.record()
    world.record()
    assert table(world) == expected(told)


def test_somebody_else_recorded_it_first(world: World) -> None:
    run = world.submit()
    told = tell(world, run, 1, 2, 1.0)
    told.send(0)
    world.record()
    told.send(1)
    with world.backend.engine.begin() as connection:
        connection.execute(text("UPDATE runs SET stream_position = '1-0'"))
    with pytest.raises(PositionMovedError):
        world.record()
    world.recorder.forget()
    world.record()
    assert table(world) == expected(told)


def test_a_stream_is_cut_behind_what_is_stored(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.recorder.trim.KEPT_ENTRIES", 200)
    run = world.submit()
    told = tell(world, run, 1, 5, 1.0)
    for _ in range(20):
        told.send(*[0, 1, 2, 3, 4] * 20)
        world.record()
    world.record()
    assert world.redis.xlen(bus.run_stream(run)) < 600
    assert table(world) == expected(told)


def test_notices_move_many_streams_at_once(world: World) -> None:
    runs = [world.submit() for _ in range(3)]
    with world.backend.sessions.begin() as session:
        session.execute(update(Run).values(state="running"))
    world.record()
    ends: dict[str, Any] = {run: world.redis.xrevrange(bus.run_stream(run), count=1) for run in runs}
    assert {run: end[0][0].decode() for run, end in ends.items()} == {run: world.run(run).stream_position for run in runs}


def test_a_stream_whose_run_is_locked_is_not_waited_for(world: World) -> None:
    free, locked = world.submit(), world.submit()
    with world.backend.sessions.begin() as other, world.backend.sessions.begin() as session:
        other.execute(select(Run).where(Run.id == locked).with_for_update())
        assert move_positions(session, {free: ("0-0", "5-0"), locked: ("0-0", "5-0")}) == {free}
        assert move_positions(session, {free: ("0-0", "6-0")}) == set()
