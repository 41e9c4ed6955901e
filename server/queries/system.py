"""Workers and readiness."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import redis
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from server.api.schemas.system import WorkerList, WorkerView
from server.db.models import Run
from server.db.session import SessionFactory
from server.scheduler.leader import is_led
from worker.bus import WORKERS, WorkerReport, worker_key


def worker_reports(client: redis.Redis) -> list[WorkerReport]:
    """What the workers that are alive say of themselves, by name. Raises redis.RedisError."""
    names: Any = client.zrange(WORKERS, 0, -1)
    answers: Any = client.mget([worker_key(name.decode()) for name in names]) if names else []
    reports = [report for answer in answers if answer and (report := _report(answer))]
    return sorted(reports, key=lambda report: report.name)


def reports_if_reachable(client: redis.Redis) -> list[WorkerReport]:
    """The same where an answer is right without them too: empty while Redis is away."""
    try:
        return worker_reports(client)
    except redis.RedisError:
        return []


def worker_list(db: Session, client: redis.Redis) -> WorkerList:
    reports = worker_reports(client)
    ids = {report.run for report in reports if report.run}
    names = dict(db.execute(select(Run.id, Run.name).where(Run.id.in_(ids))).all())
    return WorkerList(workers=[_view(report, names.get(report.run or "")) for report in reports], scheduler_alive=is_led(db))


def readiness(sessions: SessionFactory, client: redis.Redis) -> dict[str, str]:
    """Part → `ok`, or what is wrong."""
    checks = {"postgres": "cannot be reached", "scheduler": "no scheduler leads", "redis": "cannot be reached"}
    try:
        with sessions() as db:
            checks["scheduler"] = "ok" if is_led(db) else checks["scheduler"]
            checks["postgres"] = "ok"
    except OperationalError:
        pass
    try:
        client.ping()
        checks["redis"] = "ok"
    except redis.RedisError:
        pass
    return checks


def _report(answer: bytes) -> WorkerReport | None:
    try:
        return WorkerReport.model_validate_json(answer)
    except ValidationError:  # of a worker of another version; it shows up as missing
        return None


def _view(report: WorkerReport, run_name: str | None) -> WorkerView:
    times = {name: datetime.fromtimestamp(getattr(report, name), UTC) for name in ("started_at", "seen_at")}
    return WorkerView.model_validate({**report.model_dump(exclude={"child_pid", "last_policy"}), **times, "run_name": run_name})
