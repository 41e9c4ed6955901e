"""What a run leaves: log, checkpoints, probes, result, exports."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, ScalarSelect, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, aliased

from copd_engine.plan import BASE, MERGED, Ref
from server.api.schemas.results import (
    ActorKind,
    Budget,
    CheckpointView,
    ExportView,
    KeptCheckpoint,
    LogEntry,
    LogPage,
    ProbeView,
    ResultCard,
    SampleView,
    Score,
    SweepView,
)
from server.db.held import Judged, pinned
from server.db.models import Attempt, Checkpoint, Edit, Export, LogLine, Run, SampleRow, SegmentRow
from server.db.standing import standing, whole_means
from server.db.transition import SCHEDULER

Z95 = 1.96
Level = Literal["info", "warning", "error"]
LEVELS: tuple[Level, ...] = ("info", "warning", "error")
_IS_FROM: dict[ActorKind, ColumnElement[bool]] = {
    "people": LogLine.attempt_id.is_(None) & (LogLine.actor != SCHEDULER),
    "scheduler": LogLine.actor == SCHEDULER,
    "workers": LogLine.attempt_id.is_not(None) & (LogLine.actor != SCHEDULER),
}


@dataclass(frozen=True)
class LogFilter:
    """Which lines of a log: of one attempt, of one policy, of a level and above, from these kinds of actors, with a text in them."""

    attempt: int | None = None
    policy: str | None = None
    level: Level = "info"
    actors: Collection[ActorKind] = ()
    text: str = ""

    def conditions(self) -> list[ColumnElement[bool]]:
        levels = LEVELS[LEVELS.index(self.level) :]
        found: list[ColumnElement[bool]] = [LogLine.level.in_(levels)]
        if self.attempt is not None:
            found.append(LogLine.attempt_id == self.attempt)
        if self.policy is not None:
            found.append(LogLine.policy == self.policy)
        if self.actors:
            found.append(or_(*(_IS_FROM[kind] for kind in self.actors)))
        if self.text:
            found.append(or_(LogLine.message.icontains(self.text, autoescape=True), LogLine.actor.icontains(self.text, autoescape=True)))
        return found


def log(db: Session, run_id: str, wanted: LogFilter, *, after: int | None, before: int | None, limit: int) -> LogPage:
    """Oldest first. With `after` the next entries from there; otherwise the newest (before `before`)."""
    query = (
        select(LogLine, Attempt.segment_key, attempt_number())
        .outerjoin(Attempt, Attempt.id == LogLine.attempt_id)
        .where(LogLine.run_id == run_id, *wanted.conditions())
    )
    if after is not None:
        query = query.where(LogLine.id > after)
    if before is not None:
        query = query.where(LogLine.id < before)
    forward = after is not None
    rows = list(db.execute(query.order_by(LogLine.id if forward else LogLine.id.desc()).limit(limit)).all())
    if not forward:
        rows.reverse()
    entries = [
        LogEntry(
            id=r.id, time=r.time, level=_level(r.level), actor=r.actor, kind=_kind(r), message=r.message, policy=r.policy,
            attempt=r.attempt_id, segment=segment, attempt_number=number,
        )
        for r, segment, number in rows
    ]  # fmt: skip
    return LogPage(entries=entries, next=entries[-1].id if entries else after)


def attempt_number() -> ScalarSelect[int | None]:
    """What people call an attempt by: its number among those at its segment. Of the row of Attempt in the statement around it."""
    earlier = aliased(Attempt)
    same = (earlier.run_id == Attempt.run_id, earlier.segment_key == Attempt.segment_key, earlier.id <= Attempt.id)
    return select(func.nullif(func.count(), 0)).select_from(earlier).where(*same).correlate(Attempt).scalar_subquery()


def _kind(row: LogLine) -> ActorKind:
    if row.actor == SCHEDULER:
        return "scheduler"
    return "people" if row.attempt_id is None else "workers"


def _level(text: str) -> Level:
    return text if text in ("warning", "error") else "info"


def checkpoint(db: Session, run_id: str, ref: Ref) -> CheckpointView | None:
    """What the store holds at a policy's step: that of the highest attempt."""
    wanted = (Checkpoint.policy == ref.policy, Checkpoint.step == ref.step, Checkpoint.deleted_at.is_(None))
    query = select(Checkpoint).where(Checkpoint.run_id == run_id, *wanted).order_by(Checkpoint.attempt_id.desc()).limit(1)
    row = db.scalars(query).one_or_none()
    return CheckpointView(**columns(row, pinned(db, run_id))) if row else None


