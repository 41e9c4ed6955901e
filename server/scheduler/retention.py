"""Removes checkpoints that nobody will read again, so that a run takes the space of its round ends, not of its steps."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from copd_engine.plan import MERGED, Kind, Ref, Segment
from server.commands.locked import locked_run
from server.db.models import Checkpoint, SegmentRow
from server.db.segments import segment_of
from server.scheduler.archive import Archive

RETENTION_LOCK = 7_301_144_002
"""Advisory lock: whoever holds it, a backup say, keeps every checkpoint where it is. `client.stack.backup` has the same number."""
BATCH = 20
"""Checkpoints removed in one transaction: the run's row is locked meanwhile, so that nobody asks for one as it goes."""


@dataclass(frozen=True)
class Held:
    """A checkpoint the store holds."""

    ref: Ref
    attempt: int


def unneeded(held: Sequence[Held], segments: Iterable[Segment], done: Collection[str]) -> list[Held]:
    """What can go: no unfinished segment reads it, it is not at a round's end, and its policy has a later one. Pure.

    done: keys of the finished segments. Of several attempts' at one step only the newest is ever read.
    """
    needed = set[Ref]()
    for segment in segments:
        if segment.key not in done or segment.kind is Kind.merge:
            needed |= {segment.start, *segment.teachers}
    newest_step, newest_attempt = dict[str, int](), dict[Ref, int]()
    for item in held:
        newest_step[item.ref.policy] = max(newest_step.get(item.ref.policy, 0), item.ref.step)
        newest_attempt[item.ref] = max(newest_attempt.get(item.ref, 0), item.attempt)
    kept = needed | {Ref(policy, step) for policy, step in newest_step.items()}
    return [item for item in held if item.attempt < newest_attempt[item.ref] or (item.ref not in kept and item.ref.policy != MERGED)]


def may_prune(session: Session) -> bool:
    """Whether checkpoints may be removed in this transaction: not while somebody copies the store."""
    return bool(session.scalar(select(func.pg_try_advisory_xact_lock_shared(RETENTION_LOCK))))


def prune(session: Session, archive: Archive, run_id: str) -> int:
    """Removes up to BATCH checkpoints of a run from the store. Returns how many. Killed half-way, it starts over."""
    locked_run(session, run_id)
    rows = list(session.scalars(select(Checkpoint).where(Checkpoint.run_id == run_id, Checkpoint.deleted_at.is_(None))))
    segments = list(session.scalars(select(SegmentRow).where(SegmentRow.run_id == run_id)))
    done = {row.key for row in segments if row.state == "done"}
    held = {Held(Ref(row.policy, row.step), row.attempt_id): row for row in rows}
    gone = unneeded(list(held), map(segment_of, segments), done)[:BATCH]
    for item in gone:
        archive.delete(run_id, held[item].path)
        held[item].deleted_at = func.now()
    return len(gone)
