"""Deleting a run with everything of it: its rows at once, and a note of whose files the scheduler has still to remove."""

from __future__ import annotations

from sqlalchemy import delete, exists, func, select
from sqlalchemy.orm import Session

from server.commands.errors import NotFound, Refused
from server.db.models import Attempt, Base, Deletion, Point, PointChunk, Run, Series
from server.db.session import transaction
from server.db.transition import log
from server.notices import run_changed
from server.scheduler.judge import LIVE
from server.states import TERMINAL, RunState


def delete_run(session: Session, run_id: str, author: str, size: int) -> dict[str, int]:
    """Deletes all rows of a run that is over; its files and what Redis has of it follow. Nothing of other runs is touched.

    size: bytes of its files, for the audit log. Returns what went: table → rows. Raises NotFound, Refused.
    """
    with transaction(session):
        # FOR UPDATE, the strongest: the recorder, which may be writing, is waited for and then finds no run
        run = session.scalars(select(Run).where(Run.id == run_id).with_for_update()).one_or_none()
        if run is None:
            raise NotFound(f"there is no run '{run_id}'")
        check_deletable(session, run)
        rows = rows_of(session, run_id)
        of_run = select(Series.id).where(Series.run_id == run_id)
        for table in (Point, PointChunk):
            session.execute(delete(table).where(table.series_id.in_(of_run)))
        session.execute(delete(Run).where(Run.id == run_id))
        session.add(Deletion(run_id=run_id))
        log(session, None, author, f"deleted the run '{run.name}' ({run_id})", data={"run": run_id, "rows": rows, "bytes": size})
    run_changed(run_id, "run")
    return rows


def check_deletable(session: Session, run: Run) -> None:
    """Raises Refused for a run that is not over, or of which something is still under way."""
    if RunState(run.state) not in TERMINAL:
        raise Refused(f"a run that is {run.state} cannot be deleted; cancel it first")
    mine = Attempt.run_id == run.id
    if session.scalars(select(exists().where(mine, Attempt.state.in_(LIVE)))).one():
        raise Refused("a worker is still busy with this run, with an export perhaps; try again when it is done")
    if session.scalars(select(exists().where(mine, Attempt.recorded_seq < Attempt.events))).one():
        raise Refused("the last numbers of this run are still being recorded; try again shortly")


def rows_of(session: Session, run_id: str) -> dict[str, int]:
    """Table → rows of the run, tables without any left out."""
    counts = {
        table.name: select(func.count()).select_from(table).where(table.c.run_id == run_id)
        for table in Base.metadata.sorted_tables
        if "run_id" in table.c and table is not Deletion.__table__
    }
    of_run = select(Series.id).where(Series.run_id == run_id)
    packed = select(func.coalesce(func.sum(PointChunk.count), 0)).where(PointChunk.series_id.in_(of_run)).scalar_subquery()
    counts |= {
        "runs": select(func.count()).where(Run.id == run_id),
        "points": select(func.count() + packed).select_from(Point).where(Point.series_id.in_(of_run)),
    }
    found = {name: session.scalars(count).one() for name, count in counts.items()}
    return {name: count for name, count in found.items() if count}
