"""The API as its clients see it, over real PostgreSQL and Valkey; no scheduler runs."""

import io
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx2 as httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, update

from server.db.models import Attempt, Checkpoint, Edit, EditBinding, Export, Run, SampleRow, SegmentRow
from server.db.transition import SCHEDULER
from tests.server.api import SPEC, YAML, submit
from tests.server.backend import Backend
from tests.server.seed import EPOCH, add_points, add_run, finish
from worker.bus import WORKERS, WorkerReport, worker_key

pytestmark = pytest.mark.integration
RUNS = "/api/v1/runs"


def edit(api: TestClient, run: str, version: int | str, **changes: Any) -> httpx.Response:
    """PATCH …/controls; `_` in names stands for `.`."""
    named = {path.replace("__", "."): value for path, value in changes.items()}
    return api.patch(f"{RUNS}/{run}/controls", json={"set": named}, headers={"if-match": f'"{version}"'})


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


# ---- controls


def test_an_edit_is_requested_and_the_version_rises(api: TestClient) -> None:
    run = submit(api)
    answer = edit(api, run, 1, w__image__text=0.3)
    view = answer.json()
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    assert next(c["value"] for c in view["controls"] if c["path"] == "w.image.text") == 0.3
    requested = view["edits"][0]
    assert (requested["old"], requested["value"], requested["author"], requested["effective"]) == (1.0, 0.3, "ann", [])
    assert requested["expected"] == "acts from the next OPD phase"


def test_a_dry_run_tells_what_would_change_and_changes_nothing(api: TestClient) -> None:
    run = submit(api)
    url, changes = f"{RUNS}/{run}/controls?dry_run=true", {"set": {"rounds": 3, "seed": 9}}
    answer = api.patch(url, json=changes, headers={"if-match": '"1"'})
    preview = answer.json()
    assert answer.status_code == 200
    assert [(e["path"], e["old"], e["value"], e["expected"]) for e in preview["edits"]] == [
        ("rounds", 2, 3, "acts from round 1"), ("seed", 0, 9, "acts from each expert's next step"),
    ]  # fmt: skip
    assert (preview["total_steps_before"], preview["total_steps"], preview["dropped"]) == (20, 30, [])
    assert {segment["round"] for segment in preview["added"]} == {2}
    view = api.get(f"{RUNS}/{run}").json()
    assert (view["control_version"], view["edits"]) == (1, [])
    assert api.patch(url, json=changes).status_code == 428
    assert api.patch(url, json={"set": {"seed": -1}}, headers={"if-match": '"1"'}).status_code == 422


def test_controls_say_their_kind_and_range(api: TestClient) -> None:
    controls = {control["path"]: control for control in api.get(f"{RUNS}/{submit(api)}").json()["controls"]}
    assert (controls["w.text.image"]["minimum"], controls["w.text.image"]["maximum"]) == (0, 1000)
    assert controls["w.text.image"]["description"] == "how strongly text follows its teacher image"
    assert (controls["optimizer.lr"]["kind"], controls["optimizer.lr"]["maximum"]) == ("value", 1)
    assert (controls["rounds"]["kind"], controls["rounds"]["minimum"], controls["rounds"]["value"]) == ("structure", 1, 2)


def test_the_phase_of_an_adaptive_run_is_a_switch_among_its_controls(api: TestClient) -> None:
    run = submit(api, SPEC.replace("opd: {steps: 2}", "opd: {steps: 2, adaptive: {}}"))
    view = edit(api, run, 1, opd__adaptive__teach=True).json()
    control = next(control for control in view["controls"] if control["path"] == "opd.adaptive.teach")
    assert (control["kind"], control["value"]) == ("structure", True)
    assert control["description"].startswith("whether a round is opd.steps of phase II")
    assert view["progress"]["total_steps"] == 2 * 2 * 2
    assert edit(api, run, 2, opd__adaptive__teach=1).status_code == 422
    assert edit(api, run, 2, opd__adaptive__teach=False).json()["progress"]["total_steps"] == 2 * 2 * 3


def test_what_the_schedule_decided_is_not_counted_as_a_persons_edit(api: TestClient, backend: Backend) -> None:
    run = submit(api)
    edit(api, run, 1, rounds=3)
    with backend.sessions.begin() as db:
        made = {"kind": "structure", "path": "opd.adaptive.teach", "old": False, "value": True, "round": 1}
        db.add(Edit(run_id=run, version=3, author=SCHEDULER, **made))
    assert api.get(f"{RUNS}/{run}/result").json()["edits"] == 1


