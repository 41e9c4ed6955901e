"""Going on with a failed run from its last good checkpoints, with edits or without."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from server.commands.controls import make_edits, reseeded
from server.commands.locked import locked_run
from server.db.models import Attempt, Run, SegmentRow
from server.db.session import transaction
from server.db.transition import log, transition
from server.notices import run_changed
from server.states import Trigger

NUMERICAL = "TrainingError"
"""The kind of an attempt's error when a loss or a gradient was not finite."""


def retry(session: Session, run_id: str, changes: Mapping[str, Any], author: str, *, reseed: bool = False) -> str | None:
    """Queues a failed run again: its failed segments are planned anew, from the last state they stored, with no loss held against them.

    reseed: an edit of `seed` to the next one. Returns a sentence where a retry without edits can only fail again, else None.
    Raises NotFound, TransitionError, and SpecError naming every wrong path or value.
    """
    with transaction(session):
        run = locked_run(session, run_id)
        notice = None if changes or reseed else _warning(session, run)
        before = run.error
        transition(session, run, Trigger.retry, author, data={"error": before})
        run.error = None
        run.control_version += 1
        _plan_again(session, run_id)
        wanted = reseeded(session, run, changes) if reseed else changes
        if wanted:
            make_edits(session, run, wanted, author)
        if notice:
            log(session, run_id, author, notice, level="warning")
    run_changed(run_id, "run", "edits", "segments", "log")
    return notice


def _plan_again(session: Session, run_id: str) -> None:
    failed = select(SegmentRow.key).where(SegmentRow.run_id == run_id, SegmentRow.state == "failed")
    lost = (Attempt.run_id == run_id) & Attempt.segment_key.in_(failed) & (Attempt.state == "lost")
    for attempt in session.scalars(select(Attempt).where(lost)):
        attempt.error = {**(attempt.error or {}), "kind": "not counted"}
    session.flush()
    again = update(SegmentRow).where(SegmentRow.run_id == run_id, SegmentRow.state == "failed")
    session.execute(again.values(state="planned", ended_at=None))


def _warning(session: Session, run: Run) -> str | None:
    """What to say of a retry that changes nothing after a failure that its numbers made."""
    number = (run.error or {}).get("attempt")
    attempt = session.get(Attempt, number) if number else None
    if attempt is None or (attempt.error or {}).get("kind") != NUMERICAL:
        return None
    return (
        "the same step will fail again, for nothing was changed: pause the run and lower optimizer.lr or the weights, or change seed "
        "(a retry may carry edits, and reseed)"
    )
