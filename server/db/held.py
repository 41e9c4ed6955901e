"""A run's checkpoints with the reasons why each is kept, as the tables say."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from copd_engine.plan import Ref
from copd_engine.spec import Keep
from server.db.models import Checkpoint, Pin, Run, SegmentRow
from server.db.segments import segment_of
from server.db.standing import whole_means
from server.retention import Held, Reason, reasons


class Judged(NamedTuple):
    row: Checkpoint
    reasons: list[Reason]
    """Empty: it may go."""


def judged(session: Session, run: Run, keep: Keep) -> list[Judged]:
    """Every checkpoint the store holds of the run, by policy and step. To act on it, lock the run's row before."""
    query = select(Checkpoint).where(Checkpoint.run_id == run.id, Checkpoint.deleted_at.is_(None))
    rows = list(session.scalars(query.order_by(Checkpoint.policy, Checkpoint.step, Checkpoint.attempt_id)))
    segments = list(session.scalars(select(SegmentRow).where(SegmentRow.run_id == run.id).order_by(SegmentRow.position)))
    held = {Held(Ref(row.policy, row.step), row.attempt_id): row for row in rows}
    why = reasons(
        list(held),
        [segment_of(row) for row in segments],
        {row.key for row in segments if row.state == "done"},
        keep,
        pinned=pinned(session, run.id),
        scores=whole_means(session, run) if keep.best else None,
    )
    return [Judged(row, why[item]) for item, row in held.items()]


def pinned(session: Session, run_id: str) -> dict[Ref, str]:
    """Pinned checkpoint → who pinned it."""
    return {Ref(pin.policy, pin.step): pin.author for pin in session.scalars(select(Pin).where(Pin.run_id == run_id))}
