"""What runs have done and what is left of them: that of which estimates are made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from copd_engine.plan import TRAINING, Kind
from server.db.models import Attempt, Run, SegmentRow
from server.outlook import Ahead, Work
from worker.bus import WorkerReport

LANES_WINDOW = timedelta(minutes=2)
DOUBT = timedelta(seconds=30)
"""So much time with all workers is added to what was seen of a run that has only just begun or been resumed. The longer it runs, the less:
seconds say little, and an estimate that jumps is not believed."""
IS_TRAINING = SegmentRow.kind.in_([kind.value for kind in TRAINING])
IS_OPEN = SegmentRow.state.in_(["planned", "running"])
UNITS = func.greatest(SegmentRow.steps, 1)


@dataclass
class Begun:
    """A training segment that is not done, and how many of its steps are."""

    kind: Kind
    steps: int


UnderWay = Mapping[str, Mapping[str, Begun]]
"""Run → segment → what was begun of it."""


def under_way_of(db: Session, ids: Sequence[str], reports: Sequence[WorkerReport]) -> UnderWay:
    """As their workers say, or as the last stopped attempt stored."""
    stored = func.coalesce(func.max(Attempt.stored_step) - SegmentRow.step, 0)
    query = (
        select(SegmentRow.run_id, SegmentRow.key, SegmentRow.kind, stored.label("steps"))
        .join(Attempt, and_(Attempt.run_id == SegmentRow.run_id, Attempt.segment_key == SegmentRow.key))
        .where(SegmentRow.run_id.in_(ids), IS_TRAINING, SegmentRow.state != "done")
        .group_by(SegmentRow.run_id, SegmentRow.key)
    )
    begun: defaultdict[str, dict[str, Begun]] = defaultdict(dict)
    for run, key, kind, steps in db.execute(query):
        begun[run][key] = Begun(Kind(kind), steps)
    for report in reports:
        if report.run in begun and report.segment in begun[report.run]:
            segment = begun[report.run][report.segment]
            segment.steps = max(report.done, segment.steps)
    return begun


def work_of(db: Session, ids: Sequence[str], under_way: UnderWay) -> dict[str, dict[Kind, Work]]:
    """Per run and kind: what remains, and how long what is done took."""
    done = _done(db, ids)
    open_units = (
        select(SegmentRow.run_id, SegmentRow.kind, func.sum(UNITS))
        .where(SegmentRow.run_id.in_(ids), IS_OPEN)
        .group_by(SegmentRow.run_id, SegmentRow.kind)
    )
    left = {(run, Kind(kind)): float(units) for run, kind, units in db.execute(open_units)}
    for run in ids:
        for segment in under_way.get(run, {}).values():
            left[run, segment.kind] = max(0.0, left.get((run, segment.kind), 0.0) - segment.steps)
    work: dict[str, dict[Kind, Work]] = {run: {} for run in ids}
    for run, kind in done.keys() | left.keys():
        work[run][kind] = Work(left.get((run, kind), 0.0), *done.get((run, kind), (0.0, 0.0)))
    return work


def _done(db: Session, ids: Sequence[str]) -> dict[tuple[str, Kind], tuple[float, float]]:
    """(Run, kind) → units made by finished attempts, and the seconds they took."""
    made = func.greatest(SegmentRow.step + SegmentRow.steps - Attempt.start_step, 1)
    query = (
        select(SegmentRow.run_id, SegmentRow.kind, func.sum(made), func.sum(func.extract("epoch", Attempt.ended_at - Attempt.started_at)))
        .join(Attempt, and_(Attempt.run_id == SegmentRow.run_id, Attempt.segment_key == SegmentRow.key))
        .where(SegmentRow.run_id.in_(ids), Attempt.state == "done", Attempt.started_at.is_not(None))
        .group_by(SegmentRow.run_id, SegmentRow.kind)
    )
    return {(run, Kind(kind)): (float(units), float(seconds)) for run, kind, units, seconds in db.execute(query)}


def ahead_of(db: Session, run_id: str, under_way: UnderWay) -> list[Ahead]:
    """The run's segments that are not done, in plan order."""
    query = select(SegmentRow).where(SegmentRow.run_id == run_id, IS_OPEN).order_by(SegmentRow.position, SegmentRow.key)
    done = {key: segment.steps for key, segment in under_way.get(run_id, {}).items()}
    ahead = []
    for row in db.scalars(query):
        made = done.get(row.key, 0)
        ahead.append(Ahead(row.policy, Kind(row.kind), max(row.steps, 1) - made, row.state == "running", row.step + made + 1))
    return ahead


def lanes_of(db: Session, ids: Sequence[str], workers: Mapping[str, int]) -> dict[str, float]:
    """Run → how many workers it had on average of late: a run may wait for its own experts, or share the workers with others.

    workers: run → how many it can have at most, which is what is thought of a run that has not been running for long.
    """
    since = func.greatest(Run.state_since, func.now() - LANES_WINDOW)
    began = func.greatest(Attempt.started_at, since)
    ended = func.coalesce(Attempt.ended_at, func.now())
    busy = func.sum(func.greatest(func.extract("epoch", ended - began), 0)).filter(Attempt.started_at.is_not(None))
    query = (
        select(Run.id, func.coalesce(busy, 0), func.extract("epoch", func.now() - since))
        .outerjoin(Attempt, and_(Attempt.run_id == Run.id, ended > since))
        .where(Run.id.in_(ids))
        .group_by(Run.id, Run.state_since)
    )
    return {run: expected_lanes(float(busy), float(seen), workers[run]) for run, busy, seen in db.execute(query)}


def expected_lanes(busy: float, seen: float, workers: int) -> float:
    """Workers at a time, of a run that had them for `busy` seconds in all within the last `seen`."""
    doubt = DOUBT.total_seconds() * max(0.0, 1 - seen / LANES_WINDOW.total_seconds())
    return (busy + doubt * workers) / (seen + doubt)
