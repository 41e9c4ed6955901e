"""What a real worker process tells Prometheus."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.embedded import free_port
from tests.worker.running import Valkey, Worker, wait_until

pytestmark = pytest.mark.integration


def scrape(port: int) -> dict[tuple[str, ...], float]:
    """(name, label values …) → value"""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        families = text_string_to_metric_families(answer.read().decode())
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def test_a_worker_tells_what_it_does_and_how_its_machine_is(valkey: Valkey, folder: Path) -> None:
    port = free_port()
    worker = Worker("measured", valkey, folder, {"COPD_METRICS_PORT": str(port)})
    try:
        worker.ready()
        job = worker.send(worker.job(steps=1))
        worker.wakeup("attempt_ended", job.attempt)
        reported = wait_until(lambda: (report := worker.report()) and report.usage)
        found = wait_until(lambda: (seen := scrape(port))["copd_worker_attempts_total",] == 1 and seen)
    finally:
        worker.close()
    assert found["copd_worker_state", "idle"] == 1
    assert sum(value for key, value in found.items() if key[0] == "copd_worker_state") == 1
    assert found["copd_worker_loads_total",] == 1
    assert found["copd_host_memory_bytes",] == reported.memory_total > reported.memory_used > 0
    assert 0 <= found["copd_host_cpu_ratio",] <= 1
    assert found["copd_host_disk_free_bytes",] > 0
    assert found["process_cpu_seconds_total",] > 0
    assert reported.gpu is None
    assert not [key for key in found if key[0].startswith("copd_gpu")]


def test_an_address_that_is_not_ours_is_said_at_once(valkey: Valkey, folder: Path) -> None:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COPD_")}
    own = {
        "REDIS_URL": valkey.url,
        "STORE_URL": folder.as_uri(),
        "HOME": str(folder / "other"),
        "METRICS_PORT": "9",
        "METRICS_HOST": "192.0.2.1",
    }
    environment = inherited | {f"COPD_{name}": value for name, value in own.items()}
    ended = subprocess.run([sys.executable, "-P", "-m", "worker"], env=environment, capture_output=True, text=True)
    assert ended.returncode == 2
    assert "COPD_METRICS_PORT: cannot serve metrics at 192.0.2.1:9" in ended.stderr
