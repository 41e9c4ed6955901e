"""Keeps how busy the workers' machines are: a look every few seconds, for a day."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from server.db.models import UsageRow
from server.scheduler.leader import Term
from worker.bus import WorkerReport

SAMPLE_SECONDS = 10.0
KEPT = timedelta(hours=24)


class UsageHistory:
    """Takes down what the workers report, at most every SAMPLE_SECONDS. A worker that has vanished has no report, and its line ends."""

    def __init__(self, term: Term, clock: Callable[[], float] = time.monotonic) -> None:
        self._term, self._clock = term, clock
        self._due = clock()

    def look(self, workers: Collection[WorkerReport]) -> None:
        if self._clock() < self._due:
            return
        self._due = self._clock() + SAMPLE_SECONDS
        with self._term.transaction() as session:
            keep(session, workers)


def keep(session: Session, workers: Collection[WorkerReport]) -> None:
    """One row for each worker that told of its machine, under PostgreSQL's time, whatever a worker's own clock says; old rows go."""
    rows = [row_of(report) for report in workers if report.usage]
    if rows:
        session.execute(insert(UsageRow).values(rows).on_conflict_do_nothing())
    session.execute(delete(UsageRow).where(UsageRow.time < func.now() - KEPT))


def row_of(report: WorkerReport) -> dict[str, Any]:
    usage = report.usage
    assert usage  # by the caller
    names = ("cpu", "memory_used", "memory_total", "disk_free", "process_memory")
    return {
        **{name: getattr(usage, name) for name in names},
        "worker": report.name,
        "host": report.host,
        "gpu": usage.gpu.utilisation if usage.gpu else None,
        "gpu_memory_used": usage.gpu.memory_used if usage.gpu else None,
        "gpu_memory_total": usage.gpu.memory_total if usage.gpu else None,
    }
