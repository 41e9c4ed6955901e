"""What Prometheus reads of the API."""

from __future__ import annotations

import time

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from server.db.models import Attempt, Run, SegmentRow
from tests.server.backend import Backend
from tests.server.seed import add_run
from worker.bus import STREAM_FIELD, WORKERS, WorkerReport, run_stream, worker_key


def scrape(api: TestClient) -> dict[tuple[str, ...], float]:
    """(name, label values …) → value"""
    answer = api.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.text)
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def test_metrics_ask_for_a_token(visitor: TestClient) -> None:
    assert visitor.get("/metrics").status_code == 401


def test_an_empty_system_has_every_name_with_0(api: TestClient) -> None:
    found = scrape(api)
    for name in ("copd_queue_length", "copd_queue_oldest_seconds", "copd_attempts_lost_total", "copd_recorder_lag_events",
                 "copd_recorder_lag_seconds", "copd_sse_subscribers", "copd_scheduler_leading"):  # fmt: skip
        assert found[name,] == 0
    assert found["copd_runs", "running"] == found["copd_segments", "planned"] == found["copd_workers", "idle"] == 0
    assert found["copd_up", "postgres"] == found["copd_up", "redis"] == 1


def test_a_run_at_work(api: TestClient, backend: Backend) -> None:
    with backend.sessions() as db:
        run = add_run(db)
        ready = scrape(api)["copd_queue_length",]
        rows = db.query(SegmentRow).filter_by(run_id=run).order_by(SegmentRow.position).all()
        assert ready == sum(not row.needs for row in rows) > 0
        first = next(row for row in rows if not row.needs)
        first.state = "running"
        db.get_one(Run, run).state = "running"
        db.add_all(Attempt(run_id=run, segment_key=first.key, worker="w", state=state, start_step=0) for state in ("lost", "running"))
        db.commit()
    backend.redis.delete(run_stream(run))
    for age in (30, 20):
        backend.redis.xadd(run_stream(run), {STREAM_FIELD: "{}"}, id=f"{round((time.time() - age) * 1000)}-0")
    report = WorkerReport(name="w", state="busy", host="h", pid=1, started_at=time.time(), seen_at=time.time())
    backend.redis.set(worker_key("w"), report.model_dump_json())
    backend.redis.zadd(WORKERS, {"w": time.time()})
    found = scrape(api)
    assert found["copd_queue_length",] == ready - 1
    assert found["copd_runs", "running"] == found["copd_segments", "running"] == found["copd_workers", "busy"] == 1
    assert found["copd_attempts_lost_total",] == 1
    assert found["copd_recorder_lag_events",] == 2
    assert found["copd_recorder_lag_seconds",] == pytest.approx(30, abs=10)


def test_requests_are_counted_by_operation_and_not_by_address(api: TestClient) -> None:
    route = ("copd_request_seconds_count", "GET", "get_run", "404")
    before = scrape(api).get(route, 0)
    for name in ("run-a", "run-b"):
        assert api.get(f"/api/v1/runs/{name}").status_code == 404
    after = scrape(api)
    assert after[route] == before + 2
    assert 'operation="get_run"' in api.get("/metrics").text
    assert not [key for key in after if any("run-a" in label for label in key)]


def test_a_redis_that_is_away_hides_only_what_it_knows(api: TestClient, backend: Backend) -> None:
    backend.valkey.kill()
    try:
        found = scrape(api)
    finally:
        backend.valkey.start()
    assert (found["copd_up", "redis"], found["copd_up", "postgres"]) == (0, 1)
    assert ("copd_runs", "running") in found
    assert ("copd_recorder_lag_seconds",) not in found
