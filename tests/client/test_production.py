"""The services of docker-compose.yml as plain processes, from the same variables, on storage that is already there."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
import redis
import yaml

from client.api import Client
from client.stack.server import new_token
from copd_engine.local import LocalRun
from tests.embedded import Stack, eventually, free_port, temporary_home
from tests.other_host import Host, other_host
from tests.s3 import s3_bucket
from tests.undisturbed import MINIATURE

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
ROOT = Path(__file__).parents[2]
LOOPBACK = "127.0.0.1"
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


@pytest.fixture
def host() -> Iterator[Host]:
    with other_host() as found:
        yield found


@pytest.fixture
def redis_port(stack: Stack) -> Iterator[int]:
    """The running Valkey listens there too, for as long as it is wanted."""
    port = free_port()
    with redis.Redis.from_url(stack.info.redis_url) as client:
        before: Any = client.config_get("bind", "port")
        for name, value in (("bind", LOOPBACK), ("port", port)):
            client.config_set(name, value)
        yield port
        for name, value in reversed(before.items()):
            client.config_set(name, value)


@pytest.fixture
def variables(stack: Stack, redis_port: int) -> Iterator[dict[str, str]]:
    """What the containers would get, with a database, a Redis and a bucket of our own: an empty one each, in running servers."""
    with stack.database() as database, temporary_home() as home, s3_bucket() as bucket:
        database.execute("CREATE DATABASE production")
        yield {
            "COPD_DATABASE_URL": stack.info.database_url.replace("@/copd?", "@/production?"),
            "COPD_REDIS_URL": f"redis://{LOOPBACK}:{redis_port}/1",
            "COPD_STORE_URL": f"{bucket}/copd",
            "COPD_HOME": str(home.root),
            "COPD_HOST": LOOPBACK,
            "COPD_PORT": str(free_port()),
            "COPD_LOG_JSON": "true",
            "COPD_WORKER_THREADS": "1",
        }
        database.execute("DROP DATABASE production WITH (FORCE)")


@contextlib.contextmanager
def service(name: str, variables: dict[str, str], log: Path, host: Host | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """The command of a service, as its container would run it, here or on the other host, where Redis and store have other addresses."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("COPD_")}
    environment |= {key: value for key, value in variables.items() if key in SERVICES[name]["environment"]}
    if host:
        for key in ("COPD_REDIS_URL", "AWS_ENDPOINT_URL"):
            environment[key] = environment[key].replace(LOOPBACK, host.address)
    with log.open("wb") as output:
        command = [*(host.prefix if host else ()), sys.executable, "-P", "-m", *SERVICES[name]["command"]]
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT, cwd="/")
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def messages(client: Client, run: str) -> str:
    return "\n".join(line.message for line in client.log(run, level="warning"))


def test_the_services_run_a_whole_run_with_workers_on_another_host(
    variables: dict[str, str], host: Host, redis_port: int, miniature: LocalRun, tmp_path: Path
) -> None:
    """The workers know Redis and an S3 store. Where the machine allows network namespaces they reach nothing else, and in the middle of
    the run the cable is pulled until their attempts count as lost, and they go on meanwhile: the weights are the same."""
    with service("migrate", variables, tmp_path / "migrate.log") as migrate:
        assert migrate.wait() == 0, (tmp_path / "migrate.log").read_text()
    url = f"http://{LOOPBACK}:{variables['COPD_PORT']}"
    with contextlib.ExitStack() as services:
        services.enter_context(host.served(redis_port, int(os.environ["AWS_ENDPOINT_URL"].rpartition(":")[2])))
        for name in ("server", "scheduler"):
            services.enter_context(service(name, variables, tmp_path / f"{name}.log"))
        services.enter_context(service("worker-cpu", variables, tmp_path / "worker-cpu.log", host))
        client = services.enter_context(Client(url, new_token("test", variables)))
        eventually(client.is_ready)
        if host.is_apart:
            assert host.reaches(host.address, redis_port)
            for address in (LOOPBACK, host.address):
                assert not host.reaches(address, int(variables["COPD_PORT"]))
        run = client.create_run(MINIATURE)
        if host.is_apart:
            eventually(lambda: client.run(run.id).progress.steps >= 3, seconds=120)
            with host.unplugged():
                eventually(lambda: client.workers().workers == [])
                eventually(lambda: "was lost" in messages(client, run.id))
        eventually(lambda: client.run(run.id).state == "completed", seconds=240)
        workers = client.workers().workers
        assert {worker.device for worker in workers} == {"cpu"}
        assert len({worker.name for worker in workers}) == len(workers)
        assert client.result(run.id).digest == miniature.merged_digest
        export = client.request_export(run.id)
        eventually(lambda: client.exports(run.id)[0].state == "ready")
        client.download_export(run.id, export.id, tmp_path / "merged.zip")
    assert "model.safetensors" in "".join(zipfile.ZipFile(tmp_path / "merged.zip").namelist())
    files = fsspec.filesystem("s3").find(f"{variables['COPD_STORE_URL']}/runs/{run.id}")
    assert any(file.endswith(".safetensors") for file in files)
