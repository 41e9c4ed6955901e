"""Whose turn it is: the segments that may be sent now, of the runs that come first, and the limits on how many run at once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from copd_engine.plan import TRAINING, Kind
from server.db.models import Attempt, Run, SegmentRow
from server.db.segments import NEEDS_ARE_DONE, segment_of
from server.scheduler.dispatch import Ready
from server.scheduler.judge import LIVE
from server.states import TERMINAL, RunState

RUNS_PER_LOOK = 50
QUEUED = RunState.queued.value
IS_HELD_BACK = and_(SegmentRow.kind.in_([kind.value for kind in TRAINING]), SegmentRow.policy == func.any(Run.paused_policies))
"""Of a segment and its run: that it trains a policy that is paused."""


@dataclass(frozen=True)
class Limits:
    """How many runs may be `running` at once; None: as many as come."""

    runs: int | None = None
    runs_per_user: int | None = None

    def refusal(self, going: Mapping[str, int], user: str) -> str | None:
        """Why a queued run of the user may not begin beside those that run (user → how many), in words that go on from "waiting for …"."""
        if self.runs is not None and (total := sum(going.values())) >= self.runs:
            return f"one of the {total} running runs to end: {self.runs} may run at once"
        if self.runs_per_user is not None and (own := going.get(user, 0)) >= self.runs_per_user:
            return f"one of {user}'s {own} running runs to end: nobody may have more than {self.runs_per_user}"
        return None


def ready_segments(session: Session, wanted: int, limits: Limits = Limits()) -> list[Ready]:  # frozen
    """Segments that may be sent now, of the first runs in line that have any: at least `wanted` of them unless there are no more."""
    ready, offset, going = list[Ready](), 0, going_runs(session)
    full = [user for user in _users_in_line(session) if limits.refusal(going, user)] if limits != Limits() else []
    while len(ready) < wanted:
        rows: list[Any] = list(session.execute(_runs_in_line(full).offset(offset).limit(RUNS_PER_LOOK)))
        if not rows:
            break
        ready += _of_runs(session, {run.id: (run, live) for run, live in rows if _enters(limits, going, run)})
        offset += RUNS_PER_LOOK
    return ready


def going_runs(session: Session) -> Counter[str]:
    """User → how many of their runs are running."""
    query = select(Run.created_by, func.count()).where(Run.state == RunState.running.value).group_by(Run.created_by)
    return Counter(dict(session.execute(query).all()))


def held_back(session: Session, runs: ColumnElement[bool]) -> dict[str, list[str]]:
    """Of `runs` those that have nothing to do now but to train policies that are paused: run → these policies."""
    could = exists().where(SegmentRow.run_id == Run.id, SegmentRow.state == "planned", NEEDS_ARE_DONE, ~IS_HELD_BACK)
    query = select(Run.id, Run.paused_policies).where(runs, func.cardinality(Run.paused_policies) > 0, ~could.correlate(Run))
    return dict(session.execute(query).all())


def _users_in_line(session: Session) -> list[str]:
    return list(session.scalars(select(Run.created_by).where(Run.state == QUEUED).distinct()))


def _enters(limits: Limits, going: Counter[str], run: Run) -> bool:
    """Whether the run may be sent something; a queued one that may is counted."""
    if run.state != QUEUED:
        return True
    if limits.refusal(going, run.created_by):
        return False
    going[run.created_by] += 1
    return True


def _of_runs(session: Session, runs: Mapping[str, tuple[Run, int]]) -> list[Ready]:
    query = select(SegmentRow).join(Run, Run.id == SegmentRow.run_id)
    query = query.where(SegmentRow.state == "planned", NEEDS_ARE_DONE, SegmentRow.run_id.in_(runs), ~IS_HELD_BACK)
    lost_by, found = _lost_by(session, runs), list[Ready]()
    for row in session.scalars(query):
        run, live = runs[row.run_id]
        if row.kind == Kind.export or RunState(run.state) not in TERMINAL:
            turn = (live, run.state == QUEUED, run.served_at or run.created_at)
            found.append(Ready(run.id, run.priority, turn, run.fingerprint, row.position, segment_of(row), lost_by[row.run_id, row.key]))
    return found


def _lost_by(session: Session, runs: Iterable[str]) -> Mapping[tuple[str, str], frozenset[str]]:
    """(run, segment) → workers that were lost with it."""
    found = defaultdict[tuple[str, str], frozenset[str]](frozenset)
    query = select(Attempt.run_id, Attempt.segment_key, Attempt.worker).where(Attempt.state == "lost", Attempt.run_id.in_(runs))
    for run, key, worker in session.execute(query):
        found[run, key] |= {worker}
    return found


def _runs_in_line(full: list[str]) -> Any:
    """Runs with something planned and how many workers each has, in the order in which they come to their turn."""
    planned = exists().where(SegmentRow.run_id == Run.id, SegmentRow.state == "planned")
    to_export = exists().where(SegmentRow.run_id == Run.id, SegmentRow.state == "planned", SegmentRow.kind == Kind.export.value)
    held = select(Attempt.run_id, func.count().label("live")).where(Attempt.state.in_(LIVE)).group_by(Attempt.run_id).subquery()
    live = func.coalesce(held.c.live, 0)
    begins = and_(Run.state == QUEUED, Run.created_by.not_in(full))
    going = and_(or_(begins, Run.state == RunState.running.value), planned)
    over = and_(Run.state.in_([state.value for state in TERMINAL]), to_export)
    order = (Run.priority.desc(), live, Run.state == QUEUED, func.coalesce(Run.served_at, Run.created_at), Run.id)
    return select(Run, live).outerjoin(held, held.c.run_id == Run.id).where(or_(going, over)).order_by(*order)
