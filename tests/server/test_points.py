"""Points in chunks: whatever is packed when and comes late, what is read is what was written."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.commands import Fork, fork
from server.commands.deletion import delete_run
from server.db import points
from server.db.models import Point, PointChunk, Run, Series
from server.db.points import Row
from server.queries.series import Window, curves
from tests.server.backend import Backend
from tests.server.seed import EPOCH, add_run
from tests.server.simulation import World, small_spec

pytestmark = pytest.mark.integration
SECOND = EPOCH.timestamp() + 0.123457


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(points, "BLOCK", 4)
    monkeypatch.setattr(points, "KEPT", 2)


def add_series(db: Session, run: str, name: str = "reward") -> int:
    series = Series(run_id=run, name=name, policy="image")
    db.add(series)
    db.flush()
    return series.id


def held(db: Session, series: int, start: int = 0, stop: int = points.LAST_STEP) -> dict[int, Row]:
    found = points.read(db, [series], start, stop).get(series, points.EMPTY).rows(series)
    assert [row[1] for row in found] == sorted({row[1] for row in found})
    return {row[1]: row for row in found}


def chunks(db: Session) -> int:
    return db.scalars(select(func.count()).select_from(PointChunk)).one()


def row(series: int, step: int, attempt: int) -> Row:
    value = None if step % 5 == 0 else step / 3 + attempt
    return series, step, attempt, value, step / 7 if step % 3 else None, SECOND + step


writes = st.tuples(st.sets(st.integers(0, 40), min_size=1), st.integers(1, 4), st.booleans())


@settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(batches=st.lists(writes, min_size=1, max_size=8), window=st.tuples(st.integers(0, 40), st.integers(0, 40)))
@pytest.mark.usefixtures("small_blocks")
def test_packing_changes_no_number(backend: Backend, batches: list[tuple[set[int], int, bool]], window: tuple[int, int]) -> None:
    """Batches of any steps of any attempts, packed or not after each: on each step the highest attempt's number."""
    with backend.sessions() as db:
        series, expected = add_series(db, add_run(db)), dict[int, Row]()
        for steps, attempt, is_packed in batches:
            rows = [row(series, step, attempt) for step in sorted(steps)]
            points.upsert(db, rows)
            expected |= {new[1]: new for new in rows if new[1] not in expected or expected[new[1]][2] < attempt}
            if is_packed:
                points.pack(db, series)
            assert held(db, series) == expected
            newest = db.scalars(select(func.max(Point.step)).where(Point.series_id == series)).one()
            assert newest == max(expected), "the newest point is a row"
        start, stop = window
        assert held(db, series, start, stop) == {step: new for step, new in expected.items() if start <= step <= stop}
        db.rollback()


@pytest.mark.usefixtures("small_blocks")
def test_full_blocks_are_packed_and_a_late_number_finds_its_chunk(backend: Backend) -> None:
    with backend.sessions() as db:
        series = add_series(db, add_run(db))
        points.upsert(db, [row(series, step, 1) for step in range(2, 32, 2)])
        points.pack(db, series)
        assert chunks(db) == 3  # 12 of 15 points: of the other 3, two stay anyway
        rows = db.scalars(select(func.count()).select_from(Point)).one()
        late = [row(series, 1, 1), row(series, 10, 2), row(series, 11, 1), row(series, 16, 0), row(series, 26, 2)]
        points.upsert(db, late)
        assert chunks(db) == 3
        assert db.scalars(select(func.count()).select_from(Point)).one() == rows, "nothing became a row again"
        found = held(db, series)
        assert [found[step] for step in (1, 10, 11, 26)] == [late[0], late[1], late[2], late[4]]
        assert found[16] == row(series, 16, 1), "the higher attempt's stays"


def test_a_series_of_nothing_but_gaps_keeps_them(backend: Backend) -> None:
    with backend.sessions() as db:
        series = add_series(db, add_run(db))
        count = points.BLOCK + points.KEPT
        points.upsert(db, [(series, step, 1, None, None, SECOND) for step in range(count)])
        points.pack(db, series)
        assert chunks(db) == 1
        assert all(value is None and se is None for _, _, _, value, se, _ in held(db, series).values())


def test_a_curve_is_the_same_whether_packed_or_not(backend: Backend) -> None:
    with backend.sessions() as db:
        run = add_run(db)
        series = add_series(db, run)
        values = np.sin(np.arange(20_000) / 500)
        values[12_345] = 99.0
        points.upsert(db, [(series, step, 1, value, None, SECOND + step) for step, value in enumerate(values.tolist())])
        before = curves(db, run, window=Window(100, 19_000, 200))
        points.pack(db, series)
        assert chunks(db) == 4
        after = curves(db, run, window=Window(100, 19_000, 200))
        assert after == before
        assert after[0].total == 18_901
        assert max(value for value in after[0].value if value is not None) == 99.0
        at = after[0].step[0]
        assert after[0].time[0] == datetime.fromtimestamp(0, UTC) + timedelta(seconds=math.floor(SECOND) + at, microseconds=123_457)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("stop", [0, 3, 4, 6, 9, 15, 99])
def test_a_copy_has_the_same_points_up_to_its_step(backend: Backend, stop: int) -> None:
    with backend.sessions() as db:
        run = add_run(db)
        series, other = add_series(db, run), add_series(db, run, "copy")
        points.upsert(db, [row(series, step, 1) for step in range(1, 16)])
        points.pack(db, series)
        points.copy(db, [(series, other, stop)])
        assert held(db, other) == {step: (other, *rest) for step, (_, *rest) in held(db, series, 0, stop).items()}


@pytest.mark.usefixtures("small_blocks")
def test_the_recorder_packs_and_forks_and_deletion_go_by_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.recorder.service.BLOCK", 4)
    world.add_worker("w1")
    run = world.submit(small_spec(rounds=4))
    world.complete(run, ["w1"])
    with world.backend.sessions() as db:
        assert chunks(db) > 0
        mine = select(Series.id).where(Series.run_id == run)
        rows = db.scalars(select(func.count()).select_from(Point).where(Point.series_id.in_(mine))).one()
        packed = db.scalars(select(func.sum(PointChunk.count)).where(PointChunk.series_id.in_(mine))).one()
        drawn = {(c.name, c.policy, c.peer, c.domain): (c.step, c.value) for c in curves(db, run, window=Window())}
        assert rows + packed == sum(len(steps) for steps, _ in drawn.values())
        child = fork(db, world.store, run, Fork(3, {}), "bob")
    world.complete(child, ["w1"])
    with world.backend.sessions() as db:
        again = {(c.name, c.policy, c.peer, c.domain): (c.step, c.value) for c in curves(db, child, window=Window())}
        assert again == drawn
        for each in (child, run):
            delete_run(db, each, "ann", 0)
        assert chunks(db) == 0
        assert db.scalars(select(func.count()).select_from(Point)).one() == db.scalars(select(func.count()).select_from(Run)).one() == 0