def test_an_edit_becomes_effective_where_it_was_bound(api: TestClient, backend: Backend) -> None:
    run = submit(api)
    edit(api, run, 1, w__image__text=0.3)
    with backend.sessions.begin() as db:
        db.add(EditBinding(run_id=run, version=2, policy="image", step=4, attempt_id=1, bound_at=EPOCH))
    view = api.get(f"{RUNS}/{run}").json()["edits"][0]
    assert view["effective"] == [{"policy": "image", "step": 4, "at": "2026-01-01T00:00:00Z"}]
    assert view["expected"] is None
    figure = api.get(f"{RUNS}/{run}/figures/reward").json()
    assert [(note["x"], note["hovertext"]) for note in figure["layout"]["annotations"]] == [(4, "w.image.text: 1.0 → 0.3")]


def test_a_change_of_structure_is_effective_where_its_round_begins(api: TestClient, backend: Backend) -> None:
    run = submit(api)
    view = edit(api, run, 1, rlvr__steps=1).json()
    assert (view["edits"][0]["kind"], view["edits"][0]["round"], view["progress"]["total_steps"]) == ("structure", 0, 12)
    with backend.sessions() as db:
        finish(db, run, "rlvr.text@0", 2.0)
    assert api.get(f"{RUNS}/{run}").json()["edits"][0]["effective"] == [{"policy": "text", "step": 0, "at": "2026-01-01T00:00:00Z"}]


def test_an_edit_needs_the_version_it_is_based_on(api: TestClient) -> None:
    run = submit(api)
    missing = api.patch(f"{RUNS}/{run}/controls", json={"set": {"optimizer.lr": 0.1}})
    assert missing.status_code == 428
    edit(api, run, 1, optimizer__lr=0.001)
    stale = edit(api, run, 1, optimizer__lr=0.1)
    assert (stale.status_code, stale.headers["etag"]) == (412, '"2"')
    assert len(api.get(f"{RUNS}/{run}").json()["edits"]) == 1


@pytest.mark.parametrize("version", ["x", "*", "1, 2", "", "-1", "99999999999999999999"])
def test_an_if_match_that_is_no_version_is_refused(api: TestClient, version: str) -> None:
    assert edit(api, submit(api), version, optimizer__lr=0.1).status_code == 412


# ---- series and figures


def test_series_are_thinned_and_say_how_many_points_there_are(api: TestClient, backend: Backend) -> None:
    with backend.sessions() as db:
        run = add_run(db)
        add_points(db, run, "reward", "text", [i % 7 / 7 for i in range(500)])
        add_points(db, run, "reward", "image", [0.5, None, 0.7])
    answer = api.get(f"{RUNS}/{run}/series", params={"name": "reward", "limit": 40}).json()
    image, text = answer["series"]
    assert (image["total"], image["step"], image["value"]) == (3, [1, 2, 3], [0.5, None, 0.7])
    assert text["total"] == 500
    assert len(text["step"]) <= 40
    assert (text["step"][0], text["step"][-1], max(text["value"])) == (1, 500, pytest.approx(6 / 7))
    assert text["attempt"] == [1] * len(text["step"])
    window = api.get(f"{RUNS}/{run}/series", params={"policy": "text", "start": 100, "stop": 109}).json()["series"][0]
    assert window["step"] == list(range(100, 110))


def test_tokens_are_counted_up_for_each_policy(api: TestClient, backend: Backend) -> None:
    with backend.sessions() as db:
        run = add_run(db)
        for expert, tokens in (("text", 200.0), ("image", 100.0)):
            add_points(db, run, "tokens", expert, [tokens] * 3)
            add_points(db, run, "capability", expert, [0.1, 0.2, 0.3], domain="text")
        add_points(db, run, "capability", "merged", [0.1, 0.2, 0.3], domain="text")
    series = api.get(f"{RUNS}/{run}/series", params={"name": "capability", "tokens": True}).json()["series"]
    assert {s["policy"]: s["tokens"] for s in series} == {
        "image": [100.0, 200.0, 300.0], "merged": [300.0, 600.0, 900.0], "text": [200.0, 400.0, 600.0],
    }  # fmt: skip
    figure = api.get(f"{RUNS}/{run}/figures/capability.text", params={"x": "tokens"}).json()
    assert [trace["x"] for trace in figure["data"]] == [[200.0, 400.0, 600.0], [100.0, 200.0, 300.0], [300.0, 600.0, 900.0]]


def test_an_answer_carries_the_position_it_contains(api: TestClient, backend: Backend) -> None:
    run = submit(api)
    with backend.sessions.begin() as db:
        db.execute(update(Run).values(stream_position="77-3"))
    for path in ("series", "figures/reward", "agreement"):
        assert api.get(f"{RUNS}/{run}/{path}").json()["cursor"] == "77-3"


