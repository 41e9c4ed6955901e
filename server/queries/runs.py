"""Runs as lists and pages show them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

import redis
from sqlalchemy import and_, func, select, tuple_
from sqlalchemy.orm import Session

from copd_engine.plan import BASE, MERGED, TRAINING
from copd_engine.spec import RunSpec
from server.api.schemas.attempts import AttemptView
from server.api.schemas.runs import Descendant, Origin, Progress, RunError, RunSummary, SegmentView
from server.api.schemas.runs import Run as RunView
from server.api.schemas.specs import PolicyView
from server.commands.locked import spec_of
from server.db.models import Attempt, Checkpoint, Run, SegmentRow
from server.db.standing import recent_scores
from server.outlook import eta_seconds
from server.queries.artifacts import attempt_number
from server.queries.controls import control_views, edit_views
from server.queries.estimates import first_evaluation_seconds
from server.queries.system import reports_if_reachable
from server.queries.work import IS_TRAINING, lanes_of, under_way_of, work_of
from server.scheduler.leader import is_led
from server.states import TERMINAL, RunState, allowed_commands
from worker.bus import WorkerReport

ATTENDED = frozenset({RunState.queued, RunState.running, RunState.pausing, RunState.failing, RunState.cancelling})
"""States that end only with a scheduler's help."""
NO_SCHEDULER = "the scheduler: none is running; start one with `copd up`"


def run_view(db: Session, client: redis.Redis, run_id: str) -> RunView:
    run = db.get_one(Run, run_id, populate_existing=True)
    spec = spec_of(run)
    reports = reports_if_reachable(client)
    summary = summaries(db, [run], reports)[0]
    return RunView(
        **dict(summary),
        notes=run.notes,
        spec=run.spec,
        source=run.source,
        control_version=run.control_version,
        deadline=run.deadline,
        error=_error(db, run),
        policies=policies(spec),
        domains=list(spec.domains),
        edges=spec.edges(),
        controls=control_views(db, run),
        edits=edit_views(db, run, reports),
        forked_from=Origin(run=run.forked_from, round=run.forked_round) if run.forked_from and run.forked_round is not None else None,
        forks=_forks(db, run_id),
        paused_policies=run.paused_policies,
        pause_seconds=run.pause_seconds,
        first_evaluation_seconds=first_evaluation_seconds(db, run, datetime.now(UTC)) if summary.state == RunState.running else None,
    )


def _error(db: Session, run: Run) -> RunError | None:
    if not run.error:
        return None
    error = RunError.model_validate(run.error)
    error.attempt_number = db.scalar(select(attempt_number()).select_from(Attempt).where(Attempt.id == error.attempt))
    failed = db.get(SegmentRow, (run.id, error.segment)) if error.segment else None
    if failed and failed.kind in TRAINING:
        of_policy = (Checkpoint.run_id == run.id, Checkpoint.policy == failed.policy, Checkpoint.deleted_at.is_(None))
        error.resumes_at = db.scalar(select(func.max(Checkpoint.step)).where(*of_policy, Checkpoint.has_state)) or 0
    return error


def _forks(db: Session, run_id: str) -> list[Descendant]:
    query = select(Run.id, Run.name, Run.forked_round).where(Run.forked_from == run_id).order_by(Run.created_at, Run.id)
    return [Descendant(run=run, name=name, round=round_ or 0) for run, name, round_ in db.execute(query)]


def policies(spec: RunSpec) -> list[PolicyView]:
    """Base, what trains, and merged, with their colours: the names decide, so that a policy looks the same everywhere.

    Not the place in the spec: PostgreSQL keeps the keys of a document by length and then by name, whatever their order was.
    """
    views = [PolicyView(name=BASE, role="base", domain=None, colour=0)]
    for place, (name, domains) in enumerate(sorted(spec.policies().items(), key=lambda policy: (len(policy[0]), policy[0]))):
        views.append(PolicyView(name=name, role="expert", domain=domains[0] if len(domains) == 1 else None, colour=2 + place))
    return [*views, PolicyView(name=MERGED, role="merged", domain=None, colour=1)]


def segments(db: Session, run_id: str) -> list[SegmentView]:
    """The plan in its order; `worker` is that of the newest attempt."""
    newest = (
        select(
            Attempt.segment_key, func.count().label("attempts"), func.max(Attempt.id).label("id"),
            func.count().filter(Attempt.state.in_(["lost", "failed"])).label("lost"),
        ).where(Attempt.run_id == run_id).group_by(Attempt.segment_key).subquery()
    )  # fmt: skip
    query = (
        select(SegmentRow, newest.c.attempts, newest.c.lost, Attempt.worker, Attempt.start_step)
        .outerjoin(newest, newest.c.segment_key == SegmentRow.key)
        .outerjoin(Attempt, Attempt.id == newest.c.id)
        .where(SegmentRow.run_id == run_id)
        .order_by(SegmentRow.position, SegmentRow.key)
    )
    return [_segment_view(row, attempts or 0, lost or 0, worker, start) for row, attempts, lost, worker, start in db.execute(query)]


