"""What a spec will take: its model's headers, and how quick earlier runs of the same model were."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

import redis
from sqlalchemy import select
from sqlalchemy.orm import Session

from copd_engine.plan import Kind, Segment
from copd_engine.reach import Reach
from copd_engine.spec import RunSpec
from server.api.schemas.estimates import Estimate, MemoryEstimate
from server.commands.locked import spec_of
from server.db.models import Run, SegmentRow
from server.db.segments import segment_of
from server.estimates import (
    ModelSize,
    SizeUnknownError,
    Work,
    lora_parameters,
    memory_of,
    model_size,
    seconds_of,
    token_counter,
    training_tokens,
)
from server.queries.system import reports_if_reachable

LIKE_RUNS = 3
"""Of the newest runs of the same model, so many are measured by."""
MOST_SEGMENTS = 2_000


def estimate(db: Session, client: redis.Redis, spec: RunSpec, segments: Sequence[Segment], reach: Reach) -> Estimate:
    """`segments`: what is left to do of the plan."""
    tokens = training_tokens(spec, segments)
    size, trainable, said = _size(spec, reach)
    held = None if size is None or trainable is None else memory_of(spec, segments, size, trainable)
    lanes = max(1, min(len(spec.policies()), len(reports_if_reachable(client))))
    measured, names = _measured(db, spec)
    return Estimate(
        parameters=size.parameters if size else None,
        trainable=trainable,
        parameters_from=said,
        memory=None if held is None else MemoryEstimate(**vars(held), total=held.total),
        tokens=tokens,
        seconds=seconds_of(spec, segments, measured, lanes),
        workers=lanes,
        seconds_from=names,
    )


def first_evaluation_seconds(db: Session, run: Run, now: datetime) -> float | None:
    """Until a run's first evaluation is over, at the speed of earlier runs of the same model; None when it is, or none was timed."""
    evaluations = select(SegmentRow).where(SegmentRow.run_id == run.id, SegmentRow.kind == Kind.evaluate.value)
    first = db.scalar(evaluations.order_by(SegmentRow.position, SegmentRow.key).limit(1))
    if first is None or first.state == "done":
        return None
    spec = spec_of(run)
    work = _measured(db, spec)[0].get(Kind.evaluate, Work())
    if work.tokens == 0:
        return None
    elapsed = (now - first.started_at).total_seconds() if first.started_at else 0.0
    return max(0.0, token_counter(spec)(segment_of(first)) * work.seconds / work.tokens - elapsed)


def _size(spec: RunSpec, reach: Reach) -> tuple[ModelSize | None, int | None, str]:
    """The model, how many of its parameters train, and where that is from or why it is not known."""
    try:
        size = model_size(spec.model.path, reach)
    except SizeUnknownError as unknown:
        return None, None, f"not known: {unknown}"
    if spec.model.lora is None:
        return size, size.parameters, size.basis
    try:
        return size, lora_parameters(size, spec.model.lora), size.basis
    except SizeUnknownError as unknown:
        return size, None, f"{size.basis}; {unknown}"


def _measured(db: Session, spec: RunSpec) -> tuple[dict[Kind, Work], list[str]]:
    """Kind → what the newest runs of the same model and device share did of it; and the names of these runs, newest first."""
    like = Run.spec["model"] == spec.model.model_dump(mode="json")
    trained = select(SegmentRow.run_id).where(SegmentRow.run_id == Run.id, SegmentRow.state == "done", SegmentRow.steps > 0).exists()
    runs = {run.id: run for run in db.scalars(select(Run).where(like, trained).order_by(Run.created_at.desc(), Run.id).limit(LIKE_RUNS))}
    done = select(SegmentRow).where(SegmentRow.run_id.in_(runs), SegmentRow.state == "done", SegmentRow.started_at.is_not(None))
    tokens = {run_id: token_counter(spec_of(run)) for run_id, run in runs.items()}
    work: defaultdict[Kind, Work] = defaultdict(Work)
    for row in db.scalars(done.limit(MOST_SEGMENTS)):
        if row.started_at is None or row.ended_at is None:
            continue
        segment = segment_of(row)
        work[segment.kind] += Work(tokens[row.run_id](segment), (row.ended_at - row.started_at).total_seconds())
    return dict(work), list(dict.fromkeys(run.name for run in runs.values()))
