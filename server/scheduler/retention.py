"""Removes the files of checkpoints that are marked as deleted, so that a run takes the space of what its policy keeps, not of its steps;
and those of deleted runs.

First the mark, committed; then the files; then that they are gone. Whatever is killed in between, nothing half-removed is ever listed,
and the next look removes the rest.
"""

from __future__ import annotations

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from server.commands.checkpoints import mark
from server.commands.errors import NotFound
from server.db.models import Attempt, Checkpoint, Deletion, Run
from server.scheduler.archive import Archive

RETENTION_LOCK = 7_301_144_002
"""Advisory lock: whoever holds it, a backup say, keeps every file where it is. `client.stack.backup` has the same number."""
BATCH = 20
"""Checkpoints whose files are removed in one transaction."""
AFTERMATH_SECONDS = 900
"""How long after a run was deleted its folder is looked at again."""
LOOKED_AFTER_SECONDS = 3600
"""How long after its end a new scheduler still looks at a run: the one before may have been killed before it did."""


def unsettled_runs(session: Session) -> set[str]:
    """What a new scheduler has to look at."""
    since_end = func.extract("epoch", func.now() - Run.ended_at)
    holds = exists().where(Checkpoint.run_id == Run.id, Checkpoint.deleted_at.is_(None))
    return set(session.scalars(select(Run.id).where(holds, or_(Run.ended_at.is_(None), since_end < LOOKED_AFTER_SECONDS))))


def mark_unneeded(session: Session, run_id: str) -> bool:
    """Marks what the run's own policy does not keep. Returns whether there was any."""
    try:
        return any(not reasons for _, reasons in mark(session, run_id))
    except NotFound:  # it was deleted since
        return False


def is_recorded(session: Session, run_id: str) -> bool:
    """Whether the tables hold all that ended attempts said: what is best is known then."""
    lacks = exists().where(Attempt.run_id == run_id, Attempt.recorded_seq < Attempt.events)
    return not session.scalars(select(lacks)).one()


def remove_files(session: Session, archive: Archive) -> bool:
    """Removes the files of up to BATCH marked checkpoints. Returns whether there was any that may go now."""
    marked = select(Checkpoint).where(Checkpoint.deleted_at.is_not(None), Checkpoint.gone_at.is_(None))
    rows = list(session.scalars(marked.order_by(Checkpoint.run_id).limit(BATCH)))
    if not rows or not _may_remove(session):
        return False
    for row in rows:
        archive.delete(row.run_id, row.path)
        row.gone_at = func.now()
    return True


def remove_runs(session: Session, archive: Archive) -> list[str]:
    """Removes the files of deleted runs. Returns whose.

    A worker that was cut off may write on for a while, so they are removed a second time, and only then is the run forgotten. A fork
    that was cut off counts as cleared once; one that is still being made holds its row locked, and is passed over.
    """
    since = func.extract("epoch", func.now() - Deletion.cleared_at)
    due = or_(Deletion.cleared_at.is_(None), since > AFTERMATH_SECONDS)
    oldest = select(Deletion).where(due).order_by(Deletion.requested_at).limit(BATCH)
    rows = list(session.scalars(oldest.with_for_update(skip_locked=True)))
    if not rows or not _may_remove(session):
        return []
    for row in rows:
        archive.delete_run(row.run_id)
        if row.cleared_at is None:
            row.cleared_at = func.now()
        else:
            session.delete(row)
    return [row.run_id for row in rows]


def _may_remove(session: Session) -> bool:
    """Whether files may be removed in this transaction: not while somebody copies the store."""
    return bool(session.scalar(select(func.pg_try_advisory_xact_lock_shared(RETENTION_LOCK))))
