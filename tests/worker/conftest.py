"""One worker serves a whole module; a test that ends a worker starts its own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worker.running import NUMBERS, Valkey, Worker


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder with a path short enough for a socket."""
    path = Path(tempfile.mkdtemp(prefix="copd-w-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def valkey(folder: Path) -> Iterator[Valkey]:
    server = Valkey(folder)
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def worker(valkey: Valkey, folder: Path) -> Iterator[Worker]:
    """A worker for all tests of a module. Each test leaves it idle, or about to be."""
    running = Worker("shared", valkey, folder)
    yield running
    running.close()


@pytest.fixture
def own_worker(valkey: Valkey, folder: Path) -> Iterator[Worker]:
    """A worker for one test, which may end it. It is soon impatient with a child that makes no progress."""
    running = Worker(f"own-{next(NUMBERS)}", valkey, folder, {"COPD_STALL_SECONDS": "10"})
    yield running
    running.close()
