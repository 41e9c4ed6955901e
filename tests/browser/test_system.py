"""System, events, checkpoints, workers, users and tokens: as a person uses them, on a real run."""

from __future__ import annotations

import re
from pathlib import Path

import httpx2 as httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.specs import TEMPLATE
from tests.browser.watching import PHONE, Console, misfits, wait_until_loaded
from tests.embedded import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
PAGES = ("/people", "/people?tab=users", "/people?tab=webhooks", "/people?tab=audit")


def go(page: Page, stack: Stack, path: str) -> None:
    page.goto(stack.url + path)
    page.get_by_role("heading", level=1).wait_for()
    wait_until_loaded(page)


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("listitem", name=name, exact=True)


def test_every_page_is_open_to_everybody_and_fits(page: Page, stack: Stack, finished: str) -> None:
    found: dict[str, dict[str, list[str]]] = {}
    for path in (*PAGES, f"/runs/{finished}?tab=system"):
        page.set_viewport_size(PHONE)  # what is opened on a phone grows as well as shrinks
        go(page, stack, path)
        if wrong := misfits(page):
            found[path] = wrong
    assert found == {}


def test_the_system_tab_shows_speed_stability_machines_and_attempts(page: Page, stack: Stack, finished: str) -> None:
    go(page, stack, f"/runs/{finished}?tab=system")
    for question in ("Where does each expert's time go?", "Are the gradients under control?", "How busy are the machines?"):
        card = page.get_by_role("region", name=question)
        card.scroll_into_view_if_needed()
        expect(card.locator(".js-plotly-plot .main-svg").first).to_be_visible()
    kept = stack.column("SELECT DISTINCT worker FROM worker_usage")
    told = page.get_by_role("region", name="How much memory does each worker take?").get_by_role("img").get_attribute("aria-label")
    assert told
    assert all(
        worker in told for worker in stack.column("SELECT DISTINCT worker FROM attempts WHERE run_id = %s", finished) if worker in kept
    )
    attempts = stack.column("SELECT id FROM attempts WHERE run_id = %s ORDER BY id DESC", finished)
    table = page.get_by_role("region", name="Table of attempts")
    expect(table.get_by_role("row").nth(1).get_by_role("link")).to_have_attribute(
        "href", f"/runs/{finished}?tab=events&attempt={attempts[0]}"
    )


def test_a_checkpoint_is_pinned_exported_and_downloaded(page: Page, stack: Stack, finished: str) -> None:
    step = max(stack.column("SELECT step FROM checkpoints WHERE run_id = %s AND policy = 'image' AND deleted_at IS NULL", finished))
    name = f"image at step {step}"
    go(page, stack, f"/runs/{finished}?tab=checkpoints&policy=image")
    expect(row(page, name)).not_to_contain_text("pinned")
    page.get_by_role("button", name=f"Pin {name}", exact=True).click()
    expect(row(page, name)).to_contain_text("pinned by local")
    assert stack.column("SELECT step FROM pins WHERE run_id = %s", finished) == [step]
    page.get_by_role("button", name=f"Unpin {name}", exact=True).click()
    expect(row(page, name)).not_to_contain_text("pinned")
    columns = reasons_at(page)
    assert len(columns) == 1
    with page.expect_download(timeout=120_000):  # once it is made
        page.get_by_role("button", name=f"Export {name}", exact=True).click()
    link = page.get_by_role("link", name=f"Download {name}")
    link.wait_for()
    assert reasons_at(page) == columns, "the columns stay where they are"
    expect(page.get_by_role("note").filter(has_text=f"{name} is exported.")).to_be_visible()
    assert misfits(page) == {}
    with page.expect_download() as download:
        link.click()
    assert Path(download.value.path()).read_bytes().startswith(b"PK")
    assert download.value.suggested_filename == f"{finished}-image-{step}.zip"


def reasons_at(page: Page) -> set[float]:
    """Where the column of reasons begins, in all rows."""
    boxes = [each.bounding_box() for each in page.get_by_role("list", name="Why it stays").all()]
    return {box["x"] for box in boxes if box}


def test_the_newest_merged_model_comes_first(page: Page, stack: Stack, finished: str) -> None:
    step = max(stack.column("SELECT step FROM checkpoints WHERE run_id = %s AND policy = 'merged' AND deleted_at IS NULL", finished))
    go(page, stack, f"/runs/{finished}?tab=checkpoints")
    model = page.get_by_role("region", name="Newest merged model")
    expect(model.get_by_label(re.compile(f"^(Export|Download) the newest merged model, step {step}$"))).to_be_visible()


def test_making_room_says_what_would_go_and_does_that(page: Page, stack: Stack, finished: str) -> None:
    go(page, stack, f"/runs/{finished}?tab=checkpoints")
    page.get_by_role("button", name="Make room").click()
    panel = page.get_by_role("region", name="Make room")
    expect(panel.get_by_role("status")).to_contain_text(re.compile(r"Would remove nothing.*would stay: .*the end of a round"))
    expect(panel.get_by_role("button", name="Remove nothing")).to_be_disabled()
    panel.get_by_role("button", name="Keep all").click()
    expect(panel).to_have_count(0)


