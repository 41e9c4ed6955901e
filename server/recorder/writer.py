"""Writes a batch into PostgreSQL. Everything is an upsert in key order, so that repeating a batch changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from copd_engine.plan import MERGED
from server.db.facts import store_bindings, store_checkpoints
from server.db.models import Attempt, Edit, LogLine, RolloutRow, Run, SampleRow, SegmentRow
from server.db.points import upsert
from server.db.standing import CAPABILITY, refresh_capability
from server.db.transition import printable
from server.recorder.batch import Batch, SeriesName, advance, clean, clean_rollout

NEW_SERIES = text("""
    INSERT INTO series (run_id, name, policy, peer, domain)
    SELECT :run, * FROM unnest(CAST(:names AS text[]), CAST(:policies AS text[]), CAST(:peers AS text[]), CAST(:domains AS text[]))
    ON CONFLICT DO NOTHING""")
SERIES_IDS = text("SELECT name, policy, peer, domain, id FROM series WHERE run_id = :run")
MOVE = text("""
    WITH moved AS (SELECT * FROM unnest(CAST(:runs AS text[]), CAST(:before AS text[]), CAST(:after AS text[])) AS m(run, before, after)),
    free AS (SELECT id FROM runs JOIN moved ON run = id AND before = stream_position FOR NO KEY UPDATE OF runs SKIP LOCKED)
    UPDATE runs SET stream_position = after FROM moved, free WHERE runs.id = run AND free.id = run RETURNING runs.id""")


ROLLOUT_KEY = ("run_id", "policy", "step", "part", "peer", "domain", "index")
ROWS_AT_ONCE = 1_000
"""A statement has at most 65,535 parameters."""


class PositionMovedError(Exception):
    """Somebody else recorded this part of the stream, or the run is gone."""


@dataclass
class Known:
    """What need not be asked again while a run is followed."""

    series: dict[SeriesName, int] = field(default_factory=dict)
    attempts: dict[int, tuple[str, str]] = field(default_factory=dict)
    """Attempt → (worker, policy)."""


def write(session: Session, run_id: str, batch: Batch, known: Known, *, position: tuple[str, str] | None = None) -> Known:
    """Stores a batch; with `position` = (before, after) also how far the stream is read.

    Events of attempts that are not the run's are left out. Returns what is known now, to be kept only after the commit.
    Raises PositionMovedError when the stored position is not `before`.
    """
    attempts = _attempts(session, run_id, batch, known)
    series = _write_points(session, run_id, batch, known.series, attempts)
    _write_samples(session, run_id, batch, attempts)
    _write_rollouts(session, run_id, batch, attempts)
    _write_lines(session, run_id, batch, attempts)
    # The run's row is locked last and shortly: commands and the scheduler need it too.
    values: dict[str, Any] = {"acknowledged_version": func.greatest(Run.acknowledged_version, batch.acknowledged)}
    mine = update(Run).where(Run.id == run_id)
    if position is not None:
        mine, values["stream_position"] = mine.where(Run.stream_position == position[0]), position[1]
    if not session.execute(mine.values(values).returning(Run.id)).all():
        raise PositionMovedError(run_id)
    if any(name == CAPABILITY and policy == MERGED for (name, policy, _, _), _ in batch.points):
        refresh_capability(session, run_id)
    for attempt in sorted(batch.seqs.keys() & attempts.keys()):
        store_checkpoints(session, run_id, attempt, batch.checkpoints.get(attempt, ()))
        store_bindings(session, run_id, attempt, batch.bindings.get(attempt, ()))
        _advance_attempt(session, attempt, batch)
    _acknowledge(session, run_id, batch)
    return Known(series, attempts)


def move_positions(session: Session, moves: Mapping[str, tuple[str, str]]) -> set[str]:
    """Stores how far the streams of many runs are read, where nothing else is to be stored: run → (before, after).

    Returns the runs of which it did. Left out are those that somebody else works on: who locks many must not wait.
    """
    befores, afters = zip(*moves.values(), strict=True)
    return set(session.scalars(MOVE, {"runs": list(moves), "before": list(befores), "after": list(afters)}))


def _attempts(session: Session, run_id: str, batch: Batch, known: Known) -> dict[int, tuple[str, str]]:
    new = batch.seqs.keys() - known.attempts.keys()
    if not new:
        return known.attempts
    query = select(Attempt.id, Attempt.worker, SegmentRow.policy).join(
        SegmentRow, (SegmentRow.run_id == Attempt.run_id) & (SegmentRow.key == Attempt.segment_key)
    )
    rows = session.execute(query.where(Attempt.run_id == run_id, Attempt.id.in_(new)))
    return known.attempts | {number: (worker, policy) for number, worker, policy in rows}


def _write_points(
    session: Session, run_id: str, batch: Batch, known: Mapping[SeriesName, int], attempts: Mapping[int, Any]
) -> dict[SeriesName, int]:
    """The points with their series. Returns the ids of all series it met."""
    points = {key: point for key, point in batch.points.items() if point.attempt in attempts}
    ids = dict(known)
    if new := sorted({series for series, _ in points} - ids.keys()):
        columns = {
            name: [printable(part) for part in parts]
            for name, parts in zip(("names", "policies", "peers", "domains"), zip(*new, strict=True), strict=True)
        }
        session.execute(NEW_SERIES, {"run": run_id, **columns})
        ids |= {(row[0], row[1], row[2], row[3]): row[4] for row in session.execute(SERIES_IDS, {"run": run_id})}
    if points:
        upsert(session, sorted((ids[series], step, p.attempt, p.value, p.se, p.time.timestamp()) for (series, step), p in points.items()))
    return ids


def _write_samples(session: Session, run_id: str, batch: Batch, attempts: Mapping[int, Any]) -> None:
    rows = [
        {"run_id": run_id, "attempt_id": attempt, **clean(sample)}
        for _, (attempt, sample) in sorted(batch.samples.items())
        if attempt in attempts
    ]
    if rows:
        _upsert(session, SampleRow, ("run_id", "policy", "step", "domain", "index"), rows)


def _write_rollouts(session: Session, run_id: str, batch: Batch, attempts: Mapping[int, Any]) -> None:
    rows = [
        {"run_id": run_id, "attempt_id": attempt, **clean_rollout(rollout)}
        for _, (attempt, rollout) in sorted(batch.rollouts.items())
        if attempt in attempts
    ]
    for start in range(0, len(rows), ROWS_AT_ONCE):
        _upsert(session, RolloutRow, ROLLOUT_KEY, rows[start : start + ROWS_AT_ONCE])


def _upsert(session: Session, table: type[SampleRow | RolloutRow], keys: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Of two rows with the same keys that of the higher attempt stays."""
    statement = insert(table).values(list(rows))
    others = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    newer = table.attempt_id < statement.excluded.attempt_id
    session.execute(statement.on_conflict_do_update(index_elements=keys, set_=others, where=newer))


