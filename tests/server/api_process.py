"""The API as a process of its own, over a real socket."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx

from tests.embedded import free_port
from tests.server.backend import wait_until


@contextlib.contextmanager
def api_process(
    variables: Mapping[str, str] | None = None, log: Path = Path(os.devnull)
) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client]]:
    """Ready to use; with this process's environment and `variables`, and what it prints in `log`. Its client has no credentials."""
    port = free_port()
    environment = {**os.environ, "COPD_PORT": str(port), **(variables or {})}
    command = [sys.executable, "-P", "-m", "server", "api"]
    with (
        log.open("wb") as output,
        subprocess.Popen(command, env=environment, stderr=output) as running,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):
        try:
            wait_until(lambda: _answers(client))
            yield running, client
        finally:
            running.kill()


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").is_success
    except httpx.TransportError:
        return False
