"""The services of docker-compose.yml as plain processes, from the same variables, on storage that is already there."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from client.api import Client
from client.stack.server import new_token
from tests.embedded import Stack, eventually, free_port, temporary_home

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
ROOT = Path(__file__).parents[2]
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


@pytest.fixture
def variables(stack: Stack, tmp_path: Path) -> Iterator[dict[str, str]]:
    """What the containers would get, with a database and a Redis of our own: an empty one each, in the running servers."""
    with stack.database() as database, temporary_home() as home:
        database.execute("CREATE DATABASE production")
        info = stack.info
        yield {
            "COPD_DATABASE_URL": info.database_url.replace("@/copd?", "@/production?"),
            "COPD_REDIS_URL": f"{info.redis_url}?db=1",
            "COPD_STORE_URL": (tmp_path / "store").as_uri(),
            "COPD_HOME": str(home.root),
            "COPD_HOST": "127.0.0.1",
            "COPD_PORT": str(free_port()),
            "COPD_LOG_JSON": "true",
            "COPD_WORKER_THREADS": "1",
        }
        database.execute("DROP DATABASE production WITH (FORCE)")


@contextlib.contextmanager
def service(name: str, variables: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The command of a service, as its container would run it."""
    needed = {key: value for key, value in variables.items() if key in SERVICES[name]["environment"]}
    outside = {key: value for key, value in os.environ.items() if not key.startswith("COPD_")}
    with log.open("wb") as output:
        command = [sys.executable, "-P", "-m", *SERVICES[name]["command"]]
        process = subprocess.Popen(command, env={**outside, **needed}, stdout=output, stderr=subprocess.STDOUT, cwd="/")
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def test_the_services_run_a_whole_run(variables: dict[str, str], tmp_path: Path) -> None:
    with service("migrate", variables, tmp_path / "migrate.log") as migrate:
        assert migrate.wait() == 0, (tmp_path / "migrate.log").read_text()
    url = f"http://127.0.0.1:{variables['COPD_PORT']}"
    with contextlib.ExitStack() as services:
        for name in ("server", "scheduler", "worker-cpu"):
            services.enter_context(service(name, variables, tmp_path / f"{name}.log"))
        client = services.enter_context(Client(url, new_token("test", variables)))
        eventually(client.is_ready)
        run = client.create_run((ROOT / "tests" / "miniature.yaml").read_text())
        eventually(lambda: client.run(run.id).state == "completed", seconds=240)
        workers = client.workers().workers
        assert {worker.device for worker in workers} == {"cpu"}
        assert len({worker.name for worker in workers}) == len(workers)
    assert any((tmp_path / "store").rglob("*.safetensors"))
