"""Series, figures, and what a run leaves, as the API's clients see them."""

import io
import zipfile
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from server.commands import edit_controls
from server.db.models import Attempt, Checkpoint, EditBinding, Export, Run, SampleRow
from server.db.transition import log
from tests.server.api import RUNS, submit
from tests.server.backend import Backend
from tests.server.seed import EPOCH, add_points, add_run, finish

pytestmark = pytest.mark.integration


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


def test_on_the_axis_of_tokens_the_merged_model_stands_among_its_experts(api: TestClient, backend: Backend) -> None:
    """So that an edit after a merge stands after it. The sum of the experts' tokens was further right than anything of an expert."""
    with backend.sessions() as db:
        run = add_run(db)
        for expert, tokens in (("text", 200.0), ("image", 100.0)):
            add_points(db, run, "tokens", expert, [tokens] * 5)
            add_points(db, run, "capability", expert, [0.1, 0.2], domain="text")
        for policy in ("base", "merged"):
            add_points(db, run, "capability", policy, [0.1, 0.2], domain="text")
        edit_controls(db, run, {"w.image.text": 0.3}, "ann", 1)
        db.add(EditBinding(run_id=run, version=2, policy="image", step=4, attempt_id=1, bound_at=EPOCH))
        db.commit()
    figure = api.get(f"{RUNS}/{run}/figures/capability.text", params={"x": "tokens"}).json()
    places = {trace["name"]: trace["x"] for trace in figure["data"]}
    assert places == {"base": [0.0, 0.0], "text": [200.0, 400.0], "image": [100.0, 200.0], "merged": [150.0, 300.0]}
    assert figure["layout"]["annotations"][0]["x"] == 400.0
    assert figure["layout"]["xaxis"]["title"]["text"] == "tokens per expert"


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
            add_points(db, each, "overlap", "text", [0.9, 0.8], peer="image")

    def names(**parameters: str) -> list[str]:
        return [trace["name"] for trace in api.get(f"{RUNS}/{run}/figures/overlap", params=parameters).json()["data"]]

    assert names() == ["text ← image", "alone, without distillation"]
    assert names(compare="none") == ["text ← image"]
    assert names(compare=other_seed) == ["text ← image", "seeded, without distillation"]
    assert api.get(f"{RUNS}/{run}/figures/overlap", params={"compare": "nobody"}).status_code == 404


def test_a_figure_that_does_not_exist_names_those_that_do(api: TestClient) -> None:
    answer = api.get(f"{RUNS}/{submit(api)}/figures/capability.sound")
    assert answer.status_code == 404
    assert "capability.text" in answer.json()["detail"]


def test_the_list_of_figures_has_both_themes(api: TestClient) -> None:
    listed = api.get(f"{RUNS}/{submit(api)}/figures").json()
    assert listed["figures"][0] == {"name": "capability.text", "title": "How well does each model do on text?", "tab": "overview"}
    assert ["text", "image"] in listed["pairs"]
    assert "overlap" in [each["measure"] for each in listed["pair_measures"]]
    assert set(listed["templates"]) == {"light", "dark"}
    assert len(listed["palette"]) >= 8


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


def test_an_evaluation_under_way_does_not_mix_two_models_and_the_best_round_is_named(api: TestClient, backend: Backend) -> None:
    with backend.sessions() as db:
        run = add_run(db)
        add_points(db, run, "capability", "merged", [0.6, 0.8, 0.5, 0.1], domain="text")
        add_points(db, run, "capability", "merged", [0.6, 0.7, 0.4], domain="image")
    card = api.get(f"{RUNS}/{run}/result").json()
    assert {score["domain"]: score["accuracy"] for score in card["scores"]} == {"text": 0.5, "image": 0.4}
    assert card["merged_mean"] == pytest.approx(0.45)
    assert (card["best_step"], card["best_mean"]) == (2, 0.75)
    shown = api.get(RUNS).json()["runs"][0]
    assert (shown["capability"], shown["trend"]) == (pytest.approx(0.45), pytest.approx([0.6, 0.75, 0.45]))
    [line] = [line for line in api.get("/api/v1/compare", params={"run": run}).json()["table"]["lines"] if line["policy"] == "merged"]
    assert line["mean"]["mean"] == pytest.approx(0.45)


def test_one_domain_alone_is_no_mean_over_the_domains(api: TestClient, backend: Backend) -> None:
    with backend.sessions() as db:
        run = add_run(db)
        add_points(db, run, "capability", "merged", [0.6], domain="text")
    shown = api.get(RUNS).json()["runs"][0]
    assert shown["capability"] is None
    assert api.get(f"{RUNS}/{run}/result").json()["merged_mean"] is None


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


def test_the_log_of_one_attempt_of_one_policy_from_one_level_on(api: TestClient, backend: Backend) -> None:
    with backend.sessions() as db:
        run, other = add_run(db), add_run(db)
        for attempt, policy, level in ((1, "text", "info"), (1, "text", "error"), (2, "image", "warning"), (2, "image", "info")):
            log(db, run, "w1", f"{policy} {level}", level=level, policy=policy, attempt_id=attempt)
        log(db, other, "w1", "another run's", attempt_id=1)
        db.commit()

    def messages(**wanted: Any) -> list[str]:
        return [entry["message"] for entry in api.get(f"{RUNS}/{run}/log", params=wanted).json()["entries"]]

    assert messages(attempt=1) == ["text info", "text error"]
    assert messages(policy="image", level="warning") == ["image warning"]
    assert messages(level="error") == ["text error"]
    assert messages(attempt=1, limit=1) == ["text error"]
    assert messages(attempt=1, limit=1, after=0) == ["text info"]
    assert messages(attempt=3) == []
    entry = api.get(f"{RUNS}/{run}/log", params={"attempt": 2}).json()["entries"][0]
    assert (entry["attempt"], entry["policy"]) == (2, "image")
    for wrong in ({"level": "debug"}, {"attempt": "one"}, {"attempt": 2**70}, {"policy": "Text"}):
        answer = api.get(f"{RUNS}/{run}/log", params=wrong)
        assert (answer.status_code, next(iter(wrong)) in answer.text) == (422, True)


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
        for worker, state in (("w0", "stopped"), ("w1", "lost"), ("w2", "running")):
            db.add(Attempt(run_id=run, segment_key="rlvr.text@0", worker=worker, state=state, start_step=0))
            db.flush()
    segment = next(s for s in api.get(f"{RUNS}/{run}/segments").json()["segments"] if s["key"] == "rlvr.text@0")
    assert (segment["worker"], segment["attempts"], segment["lost"]) == ("w2", 3, 1)


def test_attempts_say_where_they_ran_on_what_and_how_they_ended(api: TestClient, backend: Backend) -> None:
    run, origin = submit(api), {"code": {"commit": "c0ffee", "changes": None}, "packages": {"torch": "2"}}
    with backend.sessions.begin() as db:
        lost = {"kind": "lost", "message": "w1 was lost"}
        db.add(Attempt(run_id=run, segment_key="rlvr.text@0", worker="w1", state="lost", start_step=0, error=lost))
        db.flush()
        db.add(Attempt(run_id=run, segment_key="rlvr.text@0", worker="w2", state="done", start_step=0, provenance=origin))
    first, second = api.get(f"{RUNS}/{run}/attempts").json()["attempts"]
    assert (first["worker"], first["state"], first["error"], first["provenance"]) == ("w1", "lost", "w1 was lost", None)
    assert (second["worker"], second["segment"], second["error"], second["provenance"]) == ("w2", "rlvr.text@0", None, origin)
