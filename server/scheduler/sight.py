"""What Redis shows at one moment: workers, leases, and whether a missing lease means anything."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import redis
import structlog
from pydantic import ValidationError

from server.scheduler.judge import LiveAttempt
from worker.bus import LEASE_SECONDS, WORKERS, WorkerReport, lease_key, worker_key

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Sight:
    workers: dict[str, WorkerReport]
    leases: frozenset[int]
    """Attempts whose lease is held."""
    trusted: bool
    """Whether a missing lease means a lost attempt. Not so for one lease time after an outage: nobody could renew."""


class Trust:
    """Remembers outages. Time that passed unseen (a suspended machine, a stopped process) counts as one: leases expired meanwhile."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._believe_at = 0.0
        self._seen_at: float | None = None

    def failed(self) -> None:
        self._believe_at = self._clock() + LEASE_SECONDS

    def seen(self, uptime: float) -> bool:
        """Redis answered, and has been up for `uptime` seconds. Returns whether missing leases can be believed."""
        now = self._clock()
        if self._seen_at is not None and not 0 <= now - self._seen_at < LEASE_SECONDS / 2:
            self.failed()
        self._seen_at = now
        return now >= self._believe_at and uptime >= LEASE_SECONDS


class Lookout:
    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self.trust = Trust()

    def look(self, live: Sequence[LiveAttempt]) -> Sight:
        """Raises redis.RedisError when Redis is away; that outage is remembered."""
        try:
            return self._look(live)
        except redis.RedisError:
            self.trust.failed()
            raise

    def _look(self, live: Sequence[LiveAttempt]) -> Sight:
        info: Any
        names: Any
        pipe = self._redis.pipeline(transaction=False)
        pipe.info("server")
        pipe.zrange(WORKERS, 0, -1)
        info, names = pipe.execute()
        keys = [*(lease_key(attempt.run, attempt.id) for attempt in live), *(worker_key(name.decode()) for name in names)]
        answers: Any = self._redis.mget(keys) if keys else []
        leases, reports = answers[: len(live)], answers[len(live) :]
        return Sight(
            workers=_reports(reports),
            leases=frozenset(attempt.id for attempt, holder in zip(live, leases, strict=True) if holder is not None),
            trusted=self.trust.seen(float(info["uptime_in_seconds"])),
        )


def _reports(answers: Sequence[bytes | None]) -> dict[str, WorkerReport]:
    """Reports by name; those that expired are gone, those that cannot be read are left out and said."""
    reports = list[WorkerReport]()
    for answer in answers:
        try:
            if answer is not None:
                reports.append(WorkerReport.model_validate_json(answer))
        except ValidationError as error:
            log.warning("worker_report_unreadable", reason=str(error))
    return {report.name: report for report in reports}
