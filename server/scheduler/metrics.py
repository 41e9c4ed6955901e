"""What Prometheus reads of a scheduler's process, its recorder among it. See docs/metrics.md."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()
LEADING = Gauge("copd_scheduler_is_leader", "1 while this process leads", registry=REGISTRY)
LOOK_SECONDS = Histogram(
    "copd_scheduler_look_seconds",
    "time of one look: what ended, what to send, which runs move on",
    registry=REGISTRY,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
)
SENT = Counter("copd_scheduler_sent", "attempts sent to workers", registry=REGISTRY)
ENDED = Counter("copd_scheduler_ended", "attempts whose result was taken", labelnames=["outcome"], registry=REGISTRY)
for outcome in ("done", "stopped", "failed"):
    ENDED.labels(outcome)  # each is there from the start, with 0
RECORDED = Counter("copd_recorder_entries", "stream entries stored", registry=REGISTRY)
POINTS = Counter("copd_recorder_points", "points stored", registry=REGISTRY)
