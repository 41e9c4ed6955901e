"""One PostgreSQL and one Valkey for all tests of the server; each test finds them empty."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server.backend import Backend, running_backend


@pytest.fixture(scope="session")
def session_backend() -> Iterator[Backend]:
    with running_backend() as backend:
        yield backend


@pytest.fixture
def backend(session_backend: Backend) -> Iterator[Backend]:
    session_backend.empty()
    yield session_backend
