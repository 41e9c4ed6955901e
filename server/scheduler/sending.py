"""Makes an attempt at a segment and the job that asks for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session

from copd_engine.control import Binding
from copd_engine.job import SegmentData, SegmentJob
from copd_engine.plan import BASE, TRAINING, Kind, Ref, Segment, horizon
from copd_engine.spec import RunSpec
from copd_engine.structure import spec_of_round
from server.commands.locked import locked_run, spec_of
from server.db.models import Attempt, Checkpoint, Edit, EditBinding, Run, SegmentRow
from server.db.segments import segment_of, structure_edits
from server.db.transition import SCHEDULER, log, transition
from server.scheduler.control import control_document
from server.scheduler.dispatch import Idle, Ready
from server.states import TERMINAL, RunState, Trigger
from server.words import change_text


class MissingCheckpointError(Exception):
    """A checkpoint that a ready segment reads is not in the store."""


def make_attempt(session: Session, item: Ready, worker: Idle) -> SegmentJob | None:
    """Stores a new attempt at a ready segment. Returns its job; None when the segment may not be sent any more.

    Raises MissingCheckpointError.
    """
    run = locked_run(session, item.run)
    row = session.get(SegmentRow, (run.id, item.segment.key), populate_existing=True)
    if row is None or row.state != "planned" or not _may_send(run, row):
        return None
    if segment_of(row) != item.segment:
        return None  # planned anew since it was found ready: the next look finds what there is now
    _tell_structure_edits(session, row)
    resume = _resume_point(session, run.id, item.segment)
    attempt = Attempt(
        run_id=run.id, segment_key=row.key, worker=worker.worker, start_step=resume.step if resume else row.step, seconds={}, counts={}
    )
    session.add(attempt)
    row.state, row.started_at = "running", row.started_at or func.now()
    run.fingerprint = run.fingerprint or worker.fingerprint or None
    run.waiting_for, run.served_at = None, func.now()
    if run.state == RunState.queued:
        transition(session, run, Trigger.first_sent, SCHEDULER)
    session.flush()
    return _job(session, run, attempt, item.segment, resume)


def _tell_structure_edits(session: Session, row: SegmentRow) -> None:
    """Logs those that take effect with the segment: it is the first of their round that trains."""
    trains = SegmentRow.kind.in_([kind.value for kind in TRAINING]) & SegmentRow.started_at.is_not(None)
    begun = exists().where(SegmentRow.run_id == row.run_id, SegmentRow.round == row.round, trains)
    if Kind(row.kind) not in TRAINING or session.scalars(select(begun)).one():
        return
    for edit in session.scalars(select(Edit).where(Edit.run_id == row.run_id, Edit.round == row.round).order_by(Edit.version)):
        told = f"{change_text(edit.path, edit.old, edit.value)} is effective: round {row.round + 1} begins"
        log(session, row.run_id, SCHEDULER, told, data={"version": edit.version, "round": row.round})


def _may_send(run: Run, row: SegmentRow) -> bool:
    state = RunState(run.state)
    if Kind(row.kind) in TRAINING and row.policy in run.paused_policies:
        return False
    return state in (RunState.queued, RunState.running) or (row.kind == Kind.export and state in TERMINAL)


def _resume_point(session: Session, run_id: str, segment: Segment) -> Ref | None:
    """The last state inside a training segment that an earlier attempt left in the store."""
    if segment.kind not in TRAINING:
        return None
    inside: ColumnElement[bool] = (Checkpoint.step > segment.step) & (Checkpoint.step < segment.end.step)
    query = select(func.max(Checkpoint.step)).where(
        Checkpoint.run_id == run_id, Checkpoint.policy == segment.policy, inside, Checkpoint.has_state, Checkpoint.deleted_at.is_(None)
    )
    step = session.scalars(query).one_or_none()
    return None if step is None else Ref(segment.policy, step)


def _job(session: Session, run: Run, attempt: Attempt, segment: Segment, resume: Ref | None) -> SegmentJob:
    spec = spec_of(run)
    edits = list(session.scalars(select(Edit).where(Edit.run_id == run.id).order_by(Edit.version)))
    bindings = session.scalars(select(EditBinding).where(EditBinding.run_id == run.id).order_by(EditBinding.version, EditBinding.policy))
    return SegmentJob(
        run=run.id,
        attempt=attempt.id,
        spec=spec_of_round(spec, structure_edits(edits), segment.round),
        segment=SegmentData.of(segment),
        resume=str(resume) if resume else None,
        checkpoints=dict(_paths(session, run, spec, [segment.start, *segment.teachers, *([resume] if resume else [])])),
        control=control_document(run, edits),
        bindings=tuple(Binding(version=b.version, policy=b.policy, step=b.step) for b in bindings),
        horizon=horizon(spec, structure_edits(edits), segment),
    )


def _paths(session: Session, run: Run, spec: RunSpec, refs: Sequence[Ref]) -> Iterator[tuple[str, str]]:
    """Where the store holds each checkpoint; of several attempts' the newest, which is the one that was committed. The base and fixed
    teachers are models of the spec."""
    models = {BASE, *spec.teachers}
    for ref in dict.fromkeys(refs):
        if ref.policy in models:
            continue
        query = select(Checkpoint.path).where(
            Checkpoint.run_id == run.id, Checkpoint.policy == ref.policy, Checkpoint.step == ref.step, Checkpoint.deleted_at.is_(None)
        )
        path = session.scalars(query.order_by(Checkpoint.attempt_id.desc()).limit(1)).one_or_none()
        if path is None:
            raise MissingCheckpointError(f"the store no longer holds {ref}")
        yield str(ref), path
