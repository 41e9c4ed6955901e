"""Where structure edits bind, and the stored plan under them; for people's edits and the adaptive schedule's alike. The run is locked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, exists, or_, select, update
from sqlalchemy.orm import Session

from copd_engine.plan import BASE, Kind, plan
from copd_engine.structure import StructureEdit
from server.commands.locked import spec_of
from server.db.models import Attempt, Edit, Run, SegmentRow
from server.db.segments import replan, row_of, segment_of, structure_edits
from server.db.standing import refresh_trained


def stored_edits(session: Session, run_id: str) -> list[Edit]:
    with session.no_autoflush:
        return list(session.scalars(select(Edit).where(Edit.run_id == run_id).order_by(Edit.version)))


def first_free_round(session: Session, run_id: str) -> int:
    """The first round of which nothing has been sent. Evaluations of the base belong to no round."""
    begun = session.scalars(
        select(SegmentRow.round)
        .where(SegmentRow.run_id == run_id, SegmentRow.policy != BASE, SegmentRow.kind != Kind.export.value, _was_sent())
        .order_by(SegmentRow.round.desc())
        .limit(1)
    ).one_or_none()
    return 0 if begun is None else begun + 1


def apply_plan(session: Session, run: Run, edits: Sequence[Edit]) -> None:
    """Replaces the unsent part of the stored plan by the plan under `edits`."""
    rows = list(session.scalars(select(SegmentRow).where(SegmentRow.run_id == run.id, SegmentRow.kind != Kind.export.value)))
    sent = set(session.scalars(select(SegmentRow.key).where(SegmentRow.run_id == run.id, _was_sent())))
    changes: list[StructureEdit] = structure_edits(edits)
    result = replan([segment_of(row) for row in rows], sent, plan(spec_of(run), changes))
    session.execute(delete(SegmentRow).where(SegmentRow.run_id == run.id, SegmentRow.key.in_(result.dropped)))
    session.add_all(row_of(run.id, result.positions[segment.key], segment) for segment in result.added)
    session.flush()
    for key in sent & result.positions.keys():
        session.execute(update(SegmentRow).where(SegmentRow.run_id == run.id, SegmentRow.key == key).values(position=result.positions[key]))
    refresh_trained(session, run.id)


def _was_sent() -> Any:
    """Whether anybody began it: in this run, or in the one it was forked from."""
    attempted = exists().where(Attempt.run_id == SegmentRow.run_id, Attempt.segment_key == SegmentRow.key)
    return or_(SegmentRow.state == "done", attempted)
