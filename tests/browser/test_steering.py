"""The main job in a browser: submit, watch, pause, resume, edit, cancel. Each step is checked where the truth is, not only on the page."""

from __future__ import annotations

import json

import psycopg
import pytest
from playwright.sync_api import Page, expect

from tests.browser.charts import REWARD, drawn, stored, wait_drawn
from tests.browser.new_run import paste
from tests.browser.specs import endless, short
from tests.browser.watching import Console
from tests.embedded import Stack, eventually

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]
ALIVE = "SELECT count(*) FROM attempts WHERE run_id = %s AND state IN ('sent', 'running')"
STATES = """
    SELECT DISTINCT ON (policy) policy, step, path FROM checkpoints
    WHERE run_id = %s AND has_state AND deleted_at IS NULL ORDER BY policy, step DESC"""


def submit(page: Page, stack: Stack, spec: str) -> str:
    """Writes the spec on the page and starts it. Returns the run's id."""
    page.goto(f"{stack.url}/new")
    paste(page, spec)
    page.get_by_role("button", name="Start run").click()
    page.wait_for_url("**/runs/*")
    return page.url.rpartition("/")[2]


def assert_states_are_stored(database: psycopg.Connection, stack: Stack, run_id: str) -> None:
    """Each expert that has trained has a state in the store, and its manifest names the step PostgreSQL knows."""
    states = database.execute(STATES, (run_id,)).fetchall()
    assert states
    for policy, step, path in states:
        manifest = json.loads((stack.home.root / "store" / "runs" / run_id / path / "manifest.json").read_text())
        assert (manifest["policy"], manifest["step"]) == (policy, step)


def test_a_run_is_submitted_watched_paused_resumed_edited_and_cancelled(page: Page, stack: Stack) -> None:
    with stack.database() as database:
        run_id = submit(page, stack, endless("Steered"))
        assert stack.client.run(run_id).name == "Steered"

        wait_drawn(page, REWARD, 3)
        assert stored(database, run_id, "reward")

        page.get_by_role("button", name="Pause").click()
        expect(page.get_by_role("button", name="Resume")).to_be_visible()
        expect(page.get_by_text("paused", exact=True)).to_be_visible()
        assert database.execute(ALIVE, (run_id,)).fetchone() == (0,)
        assert_states_are_stored(database, stack, run_id)
        wait_drawn(page, REWARD, sum(map(len, stored(database, run_id, "reward").values())))
        assert drawn(page, REWARD) == stored(database, run_id, "reward")

        page.get_by_role("button", name="Resume").click()
        expect(page.get_by_role("button", name="Pause")).to_be_visible()
        eventually(lambda: stack.client.run(run_id).state == "running")

        page.get_by_role("tab", name="Weights").click()
        weight = "Weight of teacher text for student image"
        page.get_by_role("button", name=weight).click()
        page.get_by_role("textbox", name=weight).fill("0.3")
        page.get_by_role("textbox", name=weight).press("Enter")
        effective = page.get_by_test_id("edit-stages").get_by_text("effective at step")
        effective.wait_for()
        bound = database.execute("SELECT policy, step FROM bindings WHERE run_id = %s", (run_id,)).fetchall()
        assert [policy for policy, _ in bound] == ["image"]
        expect(effective).to_have_text(f"effective at step {bound[0][1]}")
        edit = database.execute("SELECT path, old, value FROM edits WHERE run_id = %s", (run_id,)).fetchone()
        assert edit == ("w.image.text", 1.0, 0.3)

        page.get_by_role("button", name="Cancel").click()
        page.get_by_role("button", name="Cancel run").click()
        expect(page.get_by_text("cancelled", exact=True)).to_be_visible()
        assert database.execute("SELECT state FROM runs WHERE id = %s", (run_id,)).fetchone() == ("cancelled",)
        expect(page.get_by_role("button", name="Resume")).to_have_count(0)


def test_the_page_equals_postgres_after_the_api_was_killed(page: Page, stack: Stack, console: Console) -> None:
    console.expect("net::ERR_|status of 5")
    run = stack.client.create_run(short("Cut off"))
    page.goto(f"{stack.url}/runs/{run.id}")
    wait_drawn(page, REWARD, 2)
    stack.kill("api")
    expect(page.get_by_test_id("freshness")).to_contain_text("reconnecting")
    eventually(lambda: stack.client.run(run.id).state == "completed", 240)
    with stack.database() as database:
        points = stored(database, run.id, "reward")
    wait_drawn(page, REWARD, sum(map(len, points.values())))
    assert drawn(page, REWARD) == points
