"""Single keys, the sheet that says what they do, and the switch that turns them off; a run's menu; settings."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.specs import short
from tests.browser.watching import PHONE, Console, barriers, misfits
from tests.embedded import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_keys_lead_everywhere_are_listed_and_can_be_turned_off(page: Page, stack: Stack, finished: str) -> None:
    page.goto(f"{stack.url}/runs/{finished}")
    expect(page.get_by_role("heading", name="To be looked at")).to_be_visible()
    page.keyboard.press("7")
    expect(page.get_by_role("tab", name="Checkpoints", selected=True)).to_be_visible()
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(sheet.get_by_text("Go to workers")).to_be_visible()
    expect(sheet.get_by_text("Checkpoints")).to_be_visible()
    assert barriers(page) == []
    sheet.get_by_role("switch", name="Use keyboard shortcuts").click()
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    page.keyboard.press("1")
    expect(page.get_by_role("tab", name="Checkpoints", selected=True)).to_be_visible()

    page.get_by_role("button", name="Account of").click()
    page.get_by_role("link", name="Settings").click()
    expect(page.get_by_role("heading", name="Settings", level=1)).to_be_visible()
    assert misfits(page) == {}
    switch = page.get_by_role("switch", name="Use keyboard shortcuts")
    expect(switch).not_to_be_checked()
    switch.press("Space")
    page.keyboard.press("g")
    page.keyboard.press("w")
    expect(page).to_have_url(f"{stack.url}/workers")
    page.reload()
    expect(page.get_by_role("heading", name="Workers", level=1)).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page.get_by_role("textbox", name="Search runs")).to_be_visible()
    page.get_by_role("textbox", name="Search runs").fill("g w ?")
    expect(page).to_have_url(re.compile("search="))


def test_the_menu_of_a_run_copies_its_commands_and_deletes_it_once_asked(page: Page, stack: Stack, console: Console) -> None:
    console.expect("status of 404")  # what the page was asking for while the run went
    run = stack.client.create_run(short("To be deleted")).id
    page.goto(f"{stack.url}/runs/{run}")
    more = page.get_by_role("button", name="More")
    more.click()
    page.get_by_role("menuitem", name="Copy cancel as curl").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert f"-X POST '{stack.url}/api/v1/runs/{run}/cancel'" in copied
    more.click()
    page.get_by_role("menuitem", name="Copy name, notes and tags as curl").click()
    assert page.evaluate("navigator.clipboard.readText()").endswith("""'{"name":"To be deleted","notes":"","tags":[]}'""")
    stack.client.command(run, "cancel")
    stack.wait_for(run, "cancelled")
    page.set_viewport_size(PHONE)
    more.click()
    page.get_by_role("menuitem", name="Delete this run").click()
    dialog = page.get_by_role("dialog", name="Delete To be deleted?")
    expect(dialog.get_by_text("There is no way back")).to_be_visible()
    assert barriers(page) == []
    dialog.get_by_role("button", name="Delete for good").click()
    expect(page).to_have_url(f"{stack.url}/")
    assert all(each.id != run for each in stack.client.runs().runs)
