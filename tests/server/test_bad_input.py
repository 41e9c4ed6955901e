"""Bad input gets a 4xx that names the field or transition and what would be right; nothing of it stays anywhere."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from server.db.models import Run
from tests.server.api import SPEC, YAML, submit
from tests.server.backend import Backend

pytestmark = pytest.mark.integration
RUNS = "/api/v1/runs"
JSON = {"content-type": "application/json"}
HUGE = 10**400


def problem(answer: Any, status: int) -> dict[str, Any]:
    """The problem document, after checking its shape."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert all(set(error) == {"field", "message"} for error in body["errors"])
    return body


@pytest.mark.parametrize(
    ("old", "new", "field", "right"),
    [
        ("rounds: 2", "rounds: 2\nround: 3", "round", "unknown field"),
        ("rounds: 2", "rounds: many", "rounds", "integer"),
        ("rounds: 2", "rounds: 2.5", "rounds", "integer"),
        ("rounds: 2", f"rounds: {HUGE}", "rounds", "10000"),
        ("text: {domain: text}", "text: {domain: sound}", "experts.text.domain", "domains are image, text"),
        ("rounds: 2", "w: {image: {sound: 1.0}}", "w.image.sound", "experts are image, text"),
        ("rounds: 2", "w: {image: {text: -0.1}}", "w.image.text", "greater than or equal to 0"),
        ("rounds: 2", "w: {image: {text: .nan}}", "w.image.text", "finite"),
        ("rounds: 2", "w: {text: {text: 1.0}}", "w.text.text", "cannot teach itself"),
        ("steps: 3", "steps: 0", "rlvr.steps", "greater than or equal to 1"),
        ("rounds: 2", "model: {path: /no/such/folder}", "model.path", "an existing folder"),
        ("rounds: 2", "model: {path: ''}", "model.path", "at least 1 item"),
        ("rounds: 2", "method: opd\nteachers: {big: {path: /no/such, domain: text}}", "teachers.big.path", "an existing folder"),
        ("tasks: {gcd: {}}", "tasks: {no_such_task: {}}", "domains.text.tasks.no_such_task", "no such task"),
        ("name: seeded", "name: ''", "name", "at least 1 character"),
        ("name: seeded", 'name: "a\\0b"', "name", "NUL"),
        ("name: seeded", "name: [", "", "not valid YAML: line"),
        ("rounds: 2", "rounds: 2\nrounds: 3", "", "given twice"),
        ("rounds: 2", "seed: -1", "seed", "greater than or equal to 0"),
    ],
)  # fmt: skip
def test_a_wrong_spec_names_its_field(api: TestClient, backend: Backend, old: str, new: str, field: str, right: str) -> None:
    body = problem(api.post(RUNS, content=SPEC.replace(old, new), headers=YAML), 422)
    assert field in [error["field"] for error in body["errors"]], body["errors"]
    assert right in json.dumps(body["errors"]), body["errors"]
    assert backend.is_empty()
    check = api.post("/api/v1/spec/check", content=SPEC.replace(old, new), headers=YAML).json()
    assert check["errors"] == body["errors"], "the dry run says the same"


@pytest.mark.parametrize(
    ("content", "headers", "status", "words"),
    [
        (b"x" * 10_000_000, YAML, 413, "larger than 1,000,000 bytes"),
        (b"name: \xff\xfe", YAML, 422, "not UTF-8"),
        (b"\x00", YAML, 422, "NUL"),
        (b"", YAML, 422, "empty"),
        (b"- a list", YAML, 422, "mapping"),
        (b"just text", YAML, 422, "mapping"),
        (b"[" * 50_000, YAML, 422, "not valid YAML"),
        (b'{"a":' * 50_000, JSON, 422, "not valid YAML"),
        (b"a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nname: *c", YAML, 422, "valid string"),
        (b"a: !!python/object/apply:os.system ['true']", YAML, 422, "not valid YAML"),
        (b"? {a: b}\n: c", YAML, 422, "not valid YAML"),
        (b"9999-99-99: 1", YAML, 422, "not valid YAML"),
        (b"name: x", {"content-type": "application/xml"}, 415, "application/yaml"),
        (b"name: x", {}, 415, "application/yaml"),
    ],
)  # fmt: skip
def test_what_is_no_spec_is_refused(
    api: TestClient, backend: Backend, content: bytes, headers: dict[str, str], status: int, words: str
) -> None:
    body = problem(api.post(RUNS, content=content, headers=headers), status)
    assert words in body["detail"]
    assert backend.is_empty()


