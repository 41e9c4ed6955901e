"""The numbers of a series: the newest as rows of `points`, full blocks of older ones packed into `point_chunks`.

A million rows take a second to read, the same numbers packed some tens of milliseconds. Packing changes no number: all steps of a series'
chunks lie below those of its rows, and a number that comes late or again for a step down there is put into its chunk.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from psycopg.rows import namedtuple_row
from sqlalchemy import BigInteger, Integer, cast, delete, func, insert, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.orm import Session

from server.db.models import Point, PointChunk

BLOCK = 4096
"""Points of a chunk."""
KEPT = 1024
"""How many of the newest points stay rows: what asks for the newest alone looks nowhere else, and a replay seldom reaches further back."""
LAST_STEP = 2**31 - 1
Number = TypeVar("Number", bound=np.generic)

UPSERT = text("""
    INSERT INTO points (series_id, step, attempt_id, value, se, time)
    SELECT series_id, step, attempt_id, value, se, to_timestamp(time) FROM unnest(
        CAST(:series AS bigint[]), CAST(:steps AS integer[]), CAST(:attempts AS bigint[]),
        CAST(:values AS double precision[]), CAST(:ses AS double precision[]), CAST(:times AS double precision[]))
        AS point (series_id, step, attempt_id, value, se, time)
    ON CONFLICT (series_id, step) DO UPDATE
    SET attempt_id = excluded.attempt_id, value = excluded.value, se = excluded.se, time = excluded.time
    WHERE points.attempt_id < excluded.attempt_id""")
CHUNKS = """
    SELECT series_id, first, last, count, steps, attempts, "values", ses, times FROM point_chunks
    WHERE series_id = ANY(%s) AND last >= %s AND first <= %s ORDER BY series_id, first"""
Row = tuple[int, int, int, float | None, float | None, float]
"""series_id, step, attempt_id, value, se, Unix time in seconds."""


class Columns(NamedTuple):
    """Points of one series by step, every column [N]. NaN in `value` and `se` stands for none."""

    step: NDArray[np.int32]
    attempt: NDArray[np.int64]
    value: NDArray[np.float64]
    se: NDArray[np.float64]
    time: NDArray[np.int64]
    """Microseconds since 1970: as exact as PostgreSQL's own."""

    def part(self, start: int, stop: int) -> Columns:
        some = slice(start, stop)
        return Columns(self.step[some], self.attempt[some], self.value[some], self.se[some], self.time[some])

    def rows(self, series_id: int) -> list[Row]:
        step, attempt, times = self.step.tolist(), self.attempt.tolist(), (self.time / 1e6).tolist()
        return list(zip([series_id] * len(step), step, attempt, numbers(self.value), numbers(self.se), times, strict=True))


EMPTY = Columns(np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0), np.empty(0), np.empty(0, np.int64))


def read(session: Session, ids: Collection[int], start: int = 0, stop: int = LAST_STEP) -> dict[int, Columns]:
    """All points of these series with start ≤ step ≤ stop; a series without any is left out."""
    parts: dict[int, list[Columns]] = {}
    for chunk in _chunks(session, ids, start, stop):
        parts.setdefault(chunk.series_id, []).append(_within(unpacked(chunk), start, stop))
    for series_id, fresh in _rows(session, Point.series_id.in_(ids), Point.step.between(start, stop)).items():
        parts.setdefault(series_id, []).append(fresh)
    joined = {series_id: _joined(some) for series_id, some in parts.items()}
    return {series_id: columns for series_id, columns in joined.items() if len(columns.step)}


def upsert(session: Session, rows: Sequence[Row]) -> None:
    """Stores points, by series and step; on (series, step) the higher attempt wins. The caller holds nothing yet, or the run's row."""
    late = _late_chunks(session, {series_id: step for series_id, step, *_ in reversed(rows)})
    for chunk in late:
        mine = [row for row in rows if row[0] == chunk.series_id and row[1] <= chunk.last]
        rows = [row for row in rows if row[0] != chunk.series_id or row[1] > chunk.last]
        session.execute(insert(PointChunk), [packed(chunk.series_id, _merged(unpacked(chunk), mine))])
    insert_rows(session, rows)


def insert_rows(session: Session, rows: Sequence[Row]) -> None:
    """The same for points above all chunks of their series."""
    if not rows:
        return
    columns = map(array_literal, zip(*rows, strict=True))
    session.execute(UPSERT, dict(zip(("series", "steps", "attempts", "values", "ses", "times"), columns, strict=True)))


def pack(session: Session, series_id: int) -> None:
    """Makes chunks of all full blocks of a series' rows but its newest points. The caller holds the run's row."""
    rest = _add_blocks(session, series_id, _rows(session, Point.series_id == series_id).get(series_id, EMPTY))
    if len(rest.step):
        session.execute(delete(Point).where(Point.series_id == series_id, Point.step < int(rest.step[0])))


def copy(session: Session, copies: Sequence[tuple[int, int, int]]) -> None:
    """(series, another that is empty, step): gives the other all points of the series up to the step. One at a time: they may be long."""
    for series_id, copy_id, stop in copies:
        columns = read(session, [series_id], stop=stop).get(series_id, EMPTY)
        insert_rows(session, _add_blocks(session, copy_id, columns).rows(copy_id))


