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
            self.heard.append(f"{message.type}: {message.text}")

    def on_exception(self, error: Exception) -> None:
        self.heard.append(f"uncaught: {error}")


@contextmanager
def watched_page(chromium: Browser, console: Console, patience_ms: float) -> Iterator[Page]:
    """A page in a browser profile of its own. Motion is reduced, so that nothing is looked at halfway through a fade."""
    context = chromium.new_context(viewport=DESKTOP, reduced_motion="reduce")
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    context.set_default_timeout(patience_ms)
    page = context.new_page()
    page.on("console", console.on_message)
    page.on("pageerror", console.on_exception)
    yield page
    context.close()


SETTLED = """() => Promise.allSettled(document.getAnimations()
  .filter(animation => animation.effect?.getComputedTiming().endTime !== Infinity)
  .map(animation => animation.finished))"""


def barriers(page: Page) -> list[str]:
    """Violations of WCAG 2.2 AA on the page as it stands, as `rule: element`. Evaluated by the debugger, past the page's policy.

    A button that fades from disabled to enabled has neither's colours: what moves, and comes to an end, is waited for.
    """
    page.evaluate(AXE.read_text())
    page.evaluate(SETTLED)
    options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "preload": False}
    found: dict[str, Any] = page.evaluate("options => axe.run(document, options)", options)
    return [f"{rule['id']}: {node['html'][:200]}" for rule in found["violations"] for node in rule["nodes"]]
