"""What nobody sends by accident, in every place of every operation: it is refused as a problem document, and never with a 5xx."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from fastapi.testclient import TestClient

from server.app import openapi_document
from tests.server.api import SPEC, YAML, submit
from tests.server.backend import Backend

pytestmark = pytest.mark.integration
DOCUMENT = openapi_document()
WITHOUT = ("stream_events", "stream_events_of_runs", "readyz")
OPERATIONS = {
    operation["operationId"]: (method.upper(), path, operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if operation["operationId"] not in WITHOUT
}
BODIES: dict[str, Any] = {
    "sign_in": {"user": "ann", "password": "a long password"},
    "edit_controls": {"set": {"optimizer.lr": 0.1}},
    "retry_run": {"set": {"optimizer.lr": 0.1}, "reseed": True},
    "describe_run": {"name": "x", "notes": "y", "tags": ["z"]},
    "request_export": {"policy": "merged", "step": 1},
    "add_user": {"name": "bob", "role": "viewer", "password": "a long password"},
    "change_user": {"role": "viewer", "disabled": False, "password": "a long password"},
    "create_token": {"name": "x", "role": "viewer", "days": 3},
    "change_password": {"current": "a long password", "new": "another password"},
    "add_webhook": {"url": "https://example.org", "events": ["run.failed"], "overlap_floor": 0.5},
    "tag_runs": {"runs": ["x"], "add": ["t"], "remove": ["u"]},
    "command_runs": {"command": "pause", "runs": ["x"]},
    "fork_run": {"keep_rounds": 0, "set": {"rounds": 3}, "reseed": True, "name": "x"},
    "roll_back_run": {"keep_rounds": 0, "set": {"rounds": 3}, "reseed": True, "name": "x"},
    "pin_checkpoint": {"pinned": True},
    "sweep_checkpoints": {"last": 1, "round_ends": True, "best": False},
}
"""A right body of every operation that takes JSON."""
SPECS = ("create_run", "check_spec")


def deep(levels: int) -> Any:
    nested: Any = 0
    for _ in range(levels):
        nested = [nested]
    return nested


VALUES = [
    "a\x00b", "\ud800", "\u202e", "x" * 5_000, "../../etc/passwd", "", 10**400, -(10**400), 2**63, 1e308, float("nan"), float("inf"),
    True, None, [], {}, deep(200), {"a\x00b": 1}, {"__class__": {"__init__": 1}}, [["x"] * 100],
]  # fmt: skip
TEXTS = ["a\x00b", "9" * 400, "-" + "9" * 20, "1e400", "NaN", "ü\u202e", "x" * 10_000, "../..", "' OR 1=1 --", "*/*", "true"]


def taking_json() -> list[str]:
    bodies = {name: operation.get("requestBody") for name, (_, _, operation) in OPERATIONS.items()}
    return [name for name, body in bodies.items() if body and name not in SPECS]


def with_each_place(body: Any, value: Any) -> Iterator[Any]:
    """The body with `value` in place of each of its parts in turn, and of all of it; and with a field nobody knows."""
    yield value
    if isinstance(body, dict | list):
        for key in body if isinstance(body, dict) else range(len(body)):
            for changed in with_each_place(body[key], value):
                other = deepcopy(body)
                other[key] = changed
                yield other
    if isinstance(body, dict):
        yield {**body, "unknown": value}


def checked(answer: Any) -> int:
    """The status of an answer that is no server error and, where it is an error, a problem document."""
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert {"title", "status", "detail", "errors"} <= answer.json().keys()
        assert answer.json()["status"] == answer.status_code
    return answer.status_code


def filled(path: str, run: str, **others: str) -> str:
    known = {"run_id": run, "name": "ann", "message_id": "msg_" + 24 * "0", **others}
    return re.sub(r"\{(\w+)\}", lambda match: known.get(match[1], "1"), path)


def runs(backend: Backend) -> int:
    with backend.engine.connect() as connection:
        return connection.exec_driver_sql("SELECT count(*) FROM runs").scalar_one()


def send(api: TestClient, name: str, run: str, **what: Any) -> Any:
    method, path, _ = OPERATIONS[name]
    headers = {"content-type": "application/json", "if-match": '"1"', **what.pop("headers", {})}
    return api.request(method, filled(path, run), headers=headers, **what)


def test_every_operation_that_takes_json_has_a_body_here() -> None:
    assert sorted(taking_json()) == sorted(BODIES)


@pytest.mark.parametrize("name", BODIES)
def test_no_value_in_any_place_of_a_body_breaks_it(api: TestClient, name: str) -> None:
    run = submit(api)
    for value in VALUES:
        for body in with_each_place(BODIES[name], value):
            checked(send(api, name, run, content=json.dumps(body).encode()))


@pytest.mark.parametrize("value", VALUES, ids=[str(number) for number in range(len(VALUES))])
def test_no_value_in_any_place_of_a_spec_breaks_it(api: TestClient, value: Any) -> None:
    spec = {
        "name": "x", "tags": ["t"], "model": {"path": "tiny"}, "experts": {"a": {"domain": "d"}}, "opd": {"topology": "full"},
        "domains": {"d": {"source": "reasoning_gym", "tasks": {"gcd": {"min_value": 1}}}, "e": {"source": "dataset", "path": "/x"}},
        "w": {"a": {"b": 1.0}}, "rlvr": {"steps": 3},
    }  # fmt: skip
    for body in with_each_place(spec, value):
        answer = api.post("/api/v1/spec/check", content=json.dumps(body).encode(), headers={"content-type": "application/json"})
        assert checked(answer) in (200, 422)


@pytest.mark.parametrize("name", [*BODIES, *SPECS])
def test_no_kind_or_size_of_body_breaks_it(api: TestClient, backend: Backend, name: str) -> None:
    run = submit(api)
    right = SPEC.encode() if name in SPECS else json.dumps(BODIES[name]).encode()
    for media_type in ("", "text/html", "application/xml", "multipart/form-data; boundary=x", "application/json; charset=utf-32"):
        status = checked(send(api, name, run, content=right, headers={"content-type": media_type}))
        assert status in (415, 422) or media_type.startswith("application/json"), media_type
    before = runs(backend)
    for content, expected in (
        (b" " * 1_000_001, {413}), (b"[" * 400_000, {400, 422}), (b'{"a":' * 150_000, {400, 422}), (b"1" * 5_000, {400, 422}),
        (b"\xff\xfe\x00", {400, 422}), (b"", {422}), (b'"\\ud800"', {400, 422}),
    ):  # fmt: skip
        status = checked(send(api, name, run, content=content))
        assert status in expected | ({200} if name == "check_spec" else set()), (content[:5], status)
    assert runs(backend) == before


@pytest.mark.parametrize("name", [name for name, (_, _, operation) in OPERATIONS.items() if operation.get("parameters")])
def test_no_text_in_any_parameter_breaks_it(api: TestClient, name: str) -> None:
    run, (method, path, operation) = submit(api), OPERATIONS[name]
    content = json.dumps(BODIES[name]).encode() if name in BODIES else SPEC.encode() if name in SPECS else None
    headers = {"content-type": "application/json", "if-match": '"1"'} if content else {}
    for parameter in operation["parameters"]:
        for text in TEXTS:
            where, sent = filled(path, run), dict(headers)
            params: dict[str, str] = {}
            if parameter["in"] == "path":
                where = filled(path, **{"run": run, parameter["name"]: text.replace("/", "%2f").replace("\x00", "%00")})
            elif parameter["in"] == "header":
                sent[parameter["name"]] = text.replace("\x00", " ")
            else:
                params[parameter["name"]] = text
            raw: Any = {key: value.encode() for key, value in sent.items()}
            checked(api.request(method, where, params=params, headers=raw, content=content))


def test_a_key_used_again_answers_alike_or_says_so(api: TestClient, backend: Backend) -> None:
    key = {**YAML, "idempotency-key": "again"}
    first = api.post("/api/v1/runs", content=SPEC, headers=key)
    assert api.post("/api/v1/runs", content=SPEC, headers=key).json()["id"] == first.json()["id"]
    assert checked(api.post("/api/v1/runs", content=SPEC + "\nseed: 3", headers=key)) == 409
    assert checked(api.post("/api/v1/runs", content="name: [", headers=key)) == 422
    assert runs(backend) == 1