def test_the_agreement_history_has_a_matrix_for_every_measured_step(api: TestClient, backend: Backend) -> None:
    with backend.sessions() as db:
        run = add_run(db)
        add_points(db, run, "overlap", "text", [0.99, 0.9], peer="image")
        add_points(db, run, "overlap", "image", [0.98], peer="text")
        add_points(db, run, "overlap", "image", [0.5], peer="text", domain="text")
    history = api.get(f"{RUNS}/{run}/agreement").json()
    assert (history["students"], history["teachers"]) == (["text", "image"], ["text", "image"])
    assert history["steps"] == [1, 2]
    assert history["values"] == [[[None, 0.99], [0.98, None]], [[None, 0.9], [None, None]]]
    assert api.get(f"{RUNS}/{run}/agreement", params={"domain": "text"}).json()["values"] == [[[None, None], [0.5, None]]]


def test_overlap_is_drawn_beside_the_run_without_distillation(api: TestClient, backend: Backend) -> None:
    with backend.sessions() as db:
        alone, other_seed, run = add_run(db, name="alone", method="experts"), add_run(db, method="experts", seed=5), add_run(db)
        for each in (alone, other_seed, run):
            add_points(db, each, "overlap", "text", [0.9], peer="image")

    def names(**parameters: str) -> list[str]:
        return [trace["name"] for trace in api.get(f"{RUNS}/{run}/figures/overlap", params=parameters).json()["data"]]

    assert names() == ["text ← image", "alone"]
    assert names(compare="none") == ["text ← image"]
    assert names(compare=other_seed) == ["text ← image", "seeded"]
    assert api.get(f"{RUNS}/{run}/figures/overlap", params={"compare": "nobody"}).status_code == 404


def test_a_figure_that_does_not_exist_names_those_that_do(api: TestClient) -> None:
    answer = api.get(f"{RUNS}/{submit(api)}/figures/capability.sound")
    assert answer.status_code == 404
    assert "capability.text" in answer.json()["detail"]


def test_the_list_of_figures_has_both_themes(api: TestClient) -> None:
    listed = api.get(f"{RUNS}/{submit(api)}/figures").json()
    assert listed["figures"][0] == {"name": "capability.text", "title": "How well does each model do on text?"}
    assert set(listed["templates"]) == {"light", "dark"}
    assert len(listed["palette"]) >= 8


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
    assert progress["eta_seconds"] == 9 * 2.0 + 8 * 4.0
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


# ---- what a run leaves


def test_the_result_compares_base_experts_and_merged(api: TestClient, backend: Backend) -> None:
    with backend.sessions() as db:
        run = add_run(db)
        for domain in ("text", "image"):
            add_points(db, run, "capability", "base", [0.4], domain=domain, se=0.03)
            add_points(db, run, "capability", "text", [0.5, 0.6], domain=domain, se=0.03)
            add_points(db, run, "capability", "merged", [0.7], domain=domain, se=0.04)
        finish(db, run, "rlvr.text@0", 6.0, optimizer_steps=3, rollouts=384, tokens=5000)
        db.add(Checkpoint(run_id=run, policy="merged", step=5, attempt_id=1, path="p", digest="abc", bytes=1, has_state=False))
        db.commit()
    card = api.get(f"{RUNS}/{run}/result").json()
    assert (card["digest"], card["step"]) == ("abc", 5)
    assert (card["base_mean"], card["merged_mean"], card["best_expert"], card["best_expert_mean"]) == (0.4, 0.7, "text", 0.6)
    assert card["merged_mean_se"] == pytest.approx(0.04 / 2**0.5)
    assert card["budgets"] == [{"policy": "text", "optimizer_steps": 3, "rollouts": 384, "tokens": 5000}]
    merged = next(score for score in card["scores"] if score["policy"] == "merged")
    assert (merged["low"], merged["high"]) == (pytest.approx(0.7 - 1.96 * 0.04), pytest.approx(0.7 + 1.96 * 0.04))
    assert api.get(RUNS).json()["runs"][0]["capability"] == pytest.approx(0.7)


