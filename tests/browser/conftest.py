"""A signed-in Chromium on the embedded stack. Anything the browser complains of fails the test, a broken security policy included."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.chromium import find_chromium
from tests.browser.specs import short
from tests.browser.watching import Console, watched_page
from tests.embedded import OVER, Stack

PATIENCE_MS = 60_000
"""For machines on which training takes every core; a condition that holds is seen at once."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The system's Chromium where there is one, else the one Playwright installed. For one module: Playwright's event loop must be gone
    before tests with loops of their own."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
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


_sessions: dict[str, tuple[str, str]] = {}


def session_of(stack: Stack) -> tuple[str, str]:
    """The cookie of a session that all signed-in pages of a stack share. A test that ends it at the server signs in by itself."""
    if stack.url not in _sessions:
        code = stack.login_link().partition("#code=")[2]
        answer = httpx.post(f"{stack.url}/api/v1/session", json={"code": code}, headers={"origin": stack.url})
        [_sessions[stack.url]] = answer.raise_for_status().cookies.items()
    return _sessions[stack.url]


def signed_in(page: Page, stack: Stack) -> Page:
    """The page, on the list of runs."""
    name, value = session_of(stack)
    page.context.add_cookies([{"name": name, "value": value, "url": stack.url}])
    page.goto(stack.url)
    expect(page.get_by_role("link", name="New run")).to_be_visible()
    return page


@pytest.fixture
def page(stranger: Page, stack: Stack) -> Page:
    """A signed-in page, on the list of runs."""
    return signed_in(stranger, stack)


@pytest.fixture
def phone(chromium: Browser, console: Console, stack: Stack) -> Iterator[Page]:
    """The same, touched by a finger instead of a pointer."""
    with watched_page(chromium, console, PATIENCE_MS, by_touch=True) as page:
        yield signed_in(page, stack)


@pytest.fixture(scope="session")
def finished(stack: Stack) -> str:
    """The id of a completed run, for tests that only look."""
    run = stack.client.create_run(short("To be looked at"))
    stack.wait_for(run.id, "completed")
    return run.id


@pytest.fixture(autouse=True)
def nothing_left_running(request: pytest.FixtureRequest) -> Iterator[None]:
    """Cancels what a test leaves behind, so that the next one has the workers."""
    yield
    if "stack" not in request.fixturenames:
        return
    stack: Stack = request.getfixturevalue("stack")
    for run in stack.client.runs().runs:
        if run.state not in OVER and "cancel" in run.allowed:
            stack.client.command(run.id, "cancel")
            stack.wait_for(run.id, *OVER)
