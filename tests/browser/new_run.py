"""The page on which a run is written."""

from __future__ import annotations

from playwright.sync_api import Locator, Page


def editor(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Run spec (YAML)")


def paste(page: Page, text: str) -> None:
    """Replaces the text as a person does: select all, paste."""
    editor(page).click()
    page.keyboard.press("Control+A")
    page.evaluate("text => navigator.clipboard.writeText(text)", text)
    page.keyboard.press("Control+V")


def problems(page: Page) -> Locator:
    return page.get_by_role("list", name="Problems").get_by_role("button")
