"""Asking for a model to take away. Possible while a run trains and after it has finished, without changing its state."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from copd_engine.plan import BASE, TRAINING, Kind, Ref, Segment, export_segment
from server.commands.errors import NotFound
from server.commands.locked import locked_run
from server.db.models import Checkpoint, Export, SegmentRow
from server.db.segments import row_of, segment_of
from server.db.session import transaction
from server.db.transition import log
from server.notices import run_changed


def request_export(session: Session, run_id: str, policy: str, step: int | None, author: str) -> Export:
    """Plans an export of a policy's checkpoint, its newest when `step` is None. Asking again returns the same export; one that failed
    is tried anew. Raises NotFound when there is no such run, policy or checkpoint."""
    with transaction(session):
        locked_run(session, run_id)
        ref = _checkpoint(session, run_id, policy, step)
        segment = export_segment(ref, _maker(session, run_id, ref))
        export = session.scalars(select(Export).where(Export.run_id == run_id, Export.segment_key == segment.key)).one_or_none()
        if export is None:
            export = Export(run_id=run_id, policy=ref.policy, step=ref.step, segment_key=segment.key, requested_by=author)
            _plan_segment(session, run_id, segment)
            session.add(export)
            asked = f"asked for the export of {ref.policy} at step {ref.step}"
            log(session, run_id, author, asked, policy=ref.policy, data={"step": ref.step})
        else:
            _try_again(session, run_id, segment.key)
    run_changed(run_id, "run", "segments", "log")
    return export


def _checkpoint(session: Session, run_id: str, policy: str, step: int | None) -> Ref:
    if policy == BASE and step in (None, 0):
        return Ref(BASE, 0)
    query = select(func.max(Checkpoint.step)).where(
        Checkpoint.run_id == run_id, Checkpoint.policy == policy, Checkpoint.deleted_at.is_(None)
    )
    found = session.scalars(query if step is None else query.where(Checkpoint.step == step)).one_or_none()
    if found is None:
        wanted = f"'{policy}'" if step is None else f"'{policy}' at step {step}"
        raise NotFound(f"the run holds no checkpoint of {wanted}")
    return Ref(policy, found)


def _maker(session: Session, run_id: str, ref: Ref) -> str | None:
    """The segment that leaves `ref` behind; none for the base, and for a checkpoint inside a segment."""
    makers = [*(kind.value for kind in TRAINING), Kind.merge.value]
    rows = session.scalars(
        select(SegmentRow).where(SegmentRow.run_id == run_id, SegmentRow.policy == ref.policy, SegmentRow.kind.in_(makers))
    )
    return next((row.key for row in rows if segment_of(row).end == ref and row.state == "done"), None)


def _plan_segment(session: Session, run_id: str, segment: Segment) -> None:
    last = session.scalars(select(func.max(SegmentRow.position)).where(SegmentRow.run_id == run_id)).one()
    session.add(row_of(run_id, (last or 0) + 1, segment))
    session.flush()


def _try_again(session: Session, run_id: str, key: str) -> None:
    row = session.get_one(SegmentRow, (run_id, key))
    if row.state == "failed":
        row.state = "planned"
