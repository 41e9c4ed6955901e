"""What a stream lost, from the attempts' own files: complete whatever became of Redis."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from copd_engine.events import Event
from server.db.models import Attempt
from server.recorder.batch import Batch
from server.recorder.writer import Known, write
from server.scheduler.judge import LIVE

EVENTS_AT_ONCE = 5_000
SETTLED_SECONDS = 1.0
"""Events may reach the stream a little after their attempt has ended."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Incomplete:
    """An ended attempt of which not all events are in the tables."""

    run: str
    attempt: int
    recorded: int
    events: int
    began: datetime
    ended: datetime


def incomplete_attempts(session: Session) -> list[Incomplete]:
    query = select(
        Attempt.run_id,
        Attempt.id,
        Attempt.recorded_seq,
        Attempt.events,
        func.coalesce(Attempt.started_at, Attempt.sent_at),
        Attempt.ended_at,
    )
    over = Attempt.ended_at < func.now() - func.make_interval(0, 0, 0, 0, 0, 0, SETTLED_SECONDS)
    rows = session.execute(query.where(Attempt.state.not_in(LIVE), Attempt.recorded_seq < Attempt.events, over).order_by(Attempt.id))
    return [Incomplete(*row) for row in rows]


def backfill(session: Session, gap: Incomplete, events: Iterable[Event]) -> None:
    """Stores the events the tables may lack. What is there already stays; what the file lacks too is gone, and that is said."""
    found, known = 0, Known()
    wanted = (event for event in events if gap.recorded < event.seq <= gap.events)
    while some := list(islice(wanted, EVENTS_AT_ONCE)):
        batch = Batch()
        for event in some:
            batch.add(gap.attempt, event, _time_of(event, gap))
        known = write(session, gap.run, batch, known)
        found += len(batch.seqs[gap.attempt])
    if found < gap.events - gap.recorded:
        log.warning("events_lost", run=gap.run, attempt=gap.attempt, count=gap.events - gap.recorded - found)
    session.execute(update(Attempt).where(Attempt.id == gap.attempt).values(recorded_seq=gap.events))


def _time_of(event: Event, gap: Incomplete) -> datetime:
    """The file has no times: events are spread over the attempt's life by their numbers."""
    return gap.began + (gap.ended - gap.began) * (event.seq / gap.events)
