"""What the page says when things are not as they should be, and how it leads out of there."""

from __future__ import annotations

import os
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pictures import keep_picture
from tests.browser.specs import endless, one_long_phase, short
from tests.browser.watching import Console, barriers
from tests.chaos.disk import own_disk
from tests.embedded import Stack, eventually

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
SMALL = 256 << 10
"""Room for events and results, not for a checkpoint."""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount the small file system that is to become full")
def test_a_full_disk_is_the_reason_in_one_sentence_and_a_retry_goes_on(page: Page, stack: Stack) -> None:
    run = stack.client.create_run(short("No room")).id
    stack.client.command(run, "pause")
    stack.wait_for(run, "paused")
    with own_disk(stack.home.store / "runs" / run) as disk:
        disk.fill(SMALL)
        stack.client.command(run, "resume")
        page.goto(f"{stack.url}/runs/{run}")
        banner = page.get_by_role("region", name="Why the run failed")
        expect(banner.get_by_role("heading")).to_contain_text("the checkpoint store is full")
        expect(banner.get_by_role("listitem").first).to_be_visible()  # the last lines of the log
        assert barriers(page) == []
        keep_picture(page, "disk-full")
        disk.free()
        banner.get_by_role("button", name=re.compile("^Retry")).click()
        expect(banner).to_have_count(0)
        stack.wait_for(run, "completed")


def test_a_lost_worker_is_replaced_and_the_page_says_from_which_step(page: Page, stack: Stack) -> None:
    run = stack.client.create_run(one_long_phase("Loses a worker")).id
    page.goto(f"{stack.url}/runs/{run}")
    working = page.get_by_role("list", name="Running now")
    expect(working).to_contain_text("RLVR")
    expect(working).to_contain_text(re.compile(r"step \d+, \d+ of 2000 in this phase"))
    trains = "SELECT worker FROM attempts WHERE run_id = %s AND ended_at IS NULL AND started_at IS NOT NULL AND segment_key LIKE 'rlvr.%%'"
    eventually(lambda: bool(stack.column(trains, run)))
    stack.kill(stack.column(trains, run)[0])
    expect(working.get_by_text(re.compile(r"attempt 2, from step \d+")).first).to_be_visible()
    assert barriers(page) == []
    keep_picture(page, "worker-lost")
    stack.client.command(run, "cancel")


def test_without_a_server_the_page_waits_for_it_and_comes_back(page: Page, stack: Stack, console: Console, finished: str) -> None:
    console.expect("net::ERR_")
    page.route("**/api/**", lambda route: route.abort())
    page.goto(f"{stack.url}/runs/{finished}")
    expect(page.get_by_role("heading", name="The server does not answer")).to_be_visible()
    assert barriers(page) == []
    keep_picture(page, "server-gone")
    page.unroute("**/api/**")
    expect(page.get_by_role("heading", name="To be looked at")).to_be_visible()


def test_a_session_that_ends_says_so_and_leads_back(page: Page, stack: Stack, console: Console, finished: str) -> None:
    console.expect("status of 401")
    address = f"{stack.url}/runs/{finished}?tab=weights"
    page.goto(address)
    expect(page.get_by_role("tab", name="Weights", selected=True)).to_be_visible()
    page.context.clear_cookies()
    come_back = "document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))"
    ended = page.get_by_text("Your session has ended")
    eventually(lambda: page.evaluate(come_back) or ended.is_visible())  # what was asked for just now is not asked for again
    assert barriers(page) == []
    keep_picture(page, "session-ended")
    elsewhere = page.context.new_page()
    elsewhere.goto(stack.login_link())
    expect(elsewhere.get_by_role("link", name="New run")).to_be_visible()
    page.evaluate(come_back)
    expect(page.get_by_role("tab", name="Weights", selected=True)).to_be_visible()
    assert page.url == address


def test_a_session_that_is_ended_from_elsewhere_says_so_to_one_who_only_looks(
    stranger: Page, stack: Stack, console: Console, finished: str
) -> None:
    console.expect("status of 401")
    page = stranger
    page.goto(stack.login_link(f"/runs/{finished}"))
    expect(page.get_by_role("region", name="Result")).to_be_visible()
    expect(page.get_by_test_id("freshness")).to_have_count(0)  # so the stream is open, and nothing else asks about a run that is over
    assert page.context.request.delete(f"{stack.url}/api/v1/session", headers={"Origin": stack.url}).ok
    expect(page.get_by_text("Your session has ended")).to_be_visible()


NOTIFICATIONS = """
  window.told = [];
  window.Notification = class extends EventTarget {
    static permission = "granted";
    constructor(title) { super(); told.push(title); }
  };
  window.isAway = false;
  Object.defineProperty(document, "hidden", { get: () => isAway });"""


def test_the_browser_tells_of_the_end_to_one_who_looks_elsewhere(page: Page, stack: Stack) -> None:
    run = stack.client.create_run(endless("Not looked at")).id
    page.add_init_script(NOTIFICATIONS)
    page.goto(f"{stack.url}/runs/{run}")
    expect(page).to_have_title(re.compile(r"^\d+% Not looked at · CoPD$"))
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Notify me at the end").click()
    page.clock.install()
    page.evaluate("isAway = true; document.dispatchEvent(new Event('visibilitychange'))")
    stack.client.command(run, "cancel")
    stack.wait_for(run, "cancelled")
    assert page.evaluate("told") == []
    page.clock.run_for(30_000)  # it rests, and looks now and then
    page.wait_for_function("() => told.length > 0")
    assert page.evaluate("told") == ["Not looked at is cancelled"]
    expect(page).to_have_title("Not looked at – cancelled · CoPD")