def _write_lines(session: Session, run_id: str, batch: Batch, attempts: Mapping[int, tuple[str, str]]) -> None:
    rows = [
        {
            "run_id": run_id, "time": time, "level": line.level, "actor": attempts[attempt][0], "message": printable(line.message),
            "policy": attempts[attempt][1], "attempt_id": attempt, "seq": seq, "data": {},
        }
        for (attempt, seq), (line, time) in sorted(batch.lines.items())
        if attempt in attempts
    ]  # fmt: skip
    if rows:
        session.execute(insert(LogLine).values(rows).on_conflict_do_nothing(index_elements=["attempt_id", "seq"]))


def _advance_attempt(session: Session, attempt: int, batch: Batch) -> None:
    recorded = session.scalars(select(Attempt.recorded_seq).where(Attempt.id == attempt).with_for_update(key_share=True)).one()
    values: dict[str, Any] = {"recorded_seq": advance(recorded, batch.seqs[attempt])}
    if states := [record.step for record in batch.checkpoints.get(attempt, ()) if record.has_state]:
        values["stored_step"] = func.greatest(func.coalesce(Attempt.stored_step, 0), max(states))
    session.execute(update(Attempt).where(Attempt.id == attempt).values(values))


def _acknowledge(session: Session, run_id: str, batch: Batch) -> None:
    if batch.acknowledged:
        fresh = update(Edit).where(Edit.run_id == run_id, Edit.version <= batch.acknowledged, Edit.acknowledged_at.is_(None))
        session.execute(fresh.values(acknowledged_at=func.now()))
