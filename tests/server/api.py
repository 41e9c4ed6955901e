"""The API inside the test process, over the private PostgreSQL and Valkey."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx2 as httpx
from fastapi.testclient import TestClient

from server import auth
from server.app import create_app
from server.db.models import User
from server.roles import Role
from tests.server.backend import Backend

ADDRESS = "http://127.0.0.1:8765"
RUNS = "/api/v1/runs"
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


def sign_in(client: TestClient, backend: Backend, role: Role = Role.admin) -> TestClient:
    """Gives the client a bearer token of ann, or of another user named after the role."""
    name = "ann" if role is Role.admin else role.value
    client.headers["authorization"] = f"Bearer {token_of(backend, name, role)}"
    return client


def token_of(backend: Backend, name: str = "ann", role: Role = Role.admin, lifetime: timedelta | None = None) -> str:
    """An API token of the user, who is made when there is none of this name."""
    with backend.sessions.begin() as db:
        if db.get(User, name) is None:
            db.add(User(name=name, role=role.value))
    return auth.issue_now(backend.settings, "token", name, lifetime)


def submit(client: TestClient, source: str = SPEC) -> str:
    answer = client.post(RUNS, content=source, headers=YAML)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def edit(api: TestClient, run: str, version: int | str, **changes: Any) -> httpx.Response:
    """PATCH …/controls; `_` in names stands for `.`."""
    named = {path.replace("__", "."): value for path, value in changes.items()}
    return api.patch(f"{RUNS}/{run}/controls", json={"set": named}, headers={"if-match": f'"{version}"'})
