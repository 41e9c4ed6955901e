"""OpenTelemetry, where the extra `otel` is installed and an endpoint is named: requests of the API, and each run as one trace.

A run's trace has an id made of the run's own, so that nothing need be carried from process to process: below the run lie its attempts,
each with worker, outcome and where its time went. They are read from PostgreSQL after the fact, beside the scheduler and out of its way.
"""

from __future__ import annotations

import hashlib
import os
import threading
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, or_, select

from copd_engine.plan import Kind
from server.db.models import Attempt, Run, SegmentRow
from server.states import TERMINAL, RunState

if TYPE_CHECKING:
    from fastapi import FastAPI
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer

    from server.scheduler.leader import Term

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
LOOK_SECONDS = 5.0
LAST_SECONDS = 1.0
"""How long the end of a process waits for its collector to take what is left."""
OVERLAP = timedelta(seconds=30)
"""Looks go so far back again: a transaction may become visible a little after the time it notes."""
UNTRACED = "/healthz$,/readyz$,/metrics$,/events"


class TracingError(Exception):
    """Tracing is asked for and cannot be had."""


def provider(service: str) -> TracerProvider | None:
    """Sends spans as the variables OTEL_* say; None where no endpoint is named. Raises TracingError without the extra `otel`."""
    if not any(map(os.environ.get, ENDPOINTS)) or os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise TracingError(f"{ENDPOINTS[0]} is set, and OpenTelemetry is not installed: pip install 'copd[otel]' ({error})") from None
    resource = Resource.create({} if "OTEL_SERVICE_NAME" in os.environ else {"service.name": service})
    made = TracerProvider(resource=resource, shutdown_on_exit=False)  # which waits half a minute for a collector that hangs
    made.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return made


def flush(made: TracerProvider | None) -> None:
    """Sends what is left, as far as the collector takes it within LAST_SECONDS: the SDK's own flush knows no limit of time."""
    if made is not None:
        sending = threading.Thread(target=made.force_flush, daemon=True)
        sending.start()
        sending.join(LAST_SECONDS)


def trace_requests(app: FastAPI) -> TracerProvider | None:
    """Makes a span of each request, event streams and probes aside, if tracing is asked for. Raises TracingError."""
    made = provider("copd-api")
    if made is not None:
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

        FastAPIInstrumentor.instrument_app(app, tracer_provider=made, excluded_urls=UNTRACED, exclude_spans=["receive", "send"])
    return made


def trace_runs(term: Term, made: TracerProvider, over: threading.Event) -> None:
    """Tells what ends until `over`. What ended while nobody led is not told."""
    traces = RunTraces(term, made)
    while not over.wait(LOOK_SECONDS):
        traces.look()
    traces.look()


class RunTraces:
    """What of the runs has been sent."""

    def __init__(self, term: Term, made: TracerProvider) -> None:
        self._term, self._ids = term, _given_ids()
        made.id_generator = self._ids
        self._tracer: Tracer = made.get_tracer("copd")
        self._sent: dict[object, datetime] = {}
        """What was sent lately, and when it had ended."""
        with term.reading() as session:
            self._since: datetime = session.execute(select(func.now())).scalar_one()
            self._started = self._since

    def look(self) -> None:
        """Sends the attempts and runs that ended since the last look."""
        with self._term.reading() as session:
            now: datetime = session.execute(select(func.now())).scalar_one()
            since = max(self._started, self._since - OVERLAP)
            recent = or_(Run.state.not_in([state.value for state in TERMINAL]), Run.ended_at >= since)
            query = select(Attempt, Run, SegmentRow.policy, SegmentRow.kind).join(Run, Run.id == Attempt.run_id)
            query = query.join(SegmentRow, (SegmentRow.run_id == Attempt.run_id) & (SegmentRow.key == Attempt.segment_key))
            for attempt, run, policy, kind in session.execute(query.where(recent, Attempt.ended_at >= since).order_by(Attempt.id)):
                if attempt.ended_at and self._is_new(attempt.id, attempt.ended_at):
                    self._send_attempt(run, attempt, policy, Kind(kind))
            for run in session.scalars(select(Run).where(Run.ended_at >= since)):
                if run.ended_at and self._is_new((run.id, run.ended_at), run.ended_at):  # one that is retried ends again
                    self._send_run(run)
        self._since = now
        self._sent = {key: ended for key, ended in self._sent.items() if ended >= now - 2 * OVERLAP}

    def _is_new(self, key: object, ended: datetime) -> bool:
        is_new = key not in self._sent
        self._sent[key] = ended
        return is_new

    def _send_run(self, run: Run) -> None:
        attributes = {"copd.run.id": run.id, "copd.run.name": run.name, "copd.method": run.method, "copd.run.state": run.state}
        error = (run.error or {}).get("message", "") if run.state == RunState.failed else None
        self._ids.next = _number("run", run.id, 16), _number("run", run.id, 8)
        self._send(f"run {run.name}", run.started_at or run.created_at, run.ended_at, attributes, error)

    def _send_attempt(self, run: Run, attempt: Attempt, policy: str, kind: Kind) -> None:
        from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

        attributes: dict[str, Any] = {
            "copd.run.id": run.id, "copd.segment": attempt.segment_key, "copd.segment.kind": kind.value, "copd.policy": policy,
            "copd.attempt": attempt.id, "copd.worker": attempt.worker, "copd.outcome": attempt.state,
        }  # fmt: skip
        attributes |= {f"copd.seconds.{name}": seconds for name, seconds in attempt.seconds.items()}
        attributes |= {f"copd.{name}": count for name, count in attempt.counts.items()}
        error = str((attempt.error or {}).get("message", "")) if attempt.state in ("failed", "lost") else None
        trace, parent, sampled = _number("run", run.id, 16), _number("run", run.id, 8), TraceFlags(TraceFlags.SAMPLED)
        below = set_span_in_context(NonRecordingSpan(SpanContext(trace, parent, is_remote=True, trace_flags=sampled)))
        self._ids.next = trace, _number("attempt", str(attempt.id), 8)
        self._send(attempt.segment_key, attempt.started_at or attempt.sent_at, attempt.ended_at, attributes, error, below)

    def _send(
        self, name: str, start: datetime, end: datetime | None, attributes: dict[str, Any], error: str | None, below: Any = None
    ) -> None:
        from opentelemetry.context import Context
        from opentelemetry.trace import Status, StatusCode

        span = self._tracer.start_span(name, below or Context(), attributes=attributes, start_time=_nanoseconds(start))
        if error is not None:
            span.set_status(Status(StatusCode.ERROR, error))
        span.end(_nanoseconds(end or start))


def _given_ids() -> Any:
    """A generator of ids that gives those it was told to."""
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    class GivenIds(RandomIdGenerator):
        next: tuple[int, int] = (0, 0)
        """Of the next span: trace, span."""

        def generate_trace_id(self) -> int:
            return self.next[0]

        def generate_span_id(self) -> int:
            return self.next[1]

    return GivenIds()


def _number(kind: str, name: str, size: int) -> int:
    """`size` bytes, never 0, which OpenTelemetry takes for no id."""
    return int.from_bytes(hashlib.sha256(f"{kind}:{name}".encode()).digest()[:size]) or 1


def _nanoseconds(time: datetime) -> int:
    return round(time.timestamp() * 1e6) * 1000
