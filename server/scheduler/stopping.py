"""Ends what can end: a run whose plan is done, and a stopping run once no attempt is alive."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from copd_engine.plan import TRAINING, Kind
from server.db.models import Attempt, Run, SegmentRow
from server.db.transition import SCHEDULER, transition
from server.scheduler.judge import LIVE
from server.states import STOPPING, RunState, Trigger, sources
from server.words import work_text


@dataclass(frozen=True)
class Waiting:
    """An attempt that a stopping run waits for."""

    run: str
    attempt: int
    worker: str
    work: str
    """The segment in words."""
    trains: bool
    overdue: float
    """Seconds since the run's deadline; negative before it."""


def settle(session: Session, run: Run) -> None:
    """Completes a run whose planned segments are all done, and ends the wait of one that is quiet. The run's row is locked."""
    session.flush()
    if RunState(run.state) in sources(Trigger.all_done) and not _has_undone(session, run.id):
        transition(session, run, Trigger.all_done, SCHEDULER)
    elif RunState(run.state) in STOPPING and not session.scalars(select(has_live_attempt(run.id))).one():
        transition(session, run, Trigger.quiet, SCHEDULER)


def has_live_attempt(run_id: str | InstrumentedAttribute[str]) -> ColumnElement[bool]:
    return exists().where(Attempt.run_id == run_id, Attempt.state.in_(LIVE))


def quiet_runs(session: Session) -> list[str]:
    """Stopping runs that wait for nobody; a cancelled pause, or the last attempt ended while no scheduler was there."""
    stopping = [state.value for state in STOPPING]
    return list(session.scalars(select(Run.id).where(Run.state.in_(stopping), ~has_live_attempt(Run.id))))


def waited_for(session: Session) -> list[Waiting]:
    """All live attempts of stopping runs."""
    overdue = func.extract("epoch", func.now() - Run.deadline)
    rows = session.execute(
        select(Run.id, Attempt.id, Attempt.worker, SegmentRow.kind, SegmentRow.policy, overdue)
        .join(Attempt, Attempt.run_id == Run.id)
        .join(SegmentRow, (SegmentRow.run_id == Run.id) & (SegmentRow.key == Attempt.segment_key))
        .where(Run.state.in_([state.value for state in STOPPING]), Attempt.state.in_(LIVE))
        .order_by(Run.id, Attempt.id)
    )
    return [
        Waiting(run, attempt, worker, work_text(Kind(kind), policy), Kind(kind) in TRAINING, float(seconds))
        for run, attempt, worker, kind, policy, seconds in rows
    ]


def sentence(waiting: list[Waiting]) -> str:
    """What a stopping run waits for, in words that go on from "waiting for …"."""
    work = " and ".join(f"{w.work} on {w.worker}" for w in waiting)
    if not all(w.trains for w in waiting):
        return f"{work} to stop"
    return f"{work} to finish {'its step' if len(waiting) == 1 else 'their steps'}"


def _has_undone(session: Session, run_id: str) -> bool:
    undone = exists().where(SegmentRow.run_id == run_id, SegmentRow.kind != Kind.export.value, SegmentRow.state != "done")
    return session.scalars(select(undone)).one()
