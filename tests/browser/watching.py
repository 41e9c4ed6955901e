"""A page with open ears: what the browser's console says, and what accessibility rules say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, ViewportSize

AXE = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
DESKTOP: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 380, "height": 800}


@dataclass
class Console:
    """Errors and warnings of the page, and uncaught exceptions."""

    heard: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def expect(self, pattern: str) -> None:
        """The test provokes this: the browser reports every refused request as an error."""
        self.expected.append(pattern)

    def unexpected(self) -> list[str]:
        return [line for line in self.heard if not any(re.search(pattern, line) for pattern in self.expected)]

    def on_message(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.heard.append(f"{message.type}: {message.text} {message.location['url']}")

    def on_exception(self, error: Exception) -> None:
        self.heard.append(f"uncaught: {error}")


@contextmanager
def watched_page(chromium: Browser, console: Console, patience_ms: float, *, by_touch: bool = False) -> Iterator[Page]:
    """A page in a browser profile of its own; by touch it is a phone's. Motion is reduced: nothing is seen halfway through a fade."""
    viewport = PHONE if by_touch else DESKTOP
    context = chromium.new_context(viewport=viewport, has_touch=by_touch, is_mobile=by_touch, reduced_motion="reduce")
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    context.set_default_timeout(patience_ms)
    page = context.new_page()
    page.on("console", console.on_message)
    page.on("pageerror", console.on_exception)
    yield page
    context.close()


STILL = "() => document.getAnimations().every(({ playState }) => playState !== 'running')"
"""Nothing is on its way from one look to another."""


def barriers(page: Page, only: str | None = None) -> list[str]:
    """Violations of WCAG 2.2 AA and of good practice, of any severity, on the page as it stands, as `rule: element`; of one rule alone
    where it is named. Evaluated by the debugger, past the page's policy.

    What fades has neither look's colours: that is waited for.
    """
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE.read_text())
    rules = {
        "target-size": {"enabled": True},  # of WCAG 2.2 AA, yet axe leaves it off
        # A dialog hides the page behind it, and with it the heading of the page: that is what a dialog is.
        "page-has-heading-one": {"enabled": page.locator("[aria-modal=true]").count() == 0},
    }
    options: dict[str, Any] = {"preload": False, "resultTypes": ["violations"]}
    options |= {"runOnly": {"type": "rule", "values": [only]}} if only else {"rules": rules}
    page.wait_for_function(STILL)
    found: list[dict[str, Any]] = page.evaluate("options => axe.run(document, options).then(found => found.violations)", options)
    return [f"{rule['id']}: {node['html'][:200]}" for rule in found for node in rule["nodes"]]


LOADED = """() => ![...document.querySelectorAll('[aria-label^="Loading"]')].some(part => {
  const { top, bottom, width } = part.getBoundingClientRect();
  return top < innerHeight && bottom > 0 && width > 0;
})"""


def wait_until_loaded(page: Page) -> None:
    """Until nothing on screen is loading; charts below it are not fetched before somebody comes there."""
    page.wait_for_function(LOADED)


WEARS = """scheme => document.documentElement.dataset.mantineColorScheme === scheme
  && new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(() => drawn(true))))"""
"""The page follows its theme and size a moment after they change."""


def rule_of_look(scheme: str, size: ViewportSize) -> str | None:
    """Which rule is to be tried in a look; None: every one. Each size and each theme meets all rules in one of its two looks; a size and a
    theme together decide nothing but colours."""
    return None if (scheme == "light") == (size is DESKTOP) else "color-contrast"


def misfits(page: Page) -> dict[str, list[str]]:
    """What is wrong with the page in light and dark, at 1440 and 380 px: barriers, and scrolling sideways. Empty where all is well.

    A test of a page that loads otherwise on a phone begins on one: `page.set_viewport_size(PHONE)` before it is opened.
    """
    found: dict[str, list[str]] = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for size in (DESKTOP, PHONE):
            page.set_viewport_size(size)
            page.wait_for_function(WEARS, arg=scheme)
            wait_until_loaded(page)
            wrong = barriers(page, rule_of_look(scheme, size))
            if page.evaluate("document.documentElement.scrollWidth") > size["width"]:
                wrong.append("scrolls sideways")
            if wrong:
                found[f"{scheme}, {size['width']} px"] = wrong
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(DESKTOP)
    return found
