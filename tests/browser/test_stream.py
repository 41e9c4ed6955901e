"""The page's numbers are PostgreSQL's numbers, also after the server was killed under it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.charts import REWARD, STREAMED, Series, drawn, wait_until_drawn
from tests.browser.specs import short
from tests.browser.watching import Console
from tests.embedded import Stack, eventually

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_after_a_cut_stream_every_drawn_point_is_the_servers(page: Page, stack: Stack, console: Console) -> None:
    """kill -9 of the API while the run trains: the page says so, goes on by itself, and misses and doubles nothing."""
    console.expect("net::ERR_")
    run = stack.client.create_run(short("Cut off"))
    page.goto(f"{stack.url}/runs/{run.id}")
    eventually(lambda: bool(drawn(page, REWARD)))

    stack.kill("api")
    reconnecting = page.get_by_test_id("freshness").filter(has_text="reconnecting")
    expect(reconnecting).to_be_visible()
    eventually(stack.client.is_ready)
    expect(reconnecting).to_have_count(0)  # a run that ended meanwhile has no freshness to show

    stack.wait_for(run.id, "completed")
    expect(page.get_by_role("region", name="Result")).to_be_visible()
    for question in STREAMED:
        wait_until_drawn(page, question)
        eventually(lambda question=question: drawn(page, question) == served(stack, run.id, drawn(page, question)))
        assert drawn(page, question), f"nothing is drawn on '{question}'"


def served(stack: Stack, run_id: str, keys: dict[Series, dict[int, float]]) -> dict[Series, dict[int, float]]:
    """What GET series answers for what the chart draws: all series of the name, over all domains."""
    found: dict[Series, dict[int, float]] = {}
    for name in {key.name for key in keys}:
        for series in stack.client.series(run_id, name=name).series:
            if series.domain is not None:
                continue
            points = {step: value for step, value in zip(series.step, series.value, strict=True) if value is not None}
            found[Series(series.name, series.policy, series.peer, series.domain)] = points
    return found


def test_a_reload_restores_the_view(page: Page, stack: Stack) -> None:
    """The address is the state of the view: tab, axis, search."""
    run = stack.client.create_run(short("Reloaded"))
    page.goto(f"{stack.url}/runs/{run.id}")
    page.get_by_text("Tokens", exact=True).click()
    page.reload()
    expect(page.get_by_role("radio", name="Tokens")).to_be_checked()
    page.get_by_role("tab", name="Log").click()
    page.reload()
    expect(page.get_by_role("tab", name="Log", selected=True)).to_be_visible()
    page.go_back()
    page.goto(f"{stack.url}/?search=Reloaded")
    expect(page.get_by_role("row", name=re.compile("Reloaded"))).to_be_visible()
    expect(page.get_by_role("textbox", name="Search runs")).to_have_value("Reloaded")
