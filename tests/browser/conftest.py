"""A signed-in Chromium on the embedded stack. Anything the browser complains of fails the test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.watching import Console, watched_page
from tests.embedded import Stack

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_MS = 60_000


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The system's Chromium where there is one, else the one Playwright installed."""
    program = next((found for name in CHROMIUM if (found := shutil.which(name))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def console() -> Iterator[Console]:
    """What the page complains of; anything a test did not expect fails it."""
    console = Console()
    yield console
    assert console.unexpected() == []


@pytest.fixture
def stranger(chromium: Browser, console: Console) -> Iterator[Page]:
    """A page nobody has signed in on."""
    with watched_page(chromium, console, PATIENCE_MS) as page:
        yield page


@pytest.fixture
def page(stranger: Page, stack: Stack) -> Page:
    """A signed-in page."""
    stranger.goto(stack.login_link())
    stranger.get_by_role("link", name="New run").wait_for()
    return stranger
