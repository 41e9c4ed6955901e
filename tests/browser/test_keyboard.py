"""The page by keyboard alone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.specs import short
from tests.embedded import Stack

pytestmark = pytest.mark.browser


def test_a_run_is_reached_and_read_by_keyboard(page: Page, stack: Stack) -> None:
    run = stack.client.create_run(short("By keyboard"))
    page.goto(stack.url)
    page.get_by_role("link", name="By keyboard", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{stack.url}/runs/{run.id}")
    page.get_by_role("tab", name="Overview").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Agreement", selected=True)).to_be_focused()
    page.keyboard.press("Control+Home")
    page.get_by_role("link", name="Skip to content").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
