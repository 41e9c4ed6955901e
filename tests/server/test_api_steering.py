"""Forking, rolling back, pausing policies and commanding many runs, as the API's clients see them."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.server.api import RUNS, submit

pytestmark = pytest.mark.integration


def forked(api: TestClient, run: str, path: str = "fork", key: str = "one", **wanted: object) -> tuple[int, dict[str, Any]]:
    answer = api.post(f"{RUNS}/{run}/{path}", json=wanted, headers={"idempotency-key": key})
    return answer.status_code, answer.json()


def test_a_fork_and_its_origin_know_each_other(api: TestClient) -> None:
    run = submit(api)
    status, view = forked(api, run, keep_rounds=0, set={"optimizer.lr": 1e-5}, name="Again")
    assert (status, view["name"], view["state"]) == (201, "Again", "queued")
    assert view["forked_from"] == {"run": run, "round": 0}
    assert [(e["path"], e["author"]) for e in view["edits"]] == [("optimizer.lr", "ann")]
    assert api.get(f"{RUNS}/{run}").json()["forks"] == [{"run": view["id"], "name": "Again", "round": 0}]
    assert forked(api, run, keep_rounds=0, set={"optimizer.lr": 1e-5}, name="Again") == (status, view)
    assert forked(api, run, keep_rounds=0)[0] == 409, "the same key with another body"


def test_rolling_back_ends_the_run(api: TestClient) -> None:
    run = submit(api)
    status, view = forked(api, run, "rollback", keep_rounds=0)
    assert (status, view["state"]) == (201, "queued")
    assert api.get(f"{RUNS}/{run}").json()["state"] == "cancelled"


def test_a_fork_of_what_has_not_ended_names_the_field(api: TestClient) -> None:
    run = submit(api)
    status, problem = forked(api, run, keep_rounds=1)
    assert (status, problem["errors"]) == (422, [{"field": "keep_rounds", "message": "round 1 has not ended; none has, so give at most 0"}])
    assert forked(api, run, keep_rounds=0, set={"rlvr.group": 4})[0] == 422
    assert api.get(RUNS).json()["total"] == 1


def test_policies_pause_alone(api: TestClient) -> None:
    run = submit(api)
    view = api.post(f"{RUNS}/{run}/pause", params={"policy": ["text"]}).json()
    assert (view["state"], view["paused_policies"], view["allowed"]) == ("queued", ["text"], ["pause", "resume", "cancel"])
    assert api.post(f"{RUNS}/{run}/pause", params={"policy": ["merged"]}).status_code == 422
    view = api.post(f"{RUNS}/{run}/resume", params={"policy": ["text"]}).json()
    assert (view["paused_policies"], view["allowed"]) == ([], ["pause", "cancel"])


def test_many_runs_each_get_their_answer(api: TestClient) -> None:
    going, over = submit(api), submit(api)
    api.post(f"{RUNS}/{over}/cancel")
    answer = api.post(f"{RUNS}/commands", json={"command": "pause", "runs": [going, over, "nobody", going]})
    assert answer.json()["results"] == [
        {"run": going, "state": "paused", "error": None},
        {"run": over, "state": None, "error": "a run that is cancelled cannot pause; allowed now: none: the run is over"},
        {"run": "nobody", "state": None, "error": "there is no run 'nobody'"},
    ]
    assert api.post(f"{RUNS}/commands", json={"command": "retry", "runs": [going]}).status_code == 422
