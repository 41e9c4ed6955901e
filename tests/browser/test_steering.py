"""The main job on the page: submit, watch, pause, resume, edit, cancel. PostgreSQL and the store are asked after each step."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from copd_engine.checkpoint import opened
from copd_engine.plan import plan
from copd_engine.spec import parse_spec
from copd_engine.store import open_store
from tests.browser.charts import REWARD, Series, drawn, y_range
from tests.browser.new_run import paste
from tests.browser.specs import endless
from tests.embedded import Stack, eventually

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
EXPERTS: list[str] = ["text", "image", "video"]


def test_a_run_is_submitted_watched_paused_resumed_edited_and_cancelled(page: Page, stack: Stack) -> None:
    run_id = submit(page, stack, endless("Steered"))
    watch_a_point_arrive(page, stack, run_id)
    steps = pause(page, stack, run_id)
    resume(page, stack, run_id, steps)
    edit_a_weight(page, stack, run_id)
    cancel(page, stack, run_id)


def submit(page: Page, stack: Stack, text: str) -> str:
    page.goto(f"{stack.url}/new")
    paste(page, text)
    expect(page.get_by_role("img", name="The plan: 100 rounds")).to_be_visible()
    page.get_by_role("button", name="Start run").click()
    expect(page).to_have_url(re.compile(r"/runs/\w+$"))
    run_id = page.url.rpartition("/")[2]
    expect(page.get_by_role("heading", name="Steered")).to_be_visible()

    with stack.database() as db:
        assert db.execute("SELECT source, state IN ('queued', 'running') FROM runs WHERE id = %s", [run_id]).fetchone() == (text, True)
        planned = {key for (key,) in db.execute("SELECT key FROM segments WHERE run_id = %s", [run_id])}
    assert planned == {segment.key for segment in plan(parse_spec(text))}
    return run_id


def watch_a_point_arrive(page: Page, stack: Stack, run_id: str) -> None:
    """Without touching the page: a curve begins, and grows. What is drawn is what PostgreSQL holds."""
    eventually(lambda: bool(drawn(page, REWARD)))
    before = sum(map(len, drawn(page, REWARD).values()))
    eventually(lambda: sum(map(len, drawn(page, REWARD).values())) > before)
    on_page = drawn(page, REWARD)
    eventually(lambda: _contains(stored(stack, run_id, "reward"), on_page))
    low, high = y_range(page, REWARD)
    assert -0.02 <= low < high <= 1.02, "nothing is shown that cannot be"


def pause(page: Page, stack: Stack, run_id: str) -> dict[str, int]:
    """Returns the step at which each expert stopped."""
    page.get_by_role("button", name="Pause").click()
    note = page.get_by_role("note").filter(has_text="Stopped after step")
    expect(note).to_be_visible()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()

    with stack.database() as db:
        assert db.execute("SELECT state FROM runs WHERE id = %s", [run_id]).fetchone() == ("paused",)
        live = "SELECT count(*) FROM attempts WHERE run_id = %s AND state IN ('sent', 'running')"
        assert db.execute(live, [run_id]).fetchone() == (0,)
    steps = check_states_in_store(stack, run_id)
    assert any(steps.values()), "no expert had made a step"
    for name, step in steps.items():
        expect(note).to_contain_text(re.compile(rf"step {step}( of [^,]*\b{name}\b|(, [\d.]+ s after it was asked to)?; Resume)"))
    for (_, policy, _, _), points in stored(stack, run_id, "reward").items():
        assert max(points) == steps[policy], f"{policy} trained on, or lost steps, after the state it stopped with"
    return steps


def resume(page: Page, stack: Stack, run_id: str, steps: dict[str, int]) -> None:
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()

    def has_gone_on() -> bool:
        return any(max(points) > steps[key.policy] for key, points in drawn(page, REWARD).items())

    eventually(has_gone_on)
    for points in stored(stack, run_id, "reward").values():
        assert sorted(points) == list(range(min(points), max(points) + 1)), "a step is missing or doubled after the pause"


def edit_a_weight(page: Page, stack: Stack, run_id: str) -> None:
    page.get_by_role("tab", name="Weights").click()
    page.get_by_role("button", name="Weight of teacher text for student image: 1. Edit").click()
    field = page.get_by_role("textbox", name="Weight of teacher text for student image")
    field.fill("-1")
    expect(page.get_by_text("at least 0")).to_be_visible()
    field.fill("0.3")
    field.press("Enter")
    stages = page.get_by_role("region", name="Edits").get_by_role("list", name="Stages").first
    expect(stages.get_by_text(re.compile(r"^requested \d"))).to_be_visible()
    expect(stages.get_by_text(re.compile(r"^acknowledged \d"))).to_be_visible()
    effective = stages.get_by_text(re.compile(r"^effective at step \d+"))
    expect(effective).to_be_visible(timeout=90_000)  # it acts in an OPD phase
    step = int(re.findall(r"\d+", effective.inner_text())[0])

    edits = "SELECT version, kind, old, value, acknowledged_at >= requested_at FROM edits WHERE run_id = %s AND path = 'w.image.text'"
    bindings = "SELECT policy, step FROM bindings WHERE run_id = %s AND version = %s"
    with stack.database() as db:
        [(version, *edit)] = db.execute(edits, [run_id]).fetchall()
        assert edit == ["value", 1.0, 0.3, True]
        assert db.execute(bindings, [run_id, version]).fetchall() == [("image", step)]
    assert page.get_by_role("button", name="Weight of teacher text for student image: 0.3. Edit").is_visible()


def cancel(page: Page, stack: Stack, run_id: str) -> None:
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("button", name="Cancel run").click()
    expect(page.get_by_role("banner").or_(page.locator("main")).get_by_text("cancelled", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Pause")).to_have_count(0)

    with stack.database() as db:
        state = "SELECT state, ended_at IS NOT NULL, waiting_for FROM runs WHERE id = %s"
        assert db.execute(state, [run_id]).fetchone() == ("cancelled", True, None)
        open_attempts = "SELECT count(*) FROM attempts WHERE run_id = %s AND ended_at IS NULL"
        assert db.execute(open_attempts, [run_id]).fetchone() == (0,)
    check_states_in_store(stack, run_id)


def check_states_in_store(stack: Stack, run_id: str) -> dict[str, int]:
    """The newest state of each expert by PostgreSQL, opened in the store with its hashes checked; the steps they are of."""
    query = "SELECT DISTINCT ON (policy) policy, step, path, digest FROM checkpoints WHERE run_id = %s AND has_state AND deleted_at IS NULL"
    store = open_store(stack.info.store_url).below(f"runs/{run_id}")
    steps = dict.fromkeys(EXPERTS, 0)
    with stack.database() as db:
        for policy, step, path, digest in db.execute(f"{query} ORDER BY policy, step DESC, attempt_id DESC", [run_id]):
            with opened(store, path) as checkpoint:
                assert (checkpoint.manifest.step, checkpoint.manifest.digest) == (step, digest)
                assert len(checkpoint.optimizer) > 0
            steps[policy] = step
    return steps


def stored(stack: Stack, run_id: str, name: str) -> dict[Series, dict[int, float]]:
    """The points of one kind of series by PostgreSQL."""
    query = """SELECT s.name, s.policy, NULLIF(s.peer, ''), NULLIF(s.domain, ''), p.step, p.value
               FROM points p JOIN series s ON s.id = p.series_id WHERE s.run_id = %s AND s.name = %s"""
    curves: dict[Series, dict[int, float]] = {}
    with stack.database() as db:
        for *key, step, value in db.execute(query, [run_id, name]):
            curves.setdefault(Series(*key), {})[step] = value
    return curves


def _contains(database: dict[Series, dict[int, float]], page: dict[Series, dict[int, float]]) -> bool:
    return all(points.items() <= database.get(key, {}).items() for key, points in page.items())
