"""What Prometheus reads of the API's process: counts of runs, segments and workers as they stand, and the latencies of requests.

Counts are read when they are asked for, from PostgreSQL and Redis, so that any number of API processes say the same.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

import redis
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import any_, func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.db.models import Attempt, Run, SegmentRow
from server.db.points import BLOCK
from server.db.segments import NEEDS_ARE_DONE
from server.db.session import SessionFactory
from server.queries.lag import recorder_lag
from server.queries.system import worker_reports
from server.scheduler.leader import is_led
from server.states import RunState
from worker.bus import WORKER_STATES

LATENCIES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Seconds: the upper ends of the histogram's bins."""
SEGMENT_STATES = ("planned", "running", "done", "failed")
POINTS = text("""
    SELECT sum(greatest(n_live_tup, 0) * CASE relname WHEN 'points' THEN 1 ELSE :block END)
    FROM pg_stat_user_tables WHERE relname IN ('points', 'point_chunks')""").bindparams(block=BLOCK)


class SystemCollector(Collector):
    """Reads the system's state at each scrape. `copd_up` says whether each store answered; what is not known is left out."""

    def __init__(self, sessions: Callable[[], SessionFactory], client: Callable[[], redis.Redis], subscribers: Callable[[], int]) -> None:
        self._sessions, self._client, self._subscribers = sessions, client, subscribers

    def describe(self) -> list[Metric]:
        """Nothing ahead: registering must not ask the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("copd_up", "1 where the store answered this scrape", labels=["store"])
        for store, read in (("postgres", self._of_postgres), ("redis", self._of_redis)):
            try:
                metrics = list(read())
            except (SQLAlchemyError, redis.RedisError):
                up.add_metric([store], 0)
            else:
                up.add_metric([store], 1)
                yield from metrics
        yield up
        yield GaugeMetricFamily("copd_sse_subscribers", "open event streams of this API process", value=self._subscribers())

    def _of_postgres(self) -> Iterator[Metric]:
        with self._sessions()() as db:
            yield _by_state("copd_runs", "runs", RunState, _counts(db, Run.state))
            yield _by_state("copd_segments", "segments of all plans", SEGMENT_STATES, _counts(db, SegmentRow.state))
            length, age = _queue(db)
            yield GaugeMetricFamily("copd_queue_length", "segments that wait for nothing but a worker", value=length)
            yield GaugeMetricFamily("copd_queue_oldest_seconds", "how long the oldest of them has waited", value=age)
            lost = db.scalar(select(func.count()).select_from(Attempt).where(Attempt.state == "lost")) or 0
            yield CounterMetricFamily("copd_attempts_lost", "attempts given up because their worker was gone", value=lost)
            yield GaugeMetricFamily("copd_points", "points stored, as PostgreSQL estimates them", value=float(db.scalar(POINTS) or 0))
            yield GaugeMetricFamily("copd_scheduler_leading", "1 while some scheduler leads", value=int(is_led(db)))

    def _of_redis(self) -> Iterator[Metric]:
        client = self._client()
        found = Counter(report.state for report in worker_reports(client))
        yield _by_state("copd_workers", "workers that are alive", WORKER_STATES, found)
        with self._sessions()() as db:
            lag = recorder_lag(db, client)
        yield GaugeMetricFamily("copd_recorder_lag_events", "stream entries of live runs not stored yet", value=lag.events)
        yield GaugeMetricFamily("copd_recorder_lag_seconds", "age of the oldest of them", value=lag.seconds)


class Latencies:
    """ASGI middleware: times requests up to the first byte of the answer, by method, operation (as in OpenAPI) and status."""

    def __init__(self, app: ASGIApp, histogram: Histogram) -> None:
        self._app, self._histogram = app, histogram

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, statuses = time.perf_counter(), list[int]()

        async def timed(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
                self._observe(scope, message["status"], time.perf_counter() - began)
            await send(message)

        try:
            await self._app(scope, receive, timed)
        except Exception:
            if not statuses:  # an unexpected error is answered further out
                self._observe(scope, 500, time.perf_counter() - began)
            raise

    def _observe(self, scope: Scope, status: int, seconds: float) -> None:
        operation = getattr(scope.get("route"), "name", "")  # never the address: that would be a label per run
        self._histogram.labels(scope["method"], operation, str(status)).observe(seconds)


def request_histogram(registry: CollectorRegistry) -> Histogram:
    labels = ["method", "operation", "status"]
    return Histogram("copd_request_seconds", "time to the answer's first byte", labels, registry=registry, buckets=LATENCIES)


def _counts(db: Session, state: InstrumentedAttribute[str]) -> dict[str, int]:
    return dict(db.execute(select(state, func.count()).group_by(state)).all())


def _queue(db: Session) -> tuple[int, float]:
    """How many segments of live runs could be sent now, and for how many seconds the first of them could have been."""
    maker = aliased(SegmentRow)
    made = select(func.max(maker.ended_at)).where(maker.run_id == SegmentRow.run_id, maker.key == any_(SegmentRow.needs))
    since = func.greatest(Run.state_since, made.correlate(SegmentRow).scalar_subquery())  # without needs: null, which it ignores
    going = Run.state.in_([RunState.queued.value, RunState.running.value])
    ready = select(since.label("since")).select_from(SegmentRow).join(Run, Run.id == SegmentRow.run_id)
    waiting = ready.where(SegmentRow.state == "planned", going, NEEDS_ARE_DONE).subquery()
    length, age = db.execute(select(func.count(), func.extract("epoch", func.now() - func.min(waiting.c.since)))).one()
    return length, float(age or 0.0)


def _by_state(name: str, words: str, states: Iterable[str], counts: Mapping[str, int]) -> Metric:
    """A value for every state, 0 included: a series that comes and goes cannot be watched."""
    family = GaugeMetricFamily(name, f"{words}, by state", labels=["state"])
    for state in states:
        family.add_metric([str(state)], counts.get(state, 0))
    return family
