"""What the Agreement tab asks of the API: figures of pairs, the lowest overlap, and what distillation brought."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from tests.server.api import RUNS, submit
from tests.server.backend import Backend
from tests.server.seed import add_points, add_run, finish

pytestmark = pytest.mark.integration


def test_a_pair_has_its_own_figures_with_its_own_series_only(api: TestClient, backend: Backend) -> None:
    with backend.sessions() as db:
        run = add_run(db)
        for student, teacher, value in (("text", "image", 0.9), ("image", "text", 0.8)):
            add_points(db, run, "overlap", student, [value], peer=teacher)
            add_points(db, run, "overlap", student, [value - 0.1], peer=teacher, domain="text")
    figure = api.get(f"{RUNS}/{run}/figures/pair.overlap.image.text").json()
    assert [(trace["name"], trace["y"]) for trace in figure["data"]] == [("mean of the domains", [0.8]), ("on text", pytest.approx([0.7]))]
    listed = api.get(f"{RUNS}/{run}/figures").json()
    assert listed["pairs"] == [["text", "image"], ["image", "text"]]
    for each in listed["pair_measures"]:
        named = api.get(f"{RUNS}/{run}/figures/pair.{each['measure']}.text.image").json()["title"]
        assert named == each["title"].format(student="text", teacher="image"), "the page shows it before the figure is there"
    refused = api.get(f"{RUNS}/{run}/figures/pair.overlap.text.sound")
    assert refused.status_code == 404
    assert "pair.<measure>.<student>.<teacher>" in refused.json()["detail"]


def test_the_history_says_where_the_overlap_was_lowest_first(api: TestClient, backend: Backend) -> None:
    with backend.sessions() as db:
        run = add_run(db)
        add_points(db, run, "overlap", "text", [0.9, 0.7, 0.8], peer="image")
        add_points(db, run, "overlap", "image", [0.9, None, 0.7], peer="text")
    lowest = api.get(f"{RUNS}/{run}/agreement").json()["lowest"]
    assert lowest == {"student": "text", "teacher": "image", "step": 2, "value": 0.7}
    assert api.get(f"{RUNS}/{submit(api)}/agreement").json()["lowest"] is None


def test_what_was_absorbed_is_told_of_phases_that_have_begun(api: TestClient, backend: Backend) -> None:
    """Two rounds of three steps alone and two with a teacher; the first phase of text is done."""
    with backend.sessions() as db:
        run = add_run(db, opd={"steps": 2, "sync_every": 1})
        for key in ("opd.text@3", "opd.text@4"):
            finish(db, run, key, 1.0)
        add_points(db, run, "kl_student_teacher", "text", [None, None, 0.5, None, 0.4], peer="image", domain="image")
        add_points(db, run, "gap", "text", [None, None, None, -0.3, -0.1], peer="image")
        add_points(db, run, "w", "text", [None, None, None, 1.0, 0.5], peer="image")
        add_points(db, run, "capability", "text", [None, None, None, None, 0.25], domain="image")
    [row] = api.get(f"{RUNS}/{run}/absorbed").json()["rows"]
    assert row == {
        "round": 0, "student": "text", "teacher": "image", "domain": "image", "start": 3, "end": 5, "weight": 0.5, "kl_before": 0.5,
        "kl_after": 0.4, "gap_before": -0.3, "gap_after": -0.1, "accuracy_before": None, "accuracy_after": 0.25,
    }  # fmt: skip
    drawn = api.get(f"{RUNS}/{run}/figures/absorbed", params={"x": "time"}).json()
    assert drawn["data"][0]["y"] == [0.5, 0.4, None]
    assert drawn["data"][0]["x"][0].startswith("2026-01-01T00:00:03")
    assert api.get(f"{RUNS}/{submit(api)}/absorbed").json()["rows"] == []
    assert api.get(f"{RUNS}/nobody/absorbed").status_code == 404


def test_a_text_among_choices_names_them(api: TestClient) -> None:
    controls = {control["path"]: control for control in api.get(f"{RUNS}/{submit(api)}").json()["controls"]}
    assert set(controls["opd.topology"]["choices"]) >= {"full", "ring", "hub_and_spoke"}
    assert controls["w.text.image"]["choices"] is None