def swept(db: Session, run_id: str, found: Sequence[Judged], *, dry_run: bool) -> SweepView:
    """What goes and what stays of the checkpoints that were judged."""
    pins = pinned(db, run_id)
    removed = [CheckpointView(**columns(row, pins)) for row, reasons in found if not reasons]
    kept = [KeptCheckpoint(**columns(row, pins), reasons=reasons) for row, reasons in found if reasons]
    return SweepView(
        dry_run=dry_run,
        removed=removed,
        removed_bytes=sum(view.bytes for view in removed),
        kept=kept,
        kept_bytes=sum(view.bytes for view in kept),
    )


def columns(row: Checkpoint, pins: Mapping[Ref, str]) -> dict[str, Any]:
    """A checkpoint's row as CheckpointView has it."""
    names = ("policy", "step", "digest", "bytes", "has_state", "created_at")
    return {**{name: getattr(row, name) for name in names}, "attempt": row.attempt_id, "pinned_by": pins.get(Ref(row.policy, row.step))}


def probes(db: Session, run_id: str, policies: Sequence[str] | None) -> list[ProbeView]:
    """Each kept prompt with the newest answer of each policy."""
    query = (
        select(SampleRow)
        .ext(distinct_on(SampleRow.domain, SampleRow.index, SampleRow.policy))
        .where(SampleRow.run_id == run_id, SampleRow.policy.in_(policies or [BASE, MERGED]))
        .order_by(SampleRow.domain, SampleRow.index, SampleRow.policy, SampleRow.step.desc())
    )
    grouped: defaultdict[tuple[str, int], list[SampleRow]] = defaultdict(list)
    for row in db.scalars(query):
        grouped[row.domain, row.index].append(row)
    return [_probe(run_id, rows) for rows in grouped.values()]


def _probe(run_id: str, rows: list[SampleRow]) -> ProbeView:
    first = rows[0]
    names = ("policy", "step", "completion", "reward", "reason")
    return ProbeView(
        domain=first.domain,
        index=first.index,
        prompt=first.prompt,
        answer=first.answer,
        media=[f"/api/v1/runs/{run_id}/{path}" for path in first.media],
        samples=[SampleView(**{name: getattr(row, name) for name in names}) for row in rows],
    )


def exports(db: Session, run_id: str) -> list[ExportView]:
    return [_export_view(*row) for row in db.execute(_exports().where(Export.run_id == run_id).order_by(Export.id))]


def export(db: Session, run_id: str, export_id: int) -> Export | None:
    return db.scalar(select(Export).where(Export.run_id == run_id, Export.id == export_id))


def export_name(row: Export) -> str:
    return f"{row.run_id}-{row.policy}-{row.step}"


def export_view(db: Session, row: Export) -> ExportView:
    return _export_view(*db.execute(_exports().where(Export.id == row.id)).one())


