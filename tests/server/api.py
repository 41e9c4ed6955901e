"""The API inside the test process, over the private PostgreSQL and Valkey."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi.testclient import TestClient

from server import auth
from server.app import create_app
from tests.server.backend import Backend

ADDRESS = "http://127.0.0.1:8765"
YAML = {"content-type": "application/yaml"}
SPEC = """\
# a comment that survives
name: seeded
domains: {text: {source: reasoning_gym, tasks: {gcd: {}}}, image: {source: digit_images}}
experts: {text: {domain: text}, image: {domain: image}}
rounds: 2
rlvr: {steps: 3}
opd: {steps: 2}
"""


@contextmanager
def serving(backend: Backend) -> Iterator[TestClient]:
    """A client without any credentials; a server error is an answer, not an exception in the test."""
    with TestClient(create_app(backend.settings), base_url=ADDRESS, raise_server_exceptions=False) as client:
        yield client


def sign_in(client: TestClient, backend: Backend) -> TestClient:
    """Gives the client a bearer token."""
    client.headers["authorization"] = f"Bearer {auth.issue_now(backend.settings, 'token', 'ann', None)}"
    return client


def submit(client: TestClient, source: str = SPEC) -> str:
    answer = client.post("/api/v1/runs", content=source, headers=YAML)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]