def test_probes_put_the_newest_answers_side_by_side(api: TestClient, backend: Backend) -> None:
    run = submit(api)
    with backend.sessions.begin() as db:
        for policy, step, completion in (("base", 0, "7"), ("merged", 5, "8"), ("merged", 10, "9"), ("text", 5, "1")):
            db.add(
                SampleRow(
                    run_id=run, policy=policy, step=step, domain="image", index=0, attempt_id=1, prompt="4+5=", answer="9",
                    completion=completion, reward=0.0, reason="", media=["media/abc.png"],
                )
            )  # fmt: skip
    probe = api.get(f"{RUNS}/{run}/probes").json()["probes"][0]
    assert [(s["policy"], s["step"], s["completion"]) for s in probe["samples"]] == [("base", 0, "7"), ("merged", 10, "9")]
    assert probe["media"] == [f"{RUNS}/{run}/media/abc.png"]
    assert len(api.get(f"{RUNS}/{run}/probes", params={"policy": ["text"]}).json()["probes"][0]["samples"]) == 1


def test_media_are_served_as_what_they_are(api: TestClient, backend: Backend) -> None:
    run = submit(api)
    folder = backend.store / "runs" / run / "media"
    folder.mkdir(parents=True)
    (folder / "abc.png").write_bytes(b"\x89PNG")
    (folder / "page.html").write_text("<script>")
    image = api.get(f"{RUNS}/{run}/media/abc.png")
    assert (image.content, image.headers["content-type"]) == (b"\x89PNG", "image/png")
    assert "immutable" in image.headers["cache-control"]
    for name in ("gone.png", "page.html", "..%2f..%2fx.png", "%00.png", ".png"):
        assert api.get(f"{RUNS}/{run}/media/{name}").status_code == 404


def test_an_export_is_asked_for_waited_for_and_downloaded(api: TestClient, backend: Backend) -> None:
    run = submit(api)
    assert api.post(f"{RUNS}/{run}/export", json={"policy": "merged"}).status_code == 404
    asked = api.post(f"{RUNS}/{run}/export", json={"policy": "base"})
    view = asked.json()
    assert (asked.status_code, view["state"], view["url"]) == (202, "waiting", None)
    assert api.get(f"{RUNS}/{run}/exports/{view['id']}/download").status_code == 409
    folder = backend.store / "runs" / run / "attempts" / "1" / "export" / "base@0"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(bytes(3_000_000))
    with backend.sessions.begin() as db:
        db.execute(update(Export).values(path="attempts/1/export/base@0", ready_at=EPOCH))
    ready = api.get(f"{RUNS}/{run}/exports").json()["exports"][0]
    download = api.get(ready["url"])
    assert download.headers["content-type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(download.content))
    assert archive.testzip() is None
    assert {info.filename: info.file_size for info in archive.infolist()} == {
        f"{run}-base-0/config.json": 2, f"{run}-base-0/model.safetensors": 3_000_000,
    }  # fmt: skip


def test_of_several_attempts_the_highest_checkpoint_counts(api: TestClient, backend: Backend) -> None:
    run = submit(api)
    with backend.sessions.begin() as db:
        for attempt, digest in ((1, "old"), (2, "new")):
            db.add(Checkpoint(run_id=run, policy="text", step=3, attempt_id=attempt, path="p", digest=digest, bytes=5, has_state=True))
    assert [c["digest"] for c in api.get(f"{RUNS}/{run}/checkpoints").json()["checkpoints"]] == ["new"]


def test_the_log_is_read_forwards_and_backwards(api: TestClient) -> None:
    run = submit(api)
    for command in ("pause", "resume", "cancel"):
        api.post(f"{RUNS}/{run}/{command}")
    newest = api.get(f"{RUNS}/{run}/log", params={"limit": 2}).json()["entries"]
    assert [entry["message"] for entry in newest] == ["paused → queued", "queued → cancelled"]
    older = api.get(f"{RUNS}/{run}/log", params={"before": newest[0]["id"]}).json()
    assert [entry["message"] for entry in older["entries"]] == ["submitted", "queued → paused"]
    assert {entry["actor"] for entry in newest} == {"ann"}
    after = api.get(f"{RUNS}/{run}/log", params={"after": newest[0]["id"]}).json()
    assert [entry["id"] for entry in after["entries"]] == [newest[1]["id"]]
    assert api.get(f"{RUNS}/{run}/log", params={"after": after["next"]}).json() == {"entries": [], "next": after["next"]}


def test_a_segment_shows_its_newest_worker(api: TestClient, backend: Backend) -> None:
    run = submit(api)
    with backend.sessions.begin() as db:
        for worker in ("w1", "w2"):
            db.add(Attempt(run_id=run, segment_key="rlvr.text@0", worker=worker, start_step=0))
            db.flush()
    segment = next(s for s in api.get(f"{RUNS}/{run}/segments").json()["segments"] if s["key"] == "rlvr.text@0")
    assert (segment["worker"], segment["attempts"]) == ("w2", 2)


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
