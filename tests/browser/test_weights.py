"""The Weights tab: a grid by keyboard, slider, preview, schedule, changes that wait, a stale version, the way back, cards on a phone."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.specs import TEMPLATE
from tests.browser.watching import DESKTOP, PHONE, Console, barriers, rule_of_look
from tests.embedded import Stack, eventually

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
IMAGE_TEXT = "Weight of teacher text for student image"
VIDEO_TEXT = "Weight of teacher text for student video"
TEXT_IMAGE = "Weight of teacher image for student text"


@pytest.fixture
def run(page: Page, stack: Stack) -> str:
    """A run that trains, and comes to an OPD phase in a moment, with its Weights tab open."""
    made = stack.client.create_run(TEMPLATE.format(name="To be steered", rounds=100, rlvr=4, opd=9)).id
    page.goto(f"{stack.url}/runs/{made}?tab=weights")
    expect(page.get_by_role("grid", name="Weights by student and teacher")).to_be_visible()
    return made


def weight(page: Page, label: str) -> Locator:
    return page.get_by_role("button", name=re.compile(rf"^{label}: .*Edit$"))


def edits(stack: Stack, run: str) -> list[tuple[str, Any, Any, str]]:
    with stack.database() as db:
        rows = db.execute("SELECT path, old, value, author FROM edits WHERE run_id = %s ORDER BY version", [run]).fetchall()
    return [(path, old, value, author) for path, old, value, author in rows]


def test_a_weight_is_edited_by_keyboard_alone_and_set_back(page: Page, stack: Stack, run: str) -> None:
    keys = page.keyboard
    page.get_by_role("tab", name="Weights").focus()
    keys.press("Tab")  # to the panel
    while page.evaluate("document.activeElement.closest('[role=grid]') === null"):
        keys.press("Tab")
    expect(weight(page, TEXT_IMAGE)).to_be_focused()
    assert page.get_by_role("grid").locator("[tabindex='0']").count() == 1, "the grid is one stop of the Tab key"
    keys.press("ArrowDown")
    expect(page.get_by_role("gridcell", name="image cannot teach itself")).to_be_focused()
    keys.press("End")
    expect(page.get_by_role("gridcell", name="image does not learn from video in this topology")).to_be_focused()
    keys.press("Home")
    expect(weight(page, IMAGE_TEXT)).to_be_focused()
    keys.press("Control+Home")
    expect(page.get_by_role("gridcell", name="text cannot teach itself")).to_be_focused()
    keys.press("Control+End")
    expect(page.get_by_role("gridcell", name="video cannot teach itself")).to_be_focused()
    keys.press("Home")
    keys.press("ArrowUp")

    keys.press("Enter")
    field = page.get_by_role("textbox", name=IMAGE_TEXT)
    expect(field).to_be_focused()
    keys.type("5")
    keys.press("Escape")
    expect(weight(page, IMAGE_TEXT)).to_be_focused()
    expect(weight(page, IMAGE_TEXT)).to_have_text("1")
    keys.press("F2")
    expect(field).to_be_focused()
    keys.type("0.3")
    preview = page.get_by_test_id("preview")
    expect(preview).to_contain_text(re.compile("Acts from (\\S+'s next step|step [0-9]+)"))
    keys.press("Enter")
    expect(page.get_by_role("region", name="Edits").get_by_role("listitem").filter(has_text="1 → 0.3")).to_be_visible()
    assert edits(stack, run) == [("w.image.text", 1.0, 0.3, "local")]
    [edit] = stack.client.run(run).edits
    assert edit.effective or re.match("acts from (\\S+'s next step|step [0-9]+)", edit.expected or ""), "the preview told what then is"

    back = page.get_by_role("button", name=f"Set {IMAGE_TEXT.lower()} back to 1", exact=True)
    back.focus()
    keys.press("Enter")
    eventually(lambda: len(edits(stack, run)) == 2)
    assert edits(stack, run)[1] == ("w.image.text", 0.3, 1.0, "local")
    expect(back).to_have_count(0)


def test_the_graph_and_the_grid_are_one_and_a_slider_sets_what_is_then_in_effect(page: Page, stack: Stack, run: str) -> None:
    arrow = page.get_by_role("button", name="video learns from text: 1")
    arrow.focus()
    cell = page.get_by_role("gridcell").filter(has=weight(page, VIDEO_TEXT))
    expect(cell).to_have_attribute("data-lit", "true")
    weight(page, IMAGE_TEXT).hover()
    expect(page.get_by_role("button", name="image learns from text: 1")).to_have_attribute("data-lit", "true")

    arrow.focus()
    page.keyboard.press("Enter")
    slider = page.get_by_role("slider", name=f"{VIDEO_TEXT}, slider")
    slider.focus()
    page.keyboard.press("Home")
    expect(page.get_by_role("textbox", name=VIDEO_TEXT)).to_have_value("0")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(page.get_by_role("textbox", name=VIDEO_TEXT)).to_have_value("0.15")
    page.keyboard.press("Home")
    page.get_by_role("button", name="Apply", exact=True).click()
    expect(page.get_by_role("button", name="video learns from text: 0")).to_have_attribute("data-off", "true")
    stages = page.get_by_role("region", name="Edits").get_by_test_id("edit-stages").first
    effective = stages.get_by_text(re.compile(r"^effective at step \d+, \d\d:\d\d:\d\d$"))
    expect(effective).to_be_visible(timeout=200_000)
    step = int(re.findall(r"\d+", effective.inner_text())[0])
    with stack.database() as db:
        assert db.execute("SELECT policy, step FROM bindings WHERE run_id = %s", [run]).fetchall() == [("video", step)]
    chart = page.get_by_role("region", name="How strongly did each student follow each teacher?")
    expect(chart.get_by_role("img", name=re.compile("lowest 0 .video ← text."))).to_be_visible(timeout=120_000)


def test_changes_wait_are_previewed_together_and_survive_a_newer_version(page: Page, stack: Stack, run: str, console: Console) -> None:
    weight(page, IMAGE_TEXT).click()
    page.get_by_role("textbox", name=IMAGE_TEXT).fill("0.5")
    page.get_by_text("Then move to another weight").click()
    page.get_by_role("textbox", name="End weight").fill("-1")
    expect(page.get_by_text("at least 0")).to_be_visible()
    expect(page.get_by_role("button", name="Apply later")).to_be_disabled()
    page.get_by_role("textbox", name="End weight").fill("0")
    page.get_by_role("textbox", name="Over steps").fill("40")
    page.get_by_role("button", name="Apply later").click()
    page.get_by_role("button", name="Rounds: 100. Edit").click()
    page.get_by_role("textbox", name="Rounds", exact=True).fill("101")
    expect(page.get_by_test_id("preview")).to_contain_text("The plan goes from 3,900 to 3,939 steps of all experts")
    page.keyboard.press("Shift+Enter")
    changes = page.get_by_role("region", name="3 changes not applied")
    expect(changes.get_by_text("The plan goes from 3,900 to 3,939 steps of all experts")).to_be_visible()
    assert edits(stack, run) == []

    page.reload()
    expect(changes).to_be_visible()
    changes.get_by_role("button", name="Copy as curl: all changes").click()
    copied: str = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("curl -X PATCH ")
    assert '"w_schedule.image.text.steps":40' in copied
    changes.get_by_role("button", name="Apply: Rounds").click()
    expect(page.get_by_role("region", name="2 changes not applied")).to_be_visible()
    assert [edit[:3] for edit in edits(stack, run)] == [("rounds", 100, 101)]
    assert stack.client.run(run).progress.total_steps == 3939, "as the preview said"

    console.expect("status of 412")
    version = stack.client.run(run).control_version
    page.route(
        "**/api/v1/runs/*", lambda route: route.abort() if route.request.method == "GET" else route.fallback()
    )  # it hears of nothing
    console.expect("net::ERR_FAILED")
    stack.client.edit(run, {"seed": 7})
    assert stack.client.run(run).control_version == version + 1
    page.get_by_role("button", name="Apply all").click()
    expect(page.get_by_role("alert").filter(has_text="Somebody else changed this run")).to_be_visible()
    page.unroute("**/api/v1/runs/*")
    expect(page.get_by_role("button", name="Seed of training steps: 7. Edit")).to_be_visible()
    page.get_by_role("button", name="Apply all").click()
    expect(page.get_by_role("region", name=re.compile("not applied"))).to_have_count(0)
    assert [edit[:3] for edit in edits(stack, run)][2:] == [
        ("w.image.text", 1.0, 0.5), ("w_schedule.image.text.end", 1.0, 0.0), ("w_schedule.image.text.steps", 1.0, 40.0),
    ]  # fmt: skip
    expect(weight(page, IMAGE_TEXT).get_by_role("img", name=re.compile("The weight over .* steps, from 1 to 0$"))).to_be_visible()


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_edit_wide_and_on_a_phone(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    for size in (DESKTOP, PHONE):
        rule = rule_of_look(scheme, size)
        page.set_viewport_size(size)
        if size is PHONE:
            expect(page.get_by_role("grid")).to_have_count(0)
            expect(page.get_by_role("list", name="Weights by edge").get_by_role("listitem")).to_have_count(4)
        assert barriers(page, rule) == []
        weight(page, IMAGE_TEXT).click()
        page.get_by_role("textbox", name=IMAGE_TEXT).fill("0.4")
        expect(page.get_by_test_id("preview")).to_contain_text("Acts from")
        assert barriers(page, rule) == []
        page.get_by_role("button", name="Apply later").click()
        expect(page.get_by_role("region", name="1 change not applied")).to_be_visible()
        assert barriers(page, rule) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], "the page scrolls sideways"
        page.get_by_role("button", name="Discard all").click()
