"""What people do to checkpoints: pin those they want to keep, and sweep those that nothing keeps."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from copd_engine.plan import Ref
from copd_engine.spec import Keep
from server.commands.errors import NotFound
from server.commands.locked import locked_run, spec_of
from server.db.held import Judged, judged
from server.db.models import Checkpoint, Pin
from server.db.session import transaction
from server.db.transition import log
from server.notices import run_changed


def pin(session: Session, run_id: str, ref: Ref, author: str, *, pinned: bool) -> None:
    """Pins a checkpoint that the store holds, or lets go of it. Doing what is done already changes nothing. Raises NotFound."""
    with transaction(session):
        locked_run(session, run_id)
        held = select(Checkpoint.step).where(
            Checkpoint.run_id == run_id, Checkpoint.policy == ref.policy, Checkpoint.step == ref.step, Checkpoint.deleted_at.is_(None)
        )
        if not session.scalars(held.limit(1)).all():
            raise NotFound(f"the run holds no checkpoint {ref}")
        before = session.get(Pin, (run_id, *ref))
        if pinned == (before is not None):
            return
        if before is not None:
            session.delete(before)
        else:
            session.add(Pin(run_id=run_id, policy=ref.policy, step=ref.step, author=author))
        told = f"{'pinned' if pinned else 'unpinned'} {ref.policy} at step {ref.step}"
        log(session, run_id, author, told, policy=ref.policy, data={"step": ref.step})
    run_changed(run_id, "checkpoints", "log", wake=False)


def sweep(session: Session, run_id: str, keep: Keep, author: str) -> list[Judged]:
    """Marks every checkpoint that nothing keeps: from the commit on nobody reads it, and the scheduler removes its files.

    Returns all there were, with the reasons of those that stay. Raises NotFound.
    """
    with transaction(session):
        found = mark(session, run_id, keep)
        if gone := [row for row, reasons in found if not reasons]:
            refs, size = ", ".join(f"{row.policy}@{row.step}" for row in gone), sum(row.bytes for row in gone)
            log(session, run_id, author, f"swept {len(gone)} checkpoints", data={"refs": refs, "bytes": size, "keep": keep.model_dump()})
    if gone:
        run_changed(run_id, "checkpoints", "log")
    return found


def mark(session: Session, run_id: str, keep: Keep | None = None) -> list[Judged]:
    """Inside a transaction, what `sweep` does. By default by the policy of the run's spec."""
    run = locked_run(session, run_id)
    found = judged(session, run, keep or spec_of(run).checkpoint.keep)
    for row, reasons in found:
        if not reasons:
            row.deleted_at = func.now()
    return found
