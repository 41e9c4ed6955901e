"""Runs as the API's clients see them, over real PostgreSQL and Valkey; no scheduler runs."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, update

from server.db.models import Attempt, Run, SegmentRow
from tests.server.api import RUNS, SPEC, YAML, edit, submit
from tests.server.backend import Backend
from tests.server.seed import add_run, finish
from worker.bus import WORKERS, WorkerReport, worker_key

pytestmark = pytest.mark.integration


# ---- submitting and reading


def test_a_submitted_run_is_queued_with_its_plan(api: TestClient) -> None:
    answer = api.post(RUNS, content=SPEC, headers=YAML)
    run = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{RUNS}/{run['id']}"
    assert answer.headers["etag"] == '"1"'
    assert (run["state"], run["allowed"], run["created_by"]) == ("queued", ["pause", "cancel"], "ann")
    assert run["source"] == SPEC, "comments survive"
    assert run["spec"]["rlvr"]["group"] == 8, "defaults are filled in"
    assert run["progress"] == {"round": 0, "rounds": 2, "phase": "", "steps": 0, "total_steps": 20, "eta_seconds": None}
    assert [(p["name"], p["role"], p["colour"]) for p in run["policies"]] == [
        ("base", "base", 0), ("text", "expert", 2), ("image", "expert", 3), ("merged", "merged", 1),
    ]  # fmt: skip
    assert run["edges"] == [["text", "image"], ["image", "text"]]
    assert run["waiting_for"].startswith("waiting for the scheduler")
    segments = api.get(f"{RUNS}/{run['id']}/segments").json()["segments"]
    assert segments[0]["key"] == "evaluate.base@0.text"
    assert {s["state"] for s in segments} == {"planned"}


def test_json_is_a_spec_as_well(api: TestClient) -> None:
    spec = api.get(f"{RUNS}/{submit(api)}").json()["spec"]
    assert api.post(RUNS, json=spec).status_code == 201


def test_the_same_key_with_the_same_body_is_the_same_run(api: TestClient, backend: Backend) -> None:
    headers = {**YAML, "idempotency-key": "once"}
    first, second = (api.post(RUNS, content=SPEC, headers=headers).json()["id"] for _ in range(2))
    assert first == second
    assert api.post(RUNS, content=SPEC + "seed: 1\n", headers=headers).status_code == 409
    with backend.sessions() as db:
        assert db.scalars(select(Run.id)).all() == [first]


def test_equal_requests_at_once_make_one_run(api: TestClient) -> None:
    headers = {**YAML, "idempotency-key": "together"}
    with ThreadPoolExecutor(4) as pool:
        ids = list(pool.map(lambda _: api.post(RUNS, content=SPEC, headers=headers).json()["id"], range(4)))
    assert len(set(ids)) == 1


def test_a_dry_run_answers_with_the_plan_and_stores_nothing(api: TestClient, backend: Backend) -> None:
    check = api.post("/api/v1/spec/check", content=SPEC, headers=YAML).json()
    assert check["valid"]
    assert check["total_steps"] == 20
    assert check["rollouts"] == 2 * 2 * (3 + 2 * 2) * 128
    assert {"rlvr", "opd", "merge"} <= {segment["kind"] for segment in check["segments"]}
    wrong = api.post("/api/v1/spec/check", content=SPEC.replace("rounds: 2", "rounds: 0"), headers=YAML).json()
    assert not wrong["valid"]
    assert wrong["errors"][0]["field"] == "rounds"
    assert backend.is_empty()


def test_a_dry_run_says_what_it_will_take_and_what_from(api: TestClient, backend: Backend) -> None:
    before = api.post("/api/v1/spec/check", content=SPEC, headers=YAML).json()["estimate"]
    assert before["parameters"] == before["trainable"] == 1_145_792
    assert before["memory"]["total"] > before["memory"]["weights"] == 8 * 1_145_792
    assert (before["seconds"], before["seconds_from"]) == (None, []), "no run of this model was measured"
    with backend.sessions() as db:
        finish(db, add_run(db), "rlvr.text@0", 30.0)
        finish(db, add_run(db, model={"lora": {"rank": 2}}, name="other model"), "rlvr.text@0", 1.0)
    after = api.post("/api/v1/spec/check", content=SPEC, headers=YAML).json()
    assert after["estimate"]["seconds_from"] == ["seeded"]
    assert after["estimate"]["seconds"] == pytest.approx(30.0 * after["estimate"]["tokens"] / (3 * 128 * 16))
    assert after["edges"] == [["text", "image"], ["image", "text"]]
    left = api.post("/api/v1/spec/check?keep_rounds=1", content=SPEC, headers=YAML).json()
    assert (left["total_steps"], left["estimate"]["tokens"]) == (after["total_steps"], after["estimate"]["tokens"] // 2)


def test_a_run_that_begins_says_when_its_first_evaluation_is_there(api: TestClient, backend: Backend) -> None:
    def said() -> float | None:
        return api.get(f"{RUNS}/{run}").json()["first_evaluation_seconds"]

    with backend.sessions() as db:
        run = add_run(db)
        evaluation = select(SegmentRow.key).where(SegmentRow.run_id == run, SegmentRow.kind == "evaluate")
        first = db.scalars(evaluation.order_by(SegmentRow.position, SegmentRow.key)).first()
        assert first is not None
        assert said() is None, "it is queued"
        db.get_one(Run, run).state = "running"
        db.commit()
        assert said() is None, "no run of this model was measured"
        earlier = add_run(db)
        finish(db, earlier, first, 20.0)
        finish(db, earlier, "rlvr.text@0", 30.0)
        assert said() == pytest.approx(20.0)
        db.get_one(SegmentRow, (run, first)).started_at = datetime.now(UTC) - timedelta(seconds=12)
        db.commit()
        assert 0 < (said() or 0) <= 8
        finish(db, run, first, 20.0)
        assert said() is None, "it is there"


def test_every_template_is_a_valid_spec(api: TestClient) -> None:
    templates = api.get("/api/v1/spec/templates").json()["templates"]
    assert "three-experts" in [template["name"] for template in templates]
    for template in templates:
        assert template["description"]
        shipped = template["source"].replace("./smollm2", "tiny")  # a model that people fetch themselves
        assert api.post("/api/v1/spec/check", content=shipped, headers=YAML).json()["valid"]


def test_the_schema_says_which_fields_may_change(api: TestClient) -> None:
    schema = api.get("/api/v1/spec/schema").json()
    assert schema["properties"]["rounds"]["edit"] == "structure"
    assert schema["$defs"]["Optimizer"]["properties"]["lr"]["edit"] == "value"


# ---- lists


def test_pages_of_runs_follow_each_other_newest_first(api: TestClient, backend: Backend) -> None:
    with backend.sessions() as db:
        ids = [add_run(db, name=f"run {i}") for i in range(5)]
    seen, after = [], ""
    for _ in range(3):
        page = api.get(RUNS, params={"limit": 2, "after": after}).json()
        seen += [run["id"] for run in page["runs"]]
        after = page["next"]
        assert page["total"] == 5
    assert seen == ids[::-1]
    assert after is None


def test_runs_are_found_by_state_tag_and_part_of_the_name(api: TestClient, backend: Backend) -> None:
    with backend.sessions() as db:
        first, second = add_run(db, name="100% done", tags=["a", "b"]), add_run(db, name="other", tags=["b"])
    api.post(f"{RUNS}/{second}/cancel")

    def found(**parameters: Any) -> list[str]:
        return [run["id"] for run in api.get(RUNS, params=parameters).json()["runs"]]

    assert found(q="0%") == [first]
    assert found(q="_") == []
    assert found(tag="b") == [second, first]
    assert found(tag=["a", "b"]) == [first]
    assert found(state=["cancelled", "failed"]) == [second]


def test_a_run_can_be_described_anew(api: TestClient) -> None:
    run = submit(api)
    answer = api.patch(f"{RUNS}/{run}", json={"name": " new name ", "tags": ["x"]}).json()
    assert (answer["name"], answer["tags"], answer["notes"]) == ("new name", ["x"], "")
    assert api.get(f"{RUNS}/{run}").json()["name"] == "new name"


# ---- commands


def test_commands_follow_the_table_and_say_what_is_allowed(api: TestClient) -> None:
    run = submit(api)
    assert api.post(f"{RUNS}/{run}/pause").json()["state"] == "paused"
    assert api.post(f"{RUNS}/{run}/resume").json()["state"] == "queued"
    assert api.post(f"{RUNS}/{run}/cancel").json()["state"] == "cancelled"
    refused = api.post(f"{RUNS}/{run}/resume")
    assert refused.status_code == 409
    assert "a run that is cancelled cannot resume" in refused.json()["detail"]
    assert refused.json()["allowed"] == []


def test_of_two_pauses_at_once_one_is_refused(api: TestClient) -> None:
    run = submit(api)
    with ThreadPoolExecutor(2) as pool:
        codes = sorted(pool.map(lambda _: api.post(f"{RUNS}/{run}/pause").status_code, range(2)))
    assert codes == [200, 409]
    assert api.get(f"{RUNS}/{run}").json()["control_version"] == 2


def test_only_a_stopping_run_can_be_forced(api: TestClient, backend: Backend) -> None:
    run = submit(api)
    assert api.post(f"{RUNS}/{run}/force").status_code == 409
    with backend.sessions.begin() as db:
        db.execute(update(Run).values(state="pausing"))
    assert api.post(f"{RUNS}/{run}/force").json()["deadline"] is not None


# ---- progress


def test_progress_counts_steps_and_foresees_the_end(api: TestClient, backend: Backend) -> None:
    run = submit(api)
    with backend.sessions() as db:
        finish(db, run, "rlvr.text@0", 6.0)
        db.execute(update(Run).values(state="running"))
        db.execute(update(SegmentRow).where(SegmentRow.key == "rlvr.image@0").values(state="running"))
        db.add(Attempt(run_id=run, segment_key="rlvr.image@0", worker="w1", state="running", start_step=0))
        db.commit()
    report = WorkerReport(
        name="w1", state="busy", host="h", pid=1, started_at=0, seen_at=0, run=run, segment="rlvr.image@0", done=2, total=3
    )
    backend.redis.zadd(WORKERS, {"w1": 1.0})
    backend.redis.set(worker_key("w1"), report.model_dump_json())
    progress = api.get(RUNS).json()["runs"][0]["progress"]
    assert (progress["round"], progress["phase"], progress["steps"]) == (1, "rlvr", 3 + 2)
    assert progress["eta_seconds"] == pytest.approx((9 - 2) * 2.0 + 8 * 4.0, rel=0.2)  # the one worker, and the clock goes on
    workers = api.get("/api/v1/workers").json()
    assert (workers["workers"][0]["run_name"], workers["scheduler_alive"]) == ("seeded", False)


def test_the_end_is_foreseen_from_the_share_of_workers_the_run_really_gets(api: TestClient, backend: Backend) -> None:
    run = submit(api)
    with backend.sessions() as db:
        now = db.execute(select(func.now())).scalar_one()
        finish(db, run, "rlvr.text@0", 25.0, start=now - timedelta(seconds=100))
        db.execute(update(Run).values(state="running", state_since=now - timedelta(seconds=100)))
        db.commit()
    eta = api.get(RUNS).json()["runs"][0]["progress"]["eta_seconds"]
    assert eta == pytest.approx((9 * 25 / 3 + 8 * 50 / 3) / (25 / 100), rel=0.2)  # the clock goes on while this test runs


# ---- recipes and retries


def test_a_recipe_is_a_spec_with_edits_and_may_be_submitted(api: TestClient) -> None:
    run = submit(api)
    edit(api, run, 1, rounds=3, seed=9)
    recipe = api.get(f"{RUNS}/{run}/recipe").json()
    assert recipe["edits"] == [
        {"path": "rounds", "value": 3, "round": 0, "steps": {}}, {"path": "seed", "value": 9, "round": None, "steps": {}},
    ]  # fmt: skip
    assert api.post("/api/v1/spec/check", json=recipe).json()["total_steps"] == 30
    again = api.post(RUNS, json=recipe).json()
    assert (again["control_version"], again["progress"]["rounds"]) == (3, 3)
    assert [(e["path"], e["author"], e["expected"]) for e in again["edits"] if e["kind"] == "value"] == [
        ("seed", "ann", "acts as in its recipe: nowhere")
    ]
    assert api.get(f"{RUNS}/{again['id']}/recipe").json() == recipe
    wrong = api.post(RUNS, json=recipe | {"edits": [{"path": "seed", "value": -1}]})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "edits.0")


def test_only_a_failed_run_can_be_retried(api: TestClient, backend: Backend) -> None:
    run = submit(api)
    refused = api.post(f"{RUNS}/{run}/retry", json={})
    assert refused.status_code == 409
    with backend.sessions.begin() as db:
        db.get_one(Run, run).state = "failed"
    assert api.get(f"{RUNS}/{run}").json()["allowed"] == ["retry"]
    again = api.post(f"{RUNS}/{run}/retry", json={"set": {"optimizer.lr": 1e-5}, "reseed": True}).json()
    assert (again["state"], again["notice"]) == ("queued", None)
    assert {e["path"]: e["value"] for e in again["edits"]} == {"optimizer.lr": 1e-5, "seed": 1}
