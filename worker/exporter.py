"""What a process tells Prometheus: an HTTP server beside its work, and what every process of ours says."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server


class ExportError(Exception):
    """The metrics cannot be served at the port they are asked for."""


def export(registry: CollectorRegistry, host: str, port: int) -> None:
    """Serves the registry's metrics, and the process's CPU and memory, for as long as the process lives. Raises ExportError."""
    ProcessCollector(registry=registry)
    try:
        start_http_server(port, host, registry)
    except OSError as error:
        raise ExportError(f"COPD_METRICS_PORT: cannot serve metrics at {host}:{port}: {error.strerror}") from error
