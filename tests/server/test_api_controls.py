"""Controls and edits as the API's clients see them."""

import pytest
from fastapi.testclient import TestClient

from server.db.models import Edit, EditBinding
from server.db.transition import SCHEDULER
from tests.server.api import RUNS, SPEC, edit, submit
from tests.server.backend import Backend
from tests.server.seed import EPOCH, finish

pytestmark = pytest.mark.integration


def test_an_edit_is_requested_and_the_version_rises(api: TestClient) -> None:
    run = submit(api)
    answer = edit(api, run, 1, w__image__text=0.3)
    view = answer.json()
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    assert next(c["value"] for c in view["controls"] if c["path"] == "w.image.text") == 0.3
    requested = view["edits"][0]
    assert (requested["old"], requested["value"], requested["author"], requested["effective"]) == (1.0, 0.3, "ann", [])
    assert requested["expected"] == "acts from step 4, in image's next OPD phase"


def test_a_dry_run_tells_what_would_change_and_changes_nothing(api: TestClient) -> None:
    run = submit(api)
    url, changes = f"{RUNS}/{run}/controls?dry_run=true", {"set": {"rounds": 3, "seed": 9}}
    answer = api.patch(url, json=changes, headers={"if-match": '"1"'})
    preview = answer.json()
    assert answer.status_code == 200
    assert [(e["path"], e["old"], e["value"], e["expected"]) for e in preview["edits"]] == [
        ("rounds", 2, 3, "acts from round 1"), ("seed", 0, 9, "acts from each expert's next step: 1"),
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
    assert [(note["x"], note["hovertext"]) for note in figure["layout"]["annotations"]] == [(4, "weight image ← text: 1.0 → 0.3")]


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