def test_a_body_without_a_length_is_limited_too(api: TestClient, backend: Backend) -> None:
    chunks = (b"# comment\n" * 10_000 for _ in range(30))
    problem(api.post(RUNS, content=chunks, headers=YAML), 413)
    assert backend.is_empty()


@pytest.mark.parametrize("key", ["", "a b", "é".encode(), "k" * 256])
def test_an_idempotency_key_is_short_and_printable(api: TestClient, backend: Backend, key: str | bytes) -> None:
    body = problem(api.post(RUNS, content=SPEC, headers={**YAML, "idempotency-key": key}), 422)  # pyright: ignore[reportArgumentType]
    assert body["errors"][0]["field"] == "idempotency-key"
    assert backend.is_empty()


@pytest.mark.parametrize("command", ["pause", "resume", "cancel", "force"])
def test_a_completed_run_takes_no_commands(api: TestClient, backend: Backend, command: str) -> None:
    run = submit(api)
    with backend.sessions.begin() as db:
        db.execute(update(Run).values(state="completed"))
    body = problem(api.post(f"{RUNS}/{run}/{command}"), 409)
    assert "completed" in body["detail"]
    assert problem(api.patch(f"{RUNS}/{run}/controls", json={"set": {"optimizer.lr": 0.1}}, headers={"if-match": '"1"'}), 409)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("w.image.text", -1, "greater than or equal to 0"),
        ("w.image.text", "NaN", "valid number"),
        ("w.image.text", HUGE, "valid number"),
        ("w.image.image", 1, "not an editable value"),
        ("w.image.sound", 1, "not an editable value"),
        ("optimizer.beta1", 0.5, "not an editable value"),
        ("rlvr.temperature", 0, "greater than 0"),
        ("rounds", 0, "greater than or equal to 1"),
        ("rounds", "many", "integer"),
        ("rounds", True, "integer"),
        ("rlvr.temperature", True, "valid number"),
        ("opd.adaptive.teach", True, "does not change the plan of method copd"),
        ("opd.topology", "star", "hub_and_spoke"),
        ("__class__", 1, "not an editable value"),
        ("", 1, "not an editable value"),
    ],
)  # fmt: skip
def test_a_wrong_edit_names_its_path_and_changes_nothing(api: TestClient, path: str, value: Any, words: str) -> None:
    run = submit(api)
    both = {path: value, "optimizer.lr": 0.5}
    body = problem(api.patch(f"{RUNS}/{run}/controls", json={"set": both}, headers={"if-match": '"1"'}), 422)
    assert path in [error["field"] for error in body["errors"]]
    assert words in json.dumps(body["errors"], ensure_ascii=False)
    view = api.get(f"{RUNS}/{run}").json()
    assert (view["control_version"], view["edits"]) == (1, [])


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("PATCH", "", b'{"name": null, "nome": "x"}', "nome"),
        ("PATCH", "", b'{"name": ""}', "name"),
        ("PATCH", "", b'{"name": "a\\u0000b"}', "name"),
        ("PATCH", "", b'{"tags": ["a\\u0000b"]}', "tags.0"),
        ("PATCH", "", b'{"tags": "abc"}', "tags"),
        ("PATCH", "", b'{"notes": 7}', "notes"),
        ("PATCH", "", b"[]", ""),
        ("PATCH", "", b"{", "1"),
        ("PATCH", "/controls", b'{"set": {}}', "set"),
        ("PATCH", "/controls", b'{"set": {"rounds": [1]}}', "set.rounds.float"),
        ("POST", "/export", b'{"policy": "a\\u0000b"}', "policy"),
        ("POST", "/export", b'{"step": -1}', "step"),
        ("POST", "/export", b'{"step": 99999999999999999999}', "step"),
        ("POST", "/export", b'{"policy": "merged", "to": "/etc"}', "to"),
    ],
)  # fmt: skip
def test_a_wrong_json_body_names_its_field(api: TestClient, method: str, path: str, body: bytes, field: str) -> None:
    answer = api.request(method, f"{RUNS}/{submit(api)}{path}", content=body, headers={**JSON, "if-match": '"1"'})
    assert field in [error["field"] for error in problem(answer, 422)["errors"]]


