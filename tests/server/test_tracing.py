"""OpenTelemetry: a run is one trace, a request a span, and nobody pays who did not ask."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from sqlalchemy import text

from server import tracing
from tests.server.api import RUNS, serving, sign_in
from tests.server.backend import Backend
from tests.server.simulation import World, small_spec

pytestmark = pytest.mark.integration
AT_WORK = ("w1",)


@pytest.fixture
def memory() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def traces(world: World, memory: InMemorySpanExporter) -> tracing.RunTraces:
    made = TracerProvider()
    made.add_span_processor(SimpleSpanProcessor(memory))
    found = tracing.RunTraces(world.term, made)
    found._started -= timedelta(minutes=30)  # the simulation moves times back, where others would wait
    found._since = found._started
    return found


def by_name(spans: tuple[ReadableSpan, ...]) -> dict[str, ReadableSpan]:
    found = {span.name: span for span in spans}
    assert len(found) == len(spans), "each once"
    return found


def test_a_run_is_one_trace_of_its_attempts(world: World, traces: tracing.RunTraces, memory: InMemorySpanExporter) -> None:
    run = world.submit(small_spec(rounds=1))
    world.tick()
    world.finish("w1")
    world.tick()
    traces.look()
    early = {span.name for span in memory.get_finished_spans()}
    world.complete(run, ["w1"])
    for _ in range(2):
        traces.look()
    spans = by_name(memory.get_finished_spans())
    root = spans.pop(f"run {world.run(run).name}")
    assert early < spans.keys()
    assert early
    assert {attempt.segment_key for attempt in world.attempts(run)} == spans.keys()
    assert root.context
    assert root.parent is None
    assert root.context.trace_id == tracing._number("run", run, 16)
    assert (root.attributes or {})["copd.run.state"] == "completed"
    for attempt in world.attempts(run):
        span = spans[attempt.segment_key]
        assert span.parent
        assert span.context
        assert span.attributes
        assert (span.context.trace_id, span.parent.span_id) == (root.context.trace_id, root.context.span_id)
        told = [span.attributes[f"copd.{name}"] for name in ("attempt", "worker", "outcome")]
        assert told == [attempt.id, "w1", "done"]
        assert attempt.ended_at
        assert span.name in early or span.end_time == tracing._nanoseconds(attempt.ended_at)
        assert str(span.attributes["copd.policy"]) in span.name
        assert span.status.status_code is StatusCode.UNSET


def test_what_was_lost_is_an_error_and_what_ended_before_is_not_told(
    world: World, traces: tracing.RunTraces, memory: InMemorySpanExporter
) -> None:
    world.submit()
    world.tick()
    with world.backend.engine.begin() as connection:
        connection.execute(text("UPDATE attempts SET state = 'lost', ended_at = now(), error = '{\"message\": \"w1 was lost\"}'"))
        connection.execute(text("UPDATE runs SET state = 'failed', ended_at = now() - interval '1 hour', error = '{\"message\": \"old\"}'"))
        connection.execute(text("UPDATE runs SET state = 'running', ended_at = NULL"))
    traces.look()
    [span] = memory.get_finished_spans()
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "w1 was lost")
    memory.clear()
    with world.backend.engine.begin() as connection:
        connection.execute(text("UPDATE attempts SET ended_at = now() - interval '1 hour'"))
    traces.look()
    assert memory.get_finished_spans() == ()


class Collector(BaseHTTPRequestHandler):
    taken: list[ExportTraceServiceRequest]

    def do_POST(self) -> None:
        assert self.path == "/v1/traces"
        self.taken.append(ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the standard library's name
        """The test says what matters."""


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[ExportTraceServiceRequest]]:
    """What an OTLP collector on loopback took."""
    Collector.taken = []
    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        yield Collector.taken
        server.shutdown()
        thread.join()


def test_requests_reach_a_collector(backend: Backend, collected: list[ExportTraceServiceRequest], monkeypatch: pytest.MonkeyPatch) -> None:
    made = tracing.provider("copd-api")
    assert made
    monkeypatch.setattr(tracing, "provider", lambda _service: made)
    with serving(backend) as client:
        sign_in(client, backend)
        assert client.get(RUNS).status_code == 200
        assert client.get("/healthz").status_code == 200
    made.shutdown()
    [of_process] = [resource for request in collected for resource in request.resource_spans]
    assert {a.key: a.value.string_value for a in of_process.resource.attributes}["service.name"] == "copd-api"
    spans = [span for scope in of_process.scope_spans for span in scope.spans]
    assert [span.name for span in spans] == [f"GET {RUNS}"]
    assert "Bearer" not in str(collected), "no header is sent along"


def test_a_collector_that_hangs_holds_up_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "LAST_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "3600")
        made = tracing.provider("copd-api")
        assert made
        made.get_tracer("test").start_span("lost").end()
        tracing.flush(made)  # pytest's time limit holds


def test_without_an_endpoint_nothing_of_it_is_loaded() -> None:
    """But what redis-py imports by itself where it is installed."""
    code = (
        "import sys, server.app, server.scheduler.service as s; s.tracing.provider('x'); sys.exit('opentelemetry.exporter' in sys.modules)"
    )
    outside = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    assert subprocess.run([sys.executable, "-c", code], env=outside, check=False).returncode == 0


def test_an_endpoint_without_the_extra_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(tracing.TracingError, match=r"pip install 'copd\[otel\]'"):
        tracing.provider("copd-api")
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert tracing.provider("copd-api") is None
