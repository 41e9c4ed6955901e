"""The OpenAPI document is the contract the page's types are made from."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest

from server.app import openapi_document

METHODS = ("get", "post", "patch", "delete")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi_document()


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(f"{method.upper()} {path}", item[method]) for path, item in document["paths"].items() for method in METHODS if method in item]


def test_it_can_be_printed_without_any_configuration() -> None:
    printed = subprocess.run([sys.executable, "-m", "server", "openapi"], capture_output=True, text=True, check=True, env={"PATH": ""})
    assert json.loads(printed.stdout)["openapi"].startswith("3.1")


def test_every_operation_has_a_neat_name(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, operation in operations(document)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", name) for name in names)


def test_every_answer_is_modelled(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        for status, answer in operation["responses"].items():
            if status in ("204", "303"):
                continue
            assert answer["content"], f"{name} {status}"
            for media_type, media in answer["content"].items():
                assert media.get("schema") or media.get("itemSchema"), f"{name} {status} {media_type}"


def test_every_error_is_a_problem_document(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        assert {"4XX", "5XX"} <= operation["responses"].keys(), name
        for status, answer in operation["responses"].items():
            if status[0] in "45" and name != "GET /readyz":
                assert list(answer["content"]) == ["application/problem+json"], f"{name} {status}"


def test_every_reference_leads_somewhere_and_events_are_among_the_models(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    references = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert references <= schemas.keys()
    assert {"StreamPoints", "StreamProgress", "StreamChanged", "StreamReset", "StreamPing", "Problem"} <= references
    assert "HTTPValidationError" not in schemas


def test_a_spec_is_taken_as_yaml_and_as_json(document: dict[str, Any]) -> None:
    for path in ("/api/v1/runs", "/api/v1/spec/check"):
        assert set(document["paths"][path]["post"]["requestBody"]["content"]) == {"application/yaml", "text/yaml", "application/json"}


def test_routes_are_those_of_the_contract(document: dict[str, Any]) -> None:
    run = "/api/v1/runs/{run_id}"
    commands = ("pause", "resume", "cancel", "retry", "force", "export", "fork", "rollback")
    reads = (
        "recipe",
        "segments",
        "attempts",
        "series",
        "figures",
        "figures/{name}",
        "agreement",
        "absorbed",
        "log",
        "log/file",
        "checkpoints",
        "probes",
        "probes/history",
        "rollouts",
        "rollouts/{rollout_id}",
        "result",
        "exports",
        "events",
    )
    assert {name for name, _ in operations(document)} == {
        "GET /healthz",
        "GET /readyz",
        *(f"{method} /api/v1/session" for method in ("GET", "POST", "DELETE")),
        *(f"GET /api/v1/session/{name}" for name in ("ways", "oidc", "oidc/callback")),
        *(f"{method} /api/v1/runs" for method in ("GET", "POST")),
        *(f"{method} {run}" for method in ("GET", "PATCH", "DELETE")),
        *(f"POST {run}/{name}" for name in commands),
        *(f"GET {run}/{name}" for name in reads),
        f"PATCH {run}/controls",
        *(f"POST /api/v1/runs/{name}" for name in ("commands", "tags")),
        "GET /api/v1/runs/tags",
        *(f"GET /api/v1/compare{name}" for name in ("", "/figures/{name}", "/agreement")),
        f"POST {run}/checkpoints/sweep",
        f"PATCH {run}/checkpoints/{{policy}}/{{step}}",
        f"GET {run}/exports/{{export_id}}/download",
        f"GET {run}/media/{{name}}",
        "POST /api/v1/spec/check",
        "GET /api/v1/spec/schema",
        "GET /api/v1/spec/templates",
        "GET /api/v1/events",
        "GET /api/v1/theme",
        "GET /api/v1/workers",
        "GET /api/v1/workers/usage",
        *(f"{method} /api/v1/users" for method in ("GET", "POST")),
        "PATCH /api/v1/users/{name}",
        *(f"{method} /api/v1/tokens" for method in ("GET", "POST")),
        "DELETE /api/v1/tokens/{token_id}",
        "GET /api/v1/audit",
        *(f"{method} /api/v1/webhooks" for method in ("GET", "POST")),
        "DELETE /api/v1/webhooks/{webhook_id}",
        "POST /api/v1/webhooks/{webhook_id}/test",
        "GET /api/v1/webhooks/{webhook_id}/deliveries",
        "POST /api/v1/webhooks/{webhook_id}/deliveries/{message_id}/again",
    }
