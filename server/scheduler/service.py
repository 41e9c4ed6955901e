"""The scheduler's process: it leads or waits to, with recorder and webhooks in threads beside it, until a signal ends it."""

from __future__ import annotations

import gc
import logging
import signal
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog
from kombu.exceptions import OperationalError as BrokerError
from redis import RedisError
from sqlalchemy.exc import OperationalError

from copd_engine.job import SegmentJob
from copd_engine.store import open_store
from server import tracing
from server.auth import load_secret
from server.db.session import create_database_engine
from server.notices import redis_client
from server.recorder.service import record
from server.scheduler import metrics
from server.scheduler.archive import Archive
from server.scheduler.leader import LeadershipLostError, Term, lead
from server.scheduler.line import Limits
from server.scheduler.loop import POLL_SECONDS, Scheduler, SendError
from server.settings import Settings
from server.webhooks.delivery import Courier, deliver
from worker.app import celery_app, send_segment
from worker.exporter import export
from worker.log import configure

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

REDIS_SECONDS = POLL_SECONDS + 2.0
"""A Redis that does not answer for so long is away."""
LONGEST_PAUSE = 5.0
SWITCH_SECONDS = 0.0005
"""How long the recorder's thread may compute while the scheduler's waits for its turn, and the other way round. Both ask PostgreSQL a
dozen times for each segment, and would wait Python's own 5 ms after each answer."""
EXPECTED = (OperationalError, LeadershipLostError, RedisError)
"""Failures of others: PostgreSQL restarts, another scheduler leads, Redis is away. They need no traceback."""
log = structlog.get_logger(__name__)


def serve(settings: Settings) -> None:
    """Leads whenever it may, for ever. Ends at SIGTERM or SIGINT; at kill -9 nothing is lost. Raises ExportError, TracingError."""
    configure(as_json=settings.log_json)
    logging.getLogger("server").setLevel(logging.INFO)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.freeze()  # what imports made stays for ever; collecting around it would halve the recorder's speed
    if settings.metrics_port is not None:
        export(metrics.REGISTRY, settings.metrics_host, settings.metrics_port)
    spans = tracing.provider("copd-scheduler")
    engine = create_database_engine(settings.database_url, check=False)  # after an error it starts over anyway
    pause = 0.1
    while not stopping.is_set():
        try:
            with lead(engine, stopping) as term:
                if term is not None:
                    log.info("leading", epoch=term.epoch)
                    pause = 0.1
                    with metrics.LEADING.track_inprogress():
                        _serve_term(settings, term, stopping, spans)
        except Exception as error:  # a scheduler that ends would stop every run; whatever it is, look again from scratch
            log.error("starting_over", reason=f"{type(error).__name__}: {error}", seconds=pause, exc_info=not isinstance(error, EXPECTED))  # noqa: TRY400
            stopping.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
    tracing.flush(spans)


def sender(redis_url: str) -> Callable[[str, SegmentJob], None]:
    """Sends jobs through Celery."""
    app = celery_app(redis_url)

    def send(worker: str, job: SegmentJob) -> None:
        try:
            send_segment(app, worker, job)
        except BrokerError as error:
            raise SendError(str(error)) from error

    return send


def _serve_term(settings: Settings, term: Term, stopping: threading.Event, spans: TracerProvider | None) -> None:
    """Schedules, records and delivers until `stopping`, or until one of them fails; its error is raised."""
    archive, over, failures = Archive(open_store(settings.store_url)), threading.Event(), list[Exception]()

    def beside(name: str, work: Callable[[], None]) -> threading.Thread:
        def carry_out() -> None:
            try:
                work()
            except Exception as error:  # raised again below, in the thread that can start over  # noqa: BLE001
                failures.append(error)
                over.set()

        thread = threading.Thread(target=carry_out, name=name)
        thread.start()
        return thread

    courier = Courier(term, load_secret(settings.home), settings.webhook_networks)
    threads = [
        beside("recorder", lambda: record(term, redis_client(settings.redis_url, timeout=REDIS_SECONDS), archive, over)),
        beside("webhooks", lambda: deliver(courier, over)),
    ]
    if spans is not None:
        threads.append(beside("traces", lambda: tracing.trace_runs(term, spans, over)))
    limits = Limits(settings.max_runs, settings.max_runs_per_user)
    scheduler = Scheduler(term, redis_client(settings.redis_url, timeout=REDIS_SECONDS), archive, sender(settings.redis_url), limits)
    try:
        while not (stopping.is_set() or over.is_set()):
            scheduler.step()
    finally:
        over.set()
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]
