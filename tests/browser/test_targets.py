"""A finger is about 44 px wide: on a touch screen it lands on what it is aimed at (WCAG 2.5.5)."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.new_run import problems
from tests.browser.watching import Console, wait_until_loaded
from tests.embedded import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
MISSED = """(within) => {
  const REACH = 21; // the outermost whole pixel of 44 that lies inside wherever the centre falls
  const TARGETS = `a[href], button, input, select, textarea, summary,
    [role=button], [role=slider], [role=option], [role=menuitem], [role=gridcell][tabindex]`;
  const isShown = (part) => {
    const { right, bottom, width, height } = part.getBoundingClientRect();
    const isOnPage = right + scrollX > 0 && bottom + scrollY > 0; // the link that skips to the content comes with the keyboard
    return part.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && width > 1 && height > 1 && isOnPage;
  };
  const isInSentence = (part) => getComputedStyle(part).display === "inline"
    && [...part.parentElement.childNodes].some((beside) => beside.nodeType === Node.TEXT_NODE && /\\w/.test(beside.data));
  const pressed = (control) => {
    const label = /^(checkbox|radio)$/.test(control.type) && [...control.labels].findLast(isShown);
    return label || control;
  };
  const found = new Set();
  for (const control of within.querySelectorAll(TARGETS)) {
    const target = pressed(control);
    if (!isShown(target) || isInSentence(target) || control.closest("[inert], [aria-hidden=true]")) continue;
    target.scrollIntoView({ block: "center", inline: "center" });
    const { left, top, width, height } = target.getBoundingClientRect();
    const hits = (dx, dy) => {
      const hit = document.elementFromPoint(left + width / 2 + dx, top + height / 2 + dy);
      return hit !== null && (control.contains(hit) || hit.closest("label")?.control === control);
    };
    const missed = { above: [0, -REACH], below: [0, REACH], left: [-REACH, 0], right: [REACH, 0] };
    const sides = Object.keys(missed).filter((side) => !hits(...missed[side]));
    if (sides.length === 0) continue;
    found.add(`${Math.round(width)} × ${Math.round(height)}, missed ${sides.join(", ")}: ${target.outerHTML.slice(0, 200)}`);
  }
  if (document.documentElement.scrollWidth > innerWidth) found.add("scrolls sideways");
  return [...found];
}"""


class Finger:
    """Goes through the pages and keeps what it missed, by place."""

    def __init__(self, page: Page, stack: Stack) -> None:
        self.page = page
        self.stack = stack
        self.missed: dict[str, list[str]] = {}

    def open(self, path: str) -> None:
        self.page.goto(self.stack.url + path)
        expect(self.page.get_by_role("heading", level=1)).to_be_visible()
        self.press_all(path, self.page.locator("body"))

    def press_all(self, place: str, within: Locator) -> None:
        """What lies over the page is pressed alone: it covers some of what is behind it."""
        expect(within).to_be_visible()
        wait_until_loaded(self.page)
        if missed := within.evaluate(MISSED):
            self.missed[place] = missed


def test_a_finger_hits_what_it_is_aimed_at_on_every_page(phone: Page, stack: Stack, finished: str, console: Console) -> None:
    console.expect("status of 404")
    finger = Finger(phone, stack)
    with stack.database() as database:
        attempt = database.execute("SELECT max(id) FROM attempts WHERE run_id = %s", (finished,)).fetchone()
    assert attempt
    finger.open(f"/runs/{finished}")
    for tab in ("agreement", "rollouts", "rollouts&view=follow", "system", f"events&attempt={attempt[0]}", "checkpoints"):
        finger.open(f"/runs/{finished}?tab={tab}")
    for path in (f"/new?fork={finished}", f"/compare?runs={finished}", "/workers", "/people", "/settings", "/nowhere"):
        finger.open(path)
    assert finger.missed == {}


def test_a_finger_hits_what_opens(phone: Page, stack: Stack, finished: str) -> None:
    finger = Finger(phone, stack)
    finger.open("/")
    phone.get_by_role("checkbox", name="Select To be looked at").check()
    finger.press_all("selected runs", phone.get_by_role("region", name="Selected runs"))
    phone.get_by_role("button", name=re.compile("^Account of")).click()
    finger.press_all("account", phone.get_by_role("dialog"))

    finger.open(f"/runs/{finished}?tab=weights")
    phone.get_by_role("button", name="More").click()
    finger.press_all("menu of a run", phone.get_by_role("menu"))
    phone.keyboard.press("Escape")
    phone.keyboard.press("?")
    finger.press_all("shortcuts", phone.get_by_role("dialog", name="Keyboard shortcuts"))
    phone.keyboard.press("Escape")
    phone.get_by_role("button", name="Edit tags").click()
    phone.keyboard.type("one,")
    expect(phone.get_by_text("one", exact=True)).to_be_visible()
    finger.press_all("tags", phone.get_by_role("main"))
    phone.keyboard.press("Backspace")  # other tests see this run too

    finger.open("/new")
    phone.get_by_role("region", name="Form").get_by_role("textbox", name="Rounds", exact=True).fill("0")
    expect(problems(phone)).to_have_count(1)
    finger.press_all("a spec with a problem", phone.get_by_role("main"))
    assert finger.missed == {}
