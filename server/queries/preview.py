"""What commands would do. Edits are made, looked at, and rolled back, so that a preview cannot differ from the edit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from copd_engine.plan import Kind, Segment
from server.api.schemas.runs import ControlPreview
from server.api.schemas.specs import PlannedSegment
from server.commands.controls import make_edits
from server.commands.deletion import check_deletable, rows_of
from server.commands.locked import locked_run
from server.db.models import Run, SegmentRow
from server.db.segments import segment_of
from server.queries.controls import edit_views
from worker.bus import WorkerReport


def control_preview(
    db: Session, run_id: str, changes: Mapping[str, Any], author: str, if_match: int, reports: Sequence[WorkerReport] = ()
) -> ControlPreview:
    """What `commands.edit_controls` with the same arguments would change now. Raises what it raises. `reports` tell how far the running
    segments are."""
    try:
        run = locked_run(db, run_id, if_match)
        before = _plan(db, run_id)
        make_edits(db, run, changes, author)
        db.flush()
        after = _plan(db, run_id)
        return ControlPreview(
            edits=[view for view in edit_views(db, run, reports) if view.version > if_match],
            dropped=[PlannedSegment.of(segment) for segment in before if segment not in after],
            added=[PlannedSegment.of(segment) for segment in after if segment not in before],
            total_steps=sum(segment.steps for segment in after),
            total_steps_before=sum(segment.steps for segment in before),
        )
    finally:
        db.rollback()


def deletion_preview(db: Session, run: Run) -> dict[str, int]:
    """What `commands.delete_run` would delete now: table → rows. Raises what it raises."""
    check_deletable(db, run)
    return rows_of(db, run.id)


def _plan(db: Session, run_id: str) -> dict[Segment, None]:
    """The stored plan in its order, exports aside."""
    query = select(SegmentRow).where(SegmentRow.run_id == run_id, SegmentRow.kind != Kind.export.value).order_by(SegmentRow.position)
    return dict.fromkeys(map(segment_of, db.scalars(query)))
