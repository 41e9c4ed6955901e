"""What every page must hold: no barrier, no scrolling sideways, and words for each state that is not the happy one."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.pictures import keep_picture
from tests.browser.watching import DESKTOP, PHONE, Console, barriers, misfits, wait_until_loaded
from tests.embedded import Stack, eventually

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]
ZOOMED: ViewportSize = {"width": DESKTOP["width"] // 2, "height": DESKTOP["height"] // 2}
"""A desktop at 200 %."""
RUN_TABS = ("overview", "agreement", "weights", "rollouts", "system", "events", "checkpoints")
RUN_PAGES = ("", "?tab=weights", "?tab=events", "?tab=checkpoints")


def test_every_page_is_open_to_everybody_and_fits(page: Page, stack: Stack, finished: str) -> None:
    found: dict[str, dict[str, list[str]]] = {}
    for path in ("/", "/workers", *(f"/runs/{finished}{tab}" for tab in RUN_PAGES)):
        page.set_viewport_size(PHONE)  # what is opened on a phone grows as well as shrinks
        page.goto(stack.url + path)
        page.get_by_role("heading", level=1).wait_for()
        if wrong := misfits(page):
            found[path] = wrong
    assert found == {}


def test_at_200_percent_no_view_of_a_run_scrolls_sideways(page: Page, stack: Stack, finished: str) -> None:
    page.set_viewport_size(ZOOMED)
    widths: dict[str, int] = {}
    for tab in RUN_TABS:
        page.goto(f"{stack.url}/runs/{finished}?tab={tab}")
        page.get_by_role("tabpanel").wait_for()
        wait_until_loaded(page)
        widths[tab] = page.evaluate("document.documentElement.scrollWidth")
    assert widths == dict.fromkeys(RUN_TABS, ZOOMED["width"])


def test_a_finished_run_leads_with_its_result_and_its_model(page: Page, stack: Stack, finished: str) -> None:
    page.goto(f"{stack.url}/runs/{finished}")
    result = page.get_by_role("region", name="Result")
    [step] = stack.column("SELECT max(step) FROM checkpoints WHERE run_id = %s AND policy = 'merged'", finished)
    model = rf"step {step} \(\.zip, [0-9.]+ [kMG]B\) of the merged model"
    with page.expect_download(timeout=120_000) as download:
        result.get_by_role("button", name=re.compile(f"^Export {model}$")).click()
    assert download.value.suggested_filename == f"{finished}-merged-{step}.zip"
    link = result.get_by_role("link", name=re.compile(f"^Download {model}$"))
    link.wait_for()
    exports = stack.column(
        "SELECT id FROM exports WHERE run_id = %s AND policy = 'merged' AND path IS NOT NULL AND step = %s", finished, step
    )
    assert [link.get_attribute("href")] == [f"/api/v1/runs/{finished}/exports/{id_}/download" for id_ in exports]


def test_a_clip_moves_only_while_one_lets_it(page: Page, stack: Stack, finished: str) -> None:
    page.goto(f"{stack.url}/runs/{finished}")
    prompts = page.get_by_role("region", name="Held-out prompts")
    clip = prompts.get_by_role("img", name="Shown with the prompt, video").first
    clip.scroll_into_view_if_needed()
    eventually(
        lambda: clip.evaluate("clip => clip instanceof HTMLCanvasElement && clip.getContext('2d').getImageData(0, 0, 1, 1).data[3] === 255")
    )
    prompts.get_by_role("button", name="Play the clip").first.click()
    eventually(lambda: clip.evaluate("clip => clip instanceof HTMLImageElement && clip.naturalWidth > 0"))
    prompts.get_by_role("button", name="Stop the clip").click()
    expect(prompts.get_by_role("button", name="Stop the clip")).to_have_count(0)
    page.emulate_media(reduced_motion="no-preference")
    page.reload()
    expect(prompts.get_by_role("button", name="Stop the clip").first).to_be_visible()
    expect(prompts.get_by_role("button", name="Play the clip")).to_have_count(0)


def test_what_is_not_there_is_named(page: Page, stack: Stack, console: Console) -> None:
    console.expect("status of 404")
    for path, words in (("/runs/nothere", "There is no run nothere"), ("/nowhere", "There is no page at /nowhere")):
        page.goto(stack.url + path)
        expect(page.get_by_text(words)).to_be_visible()
        expect(page.get_by_role("link", name="All runs", exact=True)).to_be_visible()
        assert misfits(page) == {}
        keep_picture(page, "not-found")


def test_on_a_phone_the_account_menu_switches_the_theme(page: Page, stack: Stack) -> None:
    page.set_viewport_size(PHONE)
    page.goto(stack.url)
    page.get_by_role("button", name="Account of").click()
    page.get_by_role("button", name="Switch to dark theme").click()
    expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", "dark")
    assert barriers(page) == []
    page.get_by_role("button", name="Switch to light theme").click()
    expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", "light")
