"""How busy the workers' machines were."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from itertools import groupby

import redis
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.api.schemas.usage import UsageList, WorkerUsage
from server.db.models import Attempt, UsageRow
from server.db.session import is_one_of
from server.figures.data import MachineUse
from server.queries.system import reports_if_reachable

SAMPLE = timedelta(seconds=10)
"""How often the scheduler looks: there is nothing finer."""
SPARK_POINTS = 120
CHART_POINTS = 720


def usage_list(db: Session, client: redis.Redis, minutes: int) -> UsageList:
    """Every worker that was there in the last minutes, also those that have gone since."""
    now = datetime.now(UTC)
    there = {report.name for report in reports_if_reachable(client)}
    found = machine_use(db, None, now - timedelta(minutes=minutes), now, points=SPARK_POINTS)
    return UsageList(workers=[_view(use, is_there=use.worker in there) for use in found])


def run_usage(db: Session, run_id: str, start: datetime | None, end: datetime) -> list[MachineUse]:
    """The machines of the workers that this run used, for as long as it has been under way."""
    workers = set(db.scalars(select(Attempt.worker).where(Attempt.run_id == run_id).distinct()))
    return machine_use(db, workers, start, end, points=CHART_POINTS) if workers and start else []


def machine_use(db: Session, workers: Collection[str] | None, start: datetime, end: datetime, *, points: int) -> list[MachineUse]:
    """By worker, at most about `points` each: a stretch of time is told by its highest figures and, of free disk, the lowest."""
    width = max(SAMPLE, (end - start) / points)
    stretch = func.date_bin(width, UsageRow.time, start)
    names = ("cpu", "memory_used", "memory_total", "process_memory", "gpu", "gpu_memory_used", "gpu_memory_total")
    highest = [func.max(getattr(UsageRow, name)) for name in names]
    query = (
        select(UsageRow.worker, UsageRow.host, func.max(UsageRow.time), func.min(UsageRow.disk_free), *highest)
        .where(UsageRow.time.between(start, end), *([is_one_of(UsageRow.worker, workers)] if workers is not None else []))
        .group_by(UsageRow.worker, UsageRow.host, stretch)
        .order_by(UsageRow.worker, func.max(UsageRow.time))
    )
    found = []
    for worker, rows in groupby(db.execute(query).all(), key=lambda row: row[0]):
        _, host, time, disk_free, cpu, memory, memory_total, process, gpu, gpu_memory, gpu_total = zip(*rows, strict=True)
        found.append(
            MachineUse(
                worker, host[-1], time, cpu, memory, memory_total, disk_free, process, gpu, gpu_memory, gpu_total, width.total_seconds()
            )
        )
    return found


def _view(use: MachineUse, *, is_there: bool) -> WorkerUsage:
    return WorkerUsage(
        worker=use.worker,
        host=use.host,
        is_there=is_there,
        seconds=use.seconds,
        time=list(use.time),
        cpu=list(use.cpu),
        memory=[used / total for used, total in zip(use.memory, use.memory_total, strict=True)],
        gpu=list(use.gpu) if any(share is not None for share in use.gpu) else None,
        gpu_memory=[used / total if used is not None and total else None for used, total in zip(use.gpu_memory, use.gpu_total, strict=True)]
        if any(used is not None for used in use.gpu_memory)
        else None,
    )
