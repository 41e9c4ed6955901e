"""Every operation names its role, and refuses the lower ones."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fastapi.testclient import TestClient

from server.api.access import EXCEPTIONS
from server.app import openapi_document
from server.roles import Role, lower
from tests.server.api import SPEC, YAML, sign_in, submit, token_of
from tests.server.backend import Backend

pytestmark = pytest.mark.integration
DOCUMENT = openapi_document()
OPERATIONS = [(method, path, operation) for path, item in DOCUMENT["paths"].items() for method, operation in item.items()]
NAMES = [f"{method} {path}" for method, path, _ in OPERATIONS]
BELOW: dict[str, list[Role]] = {
    "anyone": [],
    "viewer": [],
    "operator": [Role.viewer],
    "admin": [Role.viewer, Role.operator],
}


def ask(client: TestClient, method: str, path: str) -> Any:
    """The operation with path parameters of nothing that exists, and an empty body of the right type."""
    path = path.replace("{message_id}", "msg_" + 24 * "0")
    filled = re.sub(r"\{(\w+)\}", lambda match: "1" if match[1].endswith("_id") and match[1] != "run_id" else "nobody", path)
    headers = {} if method in ("get", "delete") else {"content-type": "application/json"}
    return client.request(method, filled, headers=headers, content=b"{}" if headers else None)


def test_a_role_covers_those_below() -> None:
    assert [[one.covers(other) for other in Role] for one in Role] == [[True, False, False], [True, True, False], [True, True, True]]
    assert lower(Role.admin, Role.viewer) is lower(Role.viewer, Role.admin) is Role.viewer


def test_every_exception_is_an_operation() -> None:
    assert EXCEPTIONS.keys() <= {operation["operationId"] for _, _, operation in OPERATIONS}


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=NAMES)
def test_an_operation_refuses_strangers_and_lower_roles(
    visitor: TestClient, backend: Backend, method: str, path: str, operation: dict[str, Any]
) -> None:
    role = operation["x-role"]
    assert role in BELOW, "it names its role"
    stranger = ask(visitor, method, path)
    if role == "anyone":
        assert stranger.headers.get("www-authenticate") is None
        return
    assert stranger.status_code == 401
    for below in BELOW[role]:
        refused = ask(sign_in(visitor, backend, below), method, path)
        assert refused.status_code == 403
        assert f"needs the role {role}; here {below} is {below}" in refused.json()["detail"]
    assert backend.is_empty()


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=NAMES)
def test_an_operation_takes_the_role_it_names(
    visitor: TestClient, backend: Backend, method: str, path: str, operation: dict[str, Any]
) -> None:
    if (role := operation["x-role"]) != "anyone":
        assert ask(sign_in(visitor, backend, Role(role)), method, path).status_code not in (401, 403)


def test_reads_are_a_viewers_and_changes_of_runs_an_operators() -> None:
    roles = {name: operation["x-role"] for name, (_, _, operation) in zip(NAMES, OPERATIONS, strict=True)}
    runs = {name: role for name, role in roles.items() if " /api/v1/runs" in name}
    assert all(role == ("viewer" if name.startswith("get") else "operator") for name, role in runs.items())
    assert {name for name, role in roles.items() if role == "anyone"} == {
        "get /healthz", "get /readyz", "post /api/v1/session",
        "get /api/v1/session/ways", "get /api/v1/session/oidc", "get /api/v1/session/oidc/callback",
    }  # fmt: skip
    assert {name for name, role in roles.items() if role == "admin"} == {
        "get /api/v1/audit", "get /api/v1/users", "post /api/v1/users", "patch /api/v1/users/{name}",
        "get /api/v1/webhooks", "post /api/v1/webhooks", "delete /api/v1/webhooks/{webhook_id}", "post /api/v1/webhooks/{webhook_id}/test",
        "get /api/v1/webhooks/{webhook_id}/deliveries", "post /api/v1/webhooks/{webhook_id}/deliveries/{message_id}/again",
    }  # fmt: skip


def test_a_viewer_looks_and_an_operator_steers(visitor: TestClient, backend: Backend) -> None:
    run = submit(sign_in(visitor, backend, Role.operator))
    sign_in(visitor, backend, Role.viewer)
    assert visitor.get(f"/api/v1/runs/{run}").json()["created_by"] == "operator"
    assert visitor.post("/api/v1/spec/check", content=SPEC, headers=YAML).json()["valid"] is True
    assert visitor.post(f"/api/v1/runs/{run}/pause").status_code == 403
    assert visitor.post("/api/v1/runs", content=SPEC, headers=YAML).status_code == 403
    assert sign_in(visitor, backend, Role.operator).post(f"/api/v1/runs/{run}/pause").status_code == 200


def test_a_role_taken_away_is_gone_at_the_next_request(visitor: TestClient, backend: Backend) -> None:
    value = token_of(backend, "bob", Role.operator)
    bob = {"authorization": f"Bearer {value}"}
    assert visitor.post("/api/v1/runs", content=SPEC, headers={**YAML, **bob}).status_code == 201
    admin = sign_in(visitor, backend)
    assert admin.patch("/api/v1/users/bob", json={"role": "viewer"}).json()["role"] == "viewer"
    assert visitor.post("/api/v1/runs", content=SPEC, headers={**YAML, **bob}).status_code == 403
    assert visitor.get("/api/v1/runs", headers=bob).status_code == 200