def test_rolling_back_asks_once_and_makes_a_new_run(page: Page, stack: Stack) -> None:
    run = stack.client.create_run(TEMPLATE.format(name="Rolled back", rounds=2, rlvr=3, opd=3)).id
    stack.wait_for(run, "completed")
    go(page, stack, f"/runs/{run}?tab=checkpoints")
    button = page.get_by_role("button", name="Roll back to here, the end of round 1", exact=True)
    button.click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("This run stays as it is. A new run of the same name has its first round, and trains round 2 again.")
    question.get_by_role("button", name="Stay here").click()
    expect(question).to_have_count(0)
    assert stack.column("SELECT id FROM runs WHERE forked_from = %s", run) == []
    button.click()
    question.get_by_role("button", name="Roll back", exact=True).click()
    page.wait_for_url(lambda url: run not in url)
    made = page.url.rpartition("/")[2]
    assert stack.column("SELECT forked_round FROM runs WHERE id = %s AND forked_from = %s AND name = 'Rolled back'", made, run) == [1]


def test_the_filters_of_events_stand_in_the_address_and_hold_for_what_is_taken_away(page: Page, stack: Stack, finished: str) -> None:
    go(page, stack, f"/runs/{finished}?tab=events")
    lines = page.get_by_role("tabpanel").locator("ol > li")
    everything = lines.count()
    page.get_by_text("People", exact=True).click()
    page.get_by_role("textbox", name="Text in events").fill("submit")
    expect(lines).to_have_count(1)
    assert everything > 1
    page.wait_for_url(re.compile(r"who=people.*q=submit"))
    page.reload()
    expect(lines).to_have_count(1)
    expect(lines).to_contain_text("submitted")
    expect(page.get_by_role("radio", name="People")).to_be_checked()
    expect(page.get_by_role("textbox", name="Text in events")).to_have_value("submit")
    page.get_by_role("button", name="Download").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="As text").click()
    [line] = Path(download.value.path()).read_text().splitlines()
    assert line.endswith("INFO local submitted")
    page.goto(f"{stack.url}/runs/{finished}?tab=events&attempt=999999999")
    expect(page.get_by_text("No event fits these filters.")).to_be_visible()
    page.get_by_role("button", name="Show all attempts").click()
    expect(lines).to_have_count(everything)


def test_a_token_is_shown_once_works_and_is_revoked(page: Page, stack: Stack) -> None:
    page.get_by_role("button", name="Account of local").click()
    page.get_by_role("link", name="Users and tokens").click()
    page.get_by_role("textbox", name="What it is for").fill("a notebook")
    page.get_by_role("button", name="Make token").click()
    value = page.get_by_test_id("secret").inner_text()
    headers = {"authorization": f"Bearer {value}"}
    assert httpx.get(f"{stack.url}/api/v1/session", headers=headers).json()["user"] == "local"
    assert stack.column("SELECT expires_at IS NULL FROM tokens WHERE name = 'a notebook'") == [False]
    page.get_by_role("button", name="I have it").click()
    expect(page.get_by_test_id("secret")).to_have_count(0)
    assert value not in page.content()
    page.get_by_role("button", name="Revoke the token a notebook", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Keep").click()
    assert httpx.get(f"{stack.url}/api/v1/session", headers=headers).status_code == 200
    page.get_by_role("button", name="Revoke the token a notebook", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke", exact=True).click()
    expect(page.get_by_role("rowheader", name="a notebook")).to_have_count(0)
    assert httpx.get(f"{stack.url}/api/v1/session", headers=headers).status_code == 401


def test_a_user_is_added_and_gets_another_role(page: Page, stack: Stack, console: Console) -> None:
    console.expect("status of 422")
    go(page, stack, "/people?tab=users")
    form = page.get_by_role("form", name="Add a user")
    form.get_by_role("textbox", name="Name").fill("Not A Name")
    form.get_by_role("button", name="Add user").click()
    expect(form.get_by_role("textbox", name="Name")).to_have_attribute("aria-invalid", "true")
    form.get_by_role("textbox", name="Name").fill("zoe")
    form.get_by_role("button", name="Add user").click()
    page.get_by_role("combobox", name="Role of zoe").click()
    page.get_by_role("option", name="operator").click()
    expect(page.get_by_role("status").filter(has_text="zoe is now operator.")).to_have_count(1)
    assert stack.column("SELECT role FROM users WHERE name = 'zoe'") == ["operator"]
    page.get_by_role("button", name="Set password of zoe").click()
    dialog = page.get_by_role("dialog", name="Password of zoe")
    dialog.get_by_label("New password of zoe").fill("nobody may read it")
    dialog.get_by_role("button", name="Copy as curl").click()
    assert page.evaluate("navigator.clipboard.readText()").endswith("""'{"password":"PASSWORD"}'""")
    page.keyboard.press("Escape")
    go(page, stack, "/people?tab=audit")
    expect(page.get_by_role("region", name="Audit log")).to_contain_text("changed the role of zoe: viewer → operator")


def test_signing_out_ends_the_session_and_leaves_nothing_to_read(stranger: Page, stack: Stack, finished: str, console: Console) -> None:
    page = stranger
    page.goto(stack.login_link())
    expect(page.get_by_role("link", name="New run")).to_be_visible()
    console.expect("status of 401")
    go(page, stack, f"/runs/{finished}?tab=events")
    page.get_by_role("button", name="Account of local").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert "To be looked at" not in page.content()
    assert page.request.get(f"{stack.url}/api/v1/session").status == 401
