"""One PostgreSQL and one Valkey for all tests of the server; each test finds them empty."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import structlog
from fastapi.testclient import TestClient
from pydantic import SecretStr

from server import oidc
from server.api.deps import Services
from tests.server.api import serving, sign_in
from tests.server.backend import Backend, running_backend
from tests.server.provider import CLIENT, SECRET, StandIn, providing
from tests.server.signing_in import ROLES, Browser
from tests.server.simulation import World, world_over


@pytest.fixture(scope="session", autouse=True)
def plain_log() -> None:
    """structlog's own default draws every local variable of a traceback, which takes a minute each."""
    structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()])


@pytest.fixture(scope="session")
def session_backend() -> Iterator[Backend]:
    with running_backend() as backend:
        yield backend


@pytest.fixture
def backend(session_backend: Backend) -> Backend:
    session_backend.empty()
    return session_backend


@pytest.fixture(scope="session")
def served(session_backend: Backend) -> Iterator[TestClient]:
    with serving(session_backend) as client:
        yield client


@pytest.fixture
def visitor(served: TestClient, backend: Backend) -> TestClient:  # noqa: ARG001  # emptied first
    """A client that has not signed in."""
    served.headers.pop("authorization", None)
    served.cookies.clear()
    return served


@pytest.fixture
def api(visitor: TestClient, backend: Backend) -> TestClient:
    """A client with a bearer token."""
    return sign_in(visitor, backend)


@pytest.fixture
def world(request: pytest.FixtureRequest, backend: Backend) -> Iterator[World]:
    """A scheduler in the test's own time, with the simulated workers that the module names in AT_WORK."""
    with world_over(backend) as made:
        for name in getattr(request.module, "AT_WORK", ()):
            made.add_worker(name)
        yield made


@pytest.fixture(scope="session")
def listening() -> Iterator[StandIn]:
    with providing() as provider:
        yield provider


@pytest.fixture
def browser(visitor: TestClient, backend: Backend, listening: StandIn) -> Iterator[Browser]:
    """The session's app, with a provider that nothing is known of yet."""
    listening.__init__(listening.issuer, key=listening.key)
    app: Any = visitor.app
    services: Services = app.state.services
    wanted = {"oidc_issuer": listening.issuer, "oidc_client_id": CLIENT, "oidc_roles": ROLES, "oidc_name": "Example"}
    provider = oidc.Provider(listening.issuer, CLIENT, SecretStr(SECRET), "groups")
    app.state.services = replace(services, settings=backend.settings.model_copy(update=wanted), provider=provider)
    yield Browser(visitor, listening, backend)
    provider.close()
    app.state.services = services
    visitor.cookies.clear()
