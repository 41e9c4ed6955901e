"""Who worked on what of a run, when, and when nobody could: what the timeline is drawn from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.orm import Session

from server.db.models import Attempt, LogLine, SegmentRow
from server.db.transition import HELD_BACK
from server.figures.data import Halt, Spell
from server.states import RunState

BROKEN_OFF = ("stopped", "failed", "lost")
"""States of attempts that ended before their segment did."""
GOES_ON = (RunState.queued, RunState.running)
"""States in which work is sent to workers."""


def spells(db: Session, run_id: str, now: datetime) -> list[Spell]:
    """The run's attempts, in the order in which they began; one under way lasts until now.

    A segment that a fork has from another run was not attempted in it: it is one spell, of no worker.
    """
    is_inherited, planned_end = Attempt.id.is_(None), SegmentRow.step + SegmentRow.steps
    stored_end = func.coalesce(Attempt.stored_step, Attempt.start_step)
    all_ = (
        select(
            SegmentRow.key.label("segment"), SegmentRow.kind, SegmentRow.policy, SegmentRow.domain, SegmentRow.needs,
            func.row_number().over(partition_by=SegmentRow.key, order_by=Attempt.id).label("attempt"),
            func.coalesce(Attempt.state, SegmentRow.state).label("state"), Attempt.worker,
            case((is_inherited, SegmentRow.started_at), else_=Attempt.sent_at).label("sent"),
            case((is_inherited, SegmentRow.started_at), else_=Attempt.started_at).label("start"),
            func.coalesce(case((is_inherited, SegmentRow.ended_at), else_=Attempt.ended_at), now).label("end"),
            func.coalesce(Attempt.start_step, SegmentRow.step).label("start_step"),
            case((Attempt.state.in_(BROKEN_OFF), stored_end), else_=planned_end).label("end_step"), Attempt.seconds,
        )
        .outerjoin(Attempt, and_(Attempt.run_id == SegmentRow.run_id, Attempt.segment_key == SegmentRow.key))
        .where(SegmentRow.run_id == run_id)
        .subquery()
    )  # fmt: skip
    begun = select(all_).where(all_.c.start.is_not(None)).order_by(all_.c.start, all_.c.segment, all_.c.attempt)
    return [Spell(**{**row._asdict(), "seconds": row.seconds or {}}) for row in db.execute(begun)]


def halts(db: Session, run_id: str, now: datetime) -> list[Halt]:
    """When the run, or one policy of it, was not to go on: by the log's lines of its changes of state and of pauses of policies."""
    told = or_(LogLine.data.has_key("trigger"), LogLine.data.has_key(HELD_BACK))
    lines = db.execute(select(LogLine.time, LogLine.data).where(LogLine.run_id == run_id, told).order_by(LogLine.id))
    return list(_halts(((time, data) for time, data in lines), now))


def _halts(changes: Iterable[tuple[datetime, Mapping[str, Any]]], now: datetime) -> Iterator[Halt]:
    since: dict[str | None, datetime] = {}
    for time, data in changes:
        held: set[str | None] = {name for name in since if name is not None}
        if HELD_BACK in data:
            held = set(data[HELD_BACK])
        is_halted = data["to"] not in GOES_ON if "trigger" in data else None in since
        stopped = held | ({None} if is_halted else set())
        for name in since.keys() - stopped:
            yield Halt(name, since.pop(name), time)
        for name in stopped - since.keys():
            since[name] = time
    for name, start in since.items():
        yield Halt(name, start, now)
