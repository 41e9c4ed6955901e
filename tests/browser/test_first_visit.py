"""A stack of its own without a worker: nothing there yet, one button, and a run that waits and says for what."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Literal

import pytest
import redis
from playwright.sync_api import Page, expect

from tests.browser.pictures import keep_picture
from tests.browser.watching import barriers, misfits
from tests.embedded import Stack, running_stack, temporary_home
from worker.bus import WORKERS, WorkerReport, worker_key

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with temporary_home() as home, running_stack(home, workers=0) as running:
        yield running


def test_the_first_visit_leads_from_nothing_to_a_run_that_waits_for_a_worker(page: Page, stack: Stack) -> None:
    expect(page.get_by_role("heading", name="No runs yet")).to_be_visible()
    expect(page.get_by_role("button", name="Run the example")).to_be_enabled()
    assert barriers(page) == []
    keep_picture(page, "no-runs")
    page.get_by_role("link", name="Workers").click()
    expect(page.get_by_role("heading", name="No workers")).to_be_visible()
    expect(page.get_by_text("copd workers", exact=True)).to_be_visible()
    assert barriers(page) == []
    keep_picture(page, "no-workers")

    page.get_by_role("link", name="Runs", exact=True).click()
    page.get_by_role("button", name="Run the example").click()
    expect(page.get_by_role("heading", name="Three experts")).to_be_visible()
    expect(page.get_by_role("note")).to_contain_text("copd workers")
    [run] = stack.client.runs().runs
    assert (run.state, page.url) == ("queued", f"{stack.url}/runs/{run.id}")
    with stack.database() as db:
        assert db.execute("SELECT count(*) FROM attempts").fetchone() == (0,)
    assert misfits(page) == {}
    keep_picture(page, "queued-without-worker")

    with reporting(stack, "far-1", "loading"):
        expect(page.get_by_role("note")).to_contain_text("far-1: it is loading torch")
        expect(page.get_by_text("Starts when a worker takes the run.").first).to_be_visible()
        keep_picture(page, "model-loading")


@contextlib.contextmanager
def reporting(stack: Stack, name: str, state: Literal["loading"]) -> Iterator[None]:
    """A worker elsewhere that says this of itself, as long as the block lasts."""
    report = WorkerReport(name=name, state=state, host="far", pid=1, started_at=time.time(), seen_at=time.time())
    with redis.Redis.from_url(stack.info.redis_url) as client:
        client.set(worker_key(name), report.model_dump_json())
        client.zadd(WORKERS, {name: time.time()})
        yield
        client.delete(worker_key(name))
        client.zrem(WORKERS, name)
