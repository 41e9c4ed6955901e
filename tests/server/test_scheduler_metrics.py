"""What Prometheus reads of the scheduler: a real process, and the counts of a whole run."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from contextlib import suppress
from urllib.error import URLError

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from server.db.models import Attempt
from server.scheduler.metrics import REGISTRY
from tests.embedded import Stack, free_port
from tests.server.backend import Backend, wait_until
from tests.server.simulation import World

pytestmark = pytest.mark.integration
AT_WORK = ("w1", "w2")


def scrape(port: int) -> dict[tuple[str, ...], float]:
    """(name, label values …) → value; empty while nobody answers."""
    with suppress(URLError), urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        families = text_string_to_metric_families(answer.read().decode())
        return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}
    return {}


def count(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_a_scheduler_process_is_scraped_while_it_leads_and_while_it_waits(backend: Backend) -> None:  # noqa: ARG001  # its variables are set
    ports, processes = [free_port(), free_port()], list[subprocess.Popen[bytes]]()
    try:
        for port in ports:
            environment = {**os.environ, "COPD_METRICS_PORT": str(port)}
            processes.append(subprocess.Popen([sys.executable, "-m", "server", "scheduler"], env=environment, stderr=subprocess.DEVNULL))
        wait_until(lambda: sorted(scrape(port).get(("copd_scheduler_is_leader",), -1) for port in ports) == [0, 1])
        leader = max(ports, key=lambda port: scrape(port)["copd_scheduler_is_leader",])
        wait_until(lambda: scrape(leader)["copd_scheduler_look_seconds_count",] > 0)
        found = scrape(leader)
    finally:
        for process in processes:
            process.terminate()
            process.wait()
    assert found["copd_scheduler_sent_total",] == found["copd_scheduler_ended_total", "done"] == found["copd_recorder_points_total",] == 0
    assert found["process_resident_memory_bytes",] > 0


def test_a_runs_attempts_and_points_are_counted(world: World) -> None:
    names = ("copd_scheduler_sent_total", "copd_recorder_points_total", "copd_recorder_entries_total")
    before, done = {name: count(name) for name in names}, count("copd_scheduler_ended_total", outcome="done")
    run = world.submit()
    world.complete(run, AT_WORK)
    attempts: list[Attempt] = world.attempts(run)
    assert count(names[0]) - before[names[0]] == count("copd_scheduler_ended_total", outcome="done") - done == len(attempts)
    assert count(names[1]) - before[names[1]] >= len(world.points(run)) > 0
    assert count(names[2]) - before[names[2]] >= sum(attempt.events or 0 for attempt in attempts)


def test_the_api_process_is_scraped_with_a_token(stack: Stack) -> None:
    answer = httpx.get(f"{stack.url}/metrics", headers={"authorization": f"Bearer {stack.token}"})
    assert answer.is_success
    assert "copd_scheduler_leading 1.0" in answer.text