def _exports() -> Any:
    """Exports with the state of the segment that makes each, when it began, and why its newest attempt failed."""
    segment = (SegmentRow.run_id == Export.run_id) & (SegmentRow.key == Export.segment_key)
    failed = (
        select(Attempt.error["message"].astext)
        .where(Attempt.run_id == Export.run_id, Attempt.segment_key == Export.segment_key)
        .order_by(Attempt.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    return select(Export, SegmentRow.state, SegmentRow.started_at, failed).outerjoin(SegmentRow, segment)


def _export_view(row: Export, segment_state: str | None, started_at: datetime | None, error: str | None) -> ExportView:
    state = "ready" if row.path else "failed" if segment_state == "failed" else "waiting"
    names = ("id", "policy", "step", "requested_by", "requested_at", "ready_at")
    return ExportView(
        **{name: getattr(row, name) for name in names},
        segment=row.segment_key,
        file=f"{export_name(row)}.zip",
        state=state,
        started_at=started_at if segment_state != "planned" else None,
        reason=error if state == "failed" else None,
        url=f"/api/v1/runs/{row.run_id}/exports/{row.id}/download" if row.path else None,
    )


def result(db: Session, run: Run) -> ResultCard:
    """The standing accuracy of each policy in each domain, and what it cost."""
    scores = _scores(db, run.id)
    means = {policy: _mean(rows) for policy, rows in _by_policy(scores).items() if len(rows) == len(run.spec["domains"])}
    experts = {policy: mean for policy, (mean, _) in means.items() if policy not in (BASE, MERGED)}
    best = max(experts, key=lambda policy: experts[policy], default=None)
    merged_mean, merged_se = means.get(MERGED, (None, None))
    digest, step = _merged_checkpoint(db, run.id)
    rounds = {ref: mean for ref, mean in whole_means(db, run).items() if ref.policy == MERGED}
    top = max(rounds, key=lambda ref: (rounds[ref], ref.step), default=None)
    edits = db.scalar(select(func.count()).select_from(Edit).where(Edit.run_id == run.id, Edit.author != SCHEDULER)) or 0
    wall = (run.ended_at or datetime.now(UTC)) - run.started_at if run.started_at else None
    return ResultCard(
        step=step,
        digest=digest,
        scores=scores,
        base_mean=means.get(BASE, (None, None))[0],
        merged_mean=merged_mean,
        merged_mean_se=merged_se,
        best_step=top.step if top else None,
        best_mean=rounds[top] if top else None,
        best_expert=best,
        best_expert_mean=experts[best] if best else None,
        budgets=_budgets(db, run.id),
        edits=edits,
        wall_seconds=wall.total_seconds() if wall else 0.0,
        exports=exports(db, run.id),
    )


def _scores(db: Session, run_id: str) -> list[Score]:
    newest = standing([run_id])
    query = select(newest.c.policy, newest.c.domain, newest.c.value, func.coalesce(newest.c.se, 0.0)).order_by(newest.c.id)
    return [
        Score(policy=policy, domain=domain, accuracy=value, se=se, low=max(0.0, value - Z95 * se), high=min(1.0, value + Z95 * se))
        for policy, domain, value, se in db.execute(query)
    ]


def _by_policy(scores: Sequence[Score]) -> dict[str, list[Score]]:
    grouped: defaultdict[str, list[Score]] = defaultdict(list)
    for score in scores:
        grouped[score.policy].append(score)
    return dict(grouped)


def _mean(scores: Sequence[Score]) -> tuple[float, float]:
    """Mean over domains and its standard error; the domains' prompts are independent."""
    count = len(scores)
    return sum(s.accuracy for s in scores) / count, sum(s.se**2 for s in scores) ** 0.5 / count


def _merged_checkpoint(db: Session, run_id: str) -> tuple[str | None, int]:
    query = (
        select(Checkpoint.digest, Checkpoint.step)
        .where(Checkpoint.run_id == run_id, Checkpoint.policy == MERGED)
        .order_by(Checkpoint.step.desc(), Checkpoint.attempt_id.desc())
        .limit(1)
    )
    row = db.execute(query).one_or_none()
    return row or (None, 0)


def _budgets(db: Session, run_id: str) -> list[Budget]:
    """What training cost, per expert; attempts that were thrown away count too, for they were paid."""

    def total(name: str) -> Any:
        return func.coalesce(func.sum(Attempt.counts[name].as_integer()), 0)

    query = (
        select(SegmentRow.policy, total("optimizer_steps"), total("rollouts"), total("tokens"))
        .join(Attempt, (Attempt.run_id == SegmentRow.run_id) & (Attempt.segment_key == SegmentRow.key))
        .where(SegmentRow.run_id == run_id, SegmentRow.kind.in_(["rlvr", "opd"]))
        .group_by(SegmentRow.policy)
        .order_by(func.min(SegmentRow.position))
    )
    return [
        Budget(policy=policy, optimizer_steps=steps, rollouts=rollouts, tokens=tokens)
        for policy, steps, rollouts, tokens in db.execute(query)
    ]
