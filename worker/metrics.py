"""What Prometheus reads of a worker. See docs/metrics.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from worker.bus import WORKER_STATES, Usage, WorkerReport


class WorkerCollector(Collector):
    """Reads the worker's own report, as Redis gets it, at each scrape. ended, loads: so far, since the process started."""

    def __init__(self, report: Callable[[], WorkerReport], ended: Callable[[], int], loads: Callable[[], int]) -> None:
        self._report, self._ended, self._loads = report, ended, loads

    def describe(self) -> list[Metric]:
        """Nothing ahead: the same names whatever the worker does."""
        return []

    def collect(self) -> Iterator[Metric]:
        report = self._report()
        states = GaugeMetricFamily("copd_worker_state", "1 for the state the worker is in", labels=["state"])
        for state in WORKER_STATES:
            states.add_metric([state], int(report.state == state))
        yield states
        yield CounterMetricFamily("copd_worker_attempts", "attempts that ended here", value=self._ended())
        yield CounterMetricFamily("copd_worker_loads", "segment processes that became ready", value=self._loads())
        if report.usage:
            yield from _of_usage(report.usage)


def registry_of(collector: Collector) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(collector)
    return registry


def _of_usage(usage: Usage) -> Iterator[Metric]:
    figures = {
        "copd_host_cpu_ratio": ("share of all cores at work", usage.cpu),
        "copd_host_memory_used_bytes": ("main memory that is not available", usage.memory_used),
        "copd_host_memory_bytes": ("main memory", usage.memory_total),
        "copd_host_disk_free_bytes": ("free on the disk of COPD_HOME", usage.disk_free),
    }
    if usage.gpu:
        figures |= {
            "copd_gpu_utilisation_ratio": ("share of the time in which the GPU computed", usage.gpu.utilisation),
            "copd_gpu_memory_used_bytes": ("GPU memory in use", usage.gpu.memory_used),
            "copd_gpu_memory_bytes": ("GPU memory", usage.gpu.memory_total),
            "copd_gpu_temperature_celsius": ("temperature of the GPU", usage.gpu.temperature),
        }
    for name, (words, value) in figures.items():
        if value is not None:
            yield GaugeMetricFamily(name, words, value=value)