@pytest.mark.parametrize("body", [b'{"name": "\xff"}', b'{"a":' * 100_000, b"[" * 100_000, b"1" * 10_000])
def test_json_that_cannot_be_read_is_a_bad_request(api: TestClient, body: bytes) -> None:
    answer = api.patch(f"{RUNS}/{submit(api)}", content=body, headers=JSON)
    assert answer.status_code in (400, 422)
    problem(answer, answer.status_code)


@pytest.mark.parametrize("headers", [{}, {"content-type": "text/plain"}, {"content-type": "multipart/form-data"}])
def test_only_json_is_taken_where_json_is_asked_for(api: TestClient, headers: dict[str, str]) -> None:
    run = submit(api)
    for method, path in (("PATCH", ""), ("PATCH", "/controls"), ("POST", "/export")):
        problem(api.request(method, f"{RUNS}/{run}{path}", content=b"{}", headers={**headers, "if-match": '"1"'}), 415)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/runs?limit=0", "limit"),
        ("/runs?limit=abc", "limit"),
        (f"/runs?limit={HUGE}", "limit"),
        ("/runs?state=done", "state.0"),
        ("/runs?q=%00", "q"),
        ("/runs?tag=%00", "tag.0"),
        ("/runs?after=nobody", "after"),
        ("/runs?after=%00", "after"),
        ("/runs/RUN/series?limit=3", "limit"),
        ("/runs/RUN/series?start=-1", "start"),
        (f"/runs/RUN/series?stop={2**40}", "stop"),
        ("/runs/RUN/series?name=%00", "name.0"),
        ("/runs/RUN/series?tokens=maybe", "tokens"),
        ("/runs/RUN/figures/reward?x=epoch", "x"),
        ("/runs/RUN/agreement?metric=love", "metric"),
        ("/runs/RUN/log?after=-1", "after"),
        (f"/runs/RUN/log?before={2**64}", "before"),
        ("/runs/RUN/events?cursor=now", "cursor"),
        ("/events", "run"),
        ("/events?run=RUN", "run.0"),
        ("/events?run=RUN@1-0&run=RUN@now", "run.1"),
        ("/events?" + "&".join(f"run=r{i}@1-0" for i in range(33)), "run"),
    ],
)
def test_a_wrong_query_names_its_parameter(api: TestClient, path: str, field: str) -> None:
    body = problem(api.get(f"/api/v1{path.replace('RUN', submit(api))}"), 422)
    assert [error["field"] for error in body["errors"]] == [field]


@pytest.mark.parametrize("run", ["nobody", "%00", "a%2fb", "x" * 1000, "%ff", "..%2f..", "1;drop"])
@pytest.mark.parametrize("path", ["", "/series", "/figures/reward", "/events", "/result", "/exports/1/download", "/media/a.png"])
def test_a_run_that_does_not_exist_is_not_found(api: TestClient, run: str, path: str) -> None:
    problem(api.get(f"{RUNS}/{run}{path}"), 404)


@pytest.mark.parametrize("number", ["0", "-1", "x", str(2**63), str(HUGE)])
def test_an_export_that_cannot_exist_is_not_found(api: TestClient, number: str) -> None:
    problem(api.get(f"{RUNS}/{submit(api)}/exports/{number}/download"), 404)


@pytest.mark.parametrize(("method", "path"), [("PUT", RUNS), ("DELETE", RUNS), ("POST", "/healthz"), ("GET", "/api/v1/spec/check")])
def test_a_wrong_method_is_a_problem_document_too(api: TestClient, method: str, path: str) -> None:
    answer = api.request(method, path)
    problem(answer, 405)
    assert answer.headers["allow"]


@pytest.mark.parametrize("body", [b"{}", b'{"code": ""}', b'{"code": "\\u0000"}', b'{"code": 7}', b'{"code": "%s"}' % (b"x" * 1000)])
def test_a_login_without_a_code_is_refused(visitor: TestClient, body: bytes) -> None:
    assert problem(visitor.post("/api/v1/session", content=body, headers=JSON), 422)["errors"][0]["field"] == "code"