def packed(series_id: int, columns: Columns) -> dict[str, Any]:
    """The row of point_chunks for these points, at least one."""
    first, last = int(columns.step[0]), int(columns.step[-1])
    stored = columns._replace(step=np.diff(columns.step, prepend=np.int32(first - 1)))  # mostly ones
    data = {f"{name}s": _bytes(column) for name, column in stored._asdict().items()}
    return {"series_id": series_id, "first": first, "last": last, "count": len(columns.step), **data}


def unpacked(chunk: Any) -> Columns:
    """The points of a row of point_chunks."""
    return Columns(
        np.cumsum(_column(chunk.steps, np.int32, chunk.count), dtype=np.int32) + np.int32(chunk.first - 1),
        _column(chunk.attempts, np.int64, chunk.count),
        _column(chunk.values, np.float64, chunk.count),
        _column(chunk.ses, np.float64, chunk.count),
        _column(chunk.times, np.int64, chunk.count),
    )


def _bytes(column: NDArray[Any]) -> bytes:
    """The column's numbers, or one of them if all have the same bits."""
    data = column.tobytes()
    return data[: column.itemsize] if data == data[: column.itemsize] * len(column) else data


def _column(data: bytes, kind: type[Number], count: int) -> NDArray[Number]:
    stored = np.frombuffer(data, kind)
    return stored if len(stored) == count else np.full(count, stored[0])


def numbers(column: NDArray[np.float64]) -> list[float | None]:
    """[N], None where it is NaN."""
    return [None if math.isnan(number) else number for number in column.tolist()]


def array_literal(numbers: Sequence[float | None]) -> str:
    """Numbers as PostgreSQL writes arrays. Ten times as fast as the driver, which expects quotes and nesting in any list."""
    return "{" + ",".join(["NULL" if number is None else repr(number) for number in numbers]) + "}"


def _chunks(session: Session, ids: Collection[int], start: int, stop: int) -> list[Any]:
    """Rows of point_chunks, by series and step. By the driver's own cursor: SQLAlchemy's gets bytes as text, which takes twice the time."""
    driver: Any = session.connection().connection
    with driver.cursor(binary=True, row_factory=namedtuple_row) as cursor:
        return cursor.execute(CHUNKS, (list(ids), start, stop)).fetchall()


def _rows(session: Session, *wanted: Any) -> dict[int, Columns]:
    micros = cast(func.extract("epoch", Point.time) * 1_000_000, BigInteger)
    listed = [
        func.array_agg(aggregate_order_by(column, Point.step)) for column in (Point.step, Point.attempt_id, Point.value, Point.se, micros)
    ]
    found = session.execute(select(Point.series_id, *listed).where(*wanted).group_by(Point.series_id))
    return {series_id: _columns(*lists) for series_id, *lists in found}


def _columns(step: Any, attempt: Any, value: Any, se: Any, time: Any) -> Columns:
    """Lists as columns. None becomes NaN."""
    floats = np.array(value, np.float64), np.array(se, np.float64)
    return Columns(np.array(step, np.int32), np.array(attempt, np.int64), *floats, np.array(time, np.int64))


def _late_chunks(session: Session, lowest: Mapping[int, int]) -> list[PointChunk]:
    """Takes out every chunk that reaches up to the step given for its series, or beyond; by series and step."""
    wanted = func.unnest(literal(list(lowest), ARRAY(BigInteger)), literal(list(lowest.values()), ARRAY(Integer)))
    touched = wanted.table_valued("series_id", "step").render_derived("touched")
    reaching = delete(PointChunk).where(PointChunk.series_id == touched.c.series_id, PointChunk.last >= touched.c.step)
    return sorted(session.scalars(reaching.returning(PointChunk)), key=lambda chunk: (chunk.series_id, chunk.first))


def _merged(held: Columns, rows: Sequence[Row]) -> Columns:
    """The points of a chunk and late ones: on each step that of the highest attempt, and of one attempt the one that is held."""
    if not rows:
        return held
    _, step, attempt, value, se, time = zip(*rows, strict=True)
    late = _columns(step, attempt, value, se, [round(seconds * 1e6) for seconds in time])
    both = _joined([late, held])
    order = np.lexsort((both.attempt, both.step))  # stable: of one attempt, what is held comes last
    newest = order[np.r_[both.step[order][1:] != both.step[order][:-1], True]]
    return Columns(both.step[newest], both.attempt[newest], both.value[newest], both.se[newest], both.time[newest])


def _add_blocks(session: Session, series_id: int, columns: Columns) -> Columns:
    """Stores chunks of all full blocks but the newest points. Returns the points that are left."""
    whole = max(0, (len(columns.step) - KEPT) // BLOCK) * BLOCK
    if whole:
        chunks = [packed(series_id, columns.part(start, start + BLOCK)) for start in range(0, whole, BLOCK)]
        session.execute(insert(PointChunk), chunks)
    return columns.part(whole, len(columns.step))


def _within(columns: Columns, start: int, stop: int) -> Columns:
    return columns.part(*np.searchsorted(columns.step, (start, stop + 1)).tolist())


def _joined(parts: Sequence[Columns]) -> Columns:
    return parts[0] if len(parts) == 1 else Columns(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