def attempts(db: Session, run_id: str) -> list[AttemptView]:
    """In the order in which they were sent."""
    names = ("id", "worker", "state", "start_step", "stored_step", "sent_at", "started_at", "ended_at", "provenance")
    rows = db.scalars(select(Attempt).where(Attempt.run_id == run_id).order_by(Attempt.id))
    return [
        AttemptView(**{name: getattr(row, name) for name in names}, segment=row.segment_key, error=(row.error or {}).get("message"))
        for row in rows
    ]


def _segment_view(row: SegmentRow, attempts: int, lost: int, worker: str | None, start_step: int | None) -> SegmentView:
    names = ("key", "kind", "policy", "round", "part", "step", "steps", "domain", "teachers", "needs", "state", "started_at", "ended_at")
    return SegmentView(**{name: getattr(row, name) for name in names}, attempts=attempts, lost=lost, worker=worker, start_step=start_step)


def summaries(db: Session, runs: Sequence[Run], reports: Sequence[WorkerReport]) -> list[RunSummary]:
    """In their order."""
    ids = [run.id for run in runs]
    progress, trends = _progress(db, runs, reports), _trends(db, ids)
    is_attended = is_led(db)
    return [_summary(run, progress[run.id], trends.get(run.id, []), is_attended=is_attended) for run in runs]


def _summary(run: Run, progress: Progress, trend: list[float], *, is_attended: bool) -> RunSummary:
    state = RunState(run.state)
    reason = run.waiting_for if is_attended or state not in ATTENDED else NO_SCHEDULER
    names = ("id", "name", "tags", "method", "priority", "state_since", "created_by", "created_at", "started_at", "ended_at")
    return RunSummary(
        **{name: getattr(run, name) for name in names},
        state=state,
        allowed=allowed_commands(state, holds_policies=bool(run.paused_policies)),
        waiting_for=f"waiting for {reason}" if reason else None,
        progress=progress,
        capability=run.capability,
        trend=trend,
    )


def _progress(db: Session, runs: Sequence[Run], reports: Sequence[WorkerReport]) -> dict[str, Progress]:
    ids = [run.id for run in runs]
    is_open = and_(IS_TRAINING, SegmentRow.state != "done")
    query = (
        select(
            SegmentRow.run_id,
            func.coalesce(func.sum(SegmentRow.steps).filter(IS_TRAINING), 0).label("total"),
            func.coalesce(func.sum(SegmentRow.steps).filter(IS_TRAINING, SegmentRow.state == "done"), 0).label("done"),
            (func.max(SegmentRow.round) + 1).label("rounds"),
            func.min(SegmentRow.round).filter(is_open).label("round"),
            func.min(SegmentRow.position).filter(is_open).label("position"),
        )
        .where(SegmentRow.run_id.in_(ids))
        .group_by(SegmentRow.run_id)
    )
    rows = {row.run_id: row for row in db.execute(query)}
    phases = _phases(db, {row.run_id: row.position for row in rows.values() if row.position is not None})
    under_way = under_way_of(db, ids, reports)
    running = [run.id for run in runs if run.state == RunState.running]
    most = {run.id: min(len(spec_of(run).policies()), len(reports)) for run in runs if run.state == RunState.running}
    work, lanes = work_of(db, running, under_way), lanes_of(db, running, most)
    result = {}
    for run in runs:
        row, training = rows[run.id], run.started_at is not None and RunState(run.state) not in TERMINAL
        eta = eta_seconds(work[run.id], lanes[run.id]) if run.id in work else None
        result[run.id] = Progress(
            round=row.rounds if row.round is None else row.round + (1 if run.started_at else 0),
            rounds=row.rounds,
            phase=phases.get(run.id, "") if training else "",
            steps=min(row.done + sum(begun.steps for begun in under_way.get(run.id, {}).values()), row.total),
            total_steps=row.total,
            eta_seconds=eta,
        )
    return result


def _phases(db: Session, positions: dict[str, int]) -> dict[str, str]:
    """The kind of each run's segment at the given position."""
    at = tuple_(SegmentRow.run_id, SegmentRow.position).in_(list(positions.items()))
    query = select(SegmentRow.run_id, SegmentRow.kind).where(at, IS_TRAINING)
    return dict(db.execute(query).all())


def _trends(db: Session, ids: Sequence[str]) -> dict[str, list[float]]:
    """Run → the merged model's newest mean accuracies, oldest first, at the steps at which all its domains were evaluated."""
    scores = recent_scores(ids, MERGED)
    query = (
        select(scores.c.run_id, scores.c.step, func.avg(scores.c.value), func.max(scores.c.domains))
        .group_by(scores.c.run_id, scores.c.step)
        .order_by(scores.c.run_id, scores.c.step)
    )
    steps: defaultdict[str, list[tuple[float, int]]] = defaultdict(list)
    for run, _, mean, domains in db.execute(query):
        steps[run].append((mean, domains))
    most = {run: max(domains for _, domains in row) for run, row in steps.items()}
    return {run: [mean for mean, domains in row if domains == most[run]] for run, row in steps.items()}
