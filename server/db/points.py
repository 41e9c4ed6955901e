"""The numbers of a series: the newest as rows of `points`, full blocks of older ones packed into `point_chunks`.

A million rows take a second to read, the same numbers packed some tens of milliseconds. Packing changes no number: all steps of a series'
chunks lie below those of its rows, and a chunk that a late or repeated number falls into or below becomes rows again first.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import BigInteger, Integer, cast, delete, func, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by, insert
from sqlalchemy.orm import Session

from server.db.models import Point, PointChunk

BLOCK = 4096
"""Points of a chunk."""
KEPT = 1024
"""How many of the newest points stay rows: what asks for the newest alone looks nowhere else, and a replay seldom reaches further back."""
LAST_STEP = 2**31 - 1

UPSERT = text("""
    INSERT INTO points (series_id, step, attempt_id, value, se, time)
    SELECT series_id, step, attempt_id, value, se, to_timestamp(time) FROM unnest(
        CAST(:series AS bigint[]), CAST(:steps AS integer[]), CAST(:attempts AS bigint[]),
        CAST(:values AS double precision[]), CAST(:ses AS double precision[]), CAST(:times AS double precision[]))
        AS point (series_id, step, attempt_id, value, se, time)
    ON CONFLICT (series_id, step) DO UPDATE
    SET attempt_id = excluded.attempt_id, value = excluded.value, se = excluded.se, time = excluded.time
    WHERE points.attempt_id < excluded.attempt_id""")
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
        return Columns(*(column[start:stop] for column in self))

    def rows(self, series_id: int) -> list[Row]:
        step, attempt, times = self.step.tolist(), self.attempt.tolist(), (self.time / 1e6).tolist()
        return list(zip([series_id] * len(step), step, attempt, numbers(self.value), numbers(self.se), times, strict=True))


KINDS: tuple[Any, ...] = (np.int32, np.int64, np.float64, np.float64, np.int64)
EMPTY = Columns(*(np.empty(0, kind) for kind in KINDS))


def read(session: Session, ids: Collection[int], start: int = 0, stop: int = LAST_STEP) -> dict[int, Columns]:
    """All points of these series with start ≤ step ≤ stop; a series without any is left out."""
    parts: dict[int, list[Columns]] = {}
    overlapping = (PointChunk.series_id.in_(ids), PointChunk.last >= start, PointChunk.first <= stop)
    for chunk in session.scalars(select(PointChunk).where(*overlapping).order_by(PointChunk.series_id, PointChunk.first)):
        parts.setdefault(chunk.series_id, []).append(_within(unpacked(chunk), start, stop))
    for series_id, fresh in _rows(session, Point.series_id.in_(ids), Point.step.between(start, stop)).items():
        parts.setdefault(series_id, []).append(fresh)
    joined = {series_id: _joined(some) for series_id, some in parts.items()}
    return {series_id: columns for series_id, columns in joined.items() if len(columns.step)}


def upsert(session: Session, rows: Sequence[Row]) -> None:
    """Stores points, by series and step; on (series, step) the higher attempt wins. Chunks that they fall into become rows again."""
    unpack(session, {series_id: step for series_id, step, *_ in reversed(rows)})
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


def unpack(session: Session, lowest: Mapping[int, int]) -> None:
    """Makes rows of every chunk that reaches up to the step given for its series, or beyond."""
    wanted = func.unnest(literal(list(lowest), ARRAY(BigInteger)), literal(list(lowest.values()), ARRAY(Integer)))
    touched = wanted.table_valued("series_id", "step").render_derived("touched")
    reaching = delete(PointChunk).where(PointChunk.series_id == touched.c.series_id, PointChunk.last >= touched.c.step)
    for chunk in session.scalars(reaching.returning(PointChunk)).all():
        insert_rows(session, unpacked(chunk).rows(chunk.series_id))


def copy(session: Session, copies: Sequence[tuple[int, int, int]]) -> None:
    """(series, another that is empty, step): gives the other all points of the series up to the step."""
    found, rows = read(session, [series_id for series_id, *_ in copies]), list[Row]()
    for series_id, copy_id, stop in copies:
        columns = _within(found.get(series_id, EMPTY), 0, stop)
        rows += _add_blocks(session, copy_id, columns).rows(copy_id)
    insert_rows(session, rows)


def packed(series_id: int, columns: Columns) -> dict[str, Any]:
    """The row of point_chunks for these points, at least one."""
    data = {f"{name}s": column.tobytes() for name, column in columns._asdict().items()}
    if np.isnan(columns.se).all():  # as in most series
        data["ses"] = None
    return {"series_id": series_id, "first": int(columns.step[0]), "last": int(columns.step[-1]), "count": len(columns.step), **data}


def unpacked(chunk: PointChunk) -> Columns:
    return Columns(
        np.frombuffer(chunk.steps, np.int32),
        np.frombuffer(chunk.attempts, np.int64),
        np.frombuffer(chunk.values, np.float64),
        np.full(chunk.count, np.nan) if chunk.ses is None else np.frombuffer(chunk.ses, np.float64),
        np.frombuffer(chunk.times, np.int64),
    )


def numbers(column: NDArray[np.float64]) -> list[float | None]:
    """[N], None where it is NaN."""
    return [None if math.isnan(number) else number for number in column.tolist()]


def array_literal(numbers: Sequence[float | None]) -> str:
    """Numbers as PostgreSQL writes arrays. Ten times as fast as the driver, which expects quotes and nesting in any list."""
    return "{" + ",".join(["NULL" if number is None else repr(number) for number in numbers]) + "}"


def _rows(session: Session, *wanted: Any) -> dict[int, Columns]:
    micros = cast(func.extract("epoch", Point.time) * 1_000_000, BigInteger)
    listed = [
        func.array_agg(aggregate_order_by(column, Point.step)) for column in (Point.step, Point.attempt_id, Point.value, Point.se, micros)
    ]
    found = session.execute(select(Point.series_id, *listed).where(*wanted).group_by(Point.series_id))
    return {
        series_id: Columns(*(np.array(*each) for each in zip(columns, KINDS, strict=True))) for series_id, *columns in found
    }  # None becomes NaN


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
