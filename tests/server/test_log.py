"""A run's log: filtered by who, what and where, and taken away whole."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from server.api import log as log_api
from server.db.models import Attempt
from server.db.transition import SCHEDULER, log
from tests.server.api import RUNS, submit
from tests.server.backend import Backend

pytestmark = pytest.mark.integration


@pytest.fixture
def told(api: TestClient, backend: Backend) -> str:
    run = submit(api)
    with backend.sessions.begin() as db:
        db.add(Attempt(run_id=run, segment_key="rlvr.text@0", worker="w1", start_step=0))
        db.flush()
        log(db, run, "w1", "first line\nsecond line", policy="text", attempt_id=1)
        log(db, run, SCHEDULER, "rlvr.text@0: w1 was lost", level="warning", policy="text", attempt_id=1)
        log(db, run, SCHEDULER, "waiting for 100% of a worker")
        log(db, run, "bob", "pinned text@3", policy="text")
    return run


def messages(api: TestClient, run: str, **wanted: Any) -> list[str]:
    return [entry["message"] for entry in api.get(f"{RUNS}/{run}/log", params=wanted).json()["entries"]]


def test_people_scheduler_and_workers_are_told_apart(api: TestClient, told: str) -> None:
    entries = api.get(f"{RUNS}/{told}/log").json()["entries"]
    assert [(entry["actor"], entry["kind"], entry["segment"]) for entry in entries] == [
        ("ann", "people", None), ("w1", "workers", "rlvr.text@0"), ("scheduler", "scheduler", "rlvr.text@0"),
        ("scheduler", "scheduler", None), ("bob", "people", None),
    ]  # fmt: skip
    for kind in ("people", "scheduler", "workers"):
        assert messages(api, told, actors=kind) == [entry["message"] for entry in entries if entry["kind"] == kind]
    assert len(messages(api, told, actors=["people", "workers"])) == 3
    assert api.get(f"{RUNS}/{told}/log?actors=robots").status_code == 422


def test_a_text_is_looked_for_as_it_is_written(api: TestClient, told: str) -> None:
    assert messages(api, told, q="PINNED") == ["pinned text@3"]
    assert messages(api, told, q="100%") == ["waiting for 100% of a worker"]
    assert messages(api, told, q="w_1") == []
    assert messages(api, told, q="bob") == ["pinned text@3"], "the actor's name counts too"
    assert messages(api, told, q="lost", level="error") == []


@pytest.mark.usefixtures("told")
def test_a_log_is_taken_away_whole_and_filtered(api: TestClient, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_api, "PAGE", 2)  # more than one page
    answer = api.get(f"{RUNS}/{told}/log/file?format=jsonl")
    assert answer.headers["content-disposition"] == f'attachment; filename="{told}.jsonl"'
    assert [json.loads(line) for line in answer.text.splitlines()] == api.get(f"{RUNS}/{told}/log").json()["entries"]
    text = api.get(f"{RUNS}/{told}/log/file?actors=workers")
    assert text.headers["content-type"].startswith("text/plain")
    [first, second] = text.text.splitlines()
    assert first.endswith("INFO w1 [rlvr.text@0, attempt 1] first line")
    assert second == "    second line"


def test_there_is_no_file_of_no_run(api: TestClient) -> None:
    assert api.get(f"{RUNS}/nothere/log/file").status_code == 404
