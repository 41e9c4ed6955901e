"""The page's numbers are PostgreSQL's numbers, also after the server was killed under it."""

from __future__ import annotations

import random
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.browser.charts import REWARD, STREAMED, Series, drawn, wait_until_drawn
from tests.browser.pictures import keep_picture
from tests.browser.specs import endless, short
from tests.browser.test_steering import stored
from tests.browser.watching import Console, barriers
from tests.embedded import OVER, Stack, eventually

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.mark.parametrize("seed", [1])
def test_however_often_the_stream_is_cut_every_drawn_point_is_postgresqls(page: Page, stack: Stack, console: Console, seed: int) -> None:
    """At random moments of a training run the API is killed, and by chance the way back to the stream is closed for a while too: the
    page says so, goes on by itself, and misses and doubles nothing of what PostgreSQL has and the API serves."""
    console.expect("net::ERR_|status of 5")
    chance = random.Random(seed)
    run = stack.client.create_run(short("Cut at random"))
    page.goto(f"{stack.url}/runs/{run.id}")
    eventually(lambda: bool(drawn(page, REWARD)))
    for _ in range(CUTS):
        more = steps_drawn(page) + chance.randrange(4, 20)
        eventually(lambda more=more: steps_drawn(page) >= more or stack.client.run(run.id).state in OVER)
        cut(page, stack, is_closed=chance.random() < 0.5)

    stack.wait_for(run.id, "completed")
    expect(page.get_by_role("region", name="Result")).to_be_visible()
    for question in STREAMED:
        wait_until_drawn(page, question)
        names = {key.name for key in drawn(page, question)}
        assert names, f"nothing is drawn on '{question}'"
        points = {key: rows for name in names for key, rows in stored(stack, run.id, name).items() if key.domain is None}
        eventually(lambda question=question, points=points: drawn(page, question) == points)
        assert served(stack, run.id, points) == points


def test_whoever_comes_back_to_a_run_misses_nothing_of_meanwhile(page: Page, stack: Stack) -> None:
    """Left for another page of the dashboard while it trains, without a reload, and found again from the list when it is over."""
    run = stack.client.create_run(short("Left alone"))
    page.goto(f"{stack.url}/runs/{run.id}")
    eventually(lambda: steps_drawn(page) >= 3)
    elsewhere(page)
    stack.wait_for(run.id, "completed")
    page.get_by_role("link", name="Runs", exact=True).click()
    page.get_by_role("link", name="Left alone").click()
    for question in STREAMED:
        wait_until_drawn(page, question)
        names = {key.name for key in drawn(page, question)}
        points = {key: rows for name in names for key, rows in stored(stack, run.id, name).items() if key.domain is None}
        eventually(lambda question=question, points=points: drawn(page, question) == points)
    [step] = stack.column("SELECT max(step) FROM points JOIN series ON id = series_id WHERE run_id = %s AND name = 'overlap'", run.id)
    expect(page.get_by_role("img", name=re.compile(f"^Do the experts still think alike.*As of step {step} "))).to_have_count(1)


def test_whoever_comes_back_while_it_trains_sees_no_line_across_what_was_missed(page: Page, stack: Stack) -> None:
    run = stack.client.create_run(endless("Looked at again"))
    page.goto(f"{stack.url}/runs/{run.id}")
    eventually(lambda: steps_drawn(page) >= 3)
    elsewhere(page)
    held: list[Route] = []
    page.route("**/figures/reward?*", lambda route: held.append(route))  # noqa: PLW0108  # Playwright marks the function that it is given
    before = stack.client.run(run.id).progress.steps
    eventually(lambda: stack.client.run(run.id).progress.steps >= before + 6)
    page.go_back()
    eventually(lambda: page.evaluate("true") and bool(held))
    assert drawn(page, REWARD) == {}, "of before, and joined to what comes now across what was missed"
    for route in held:
        route.continue_()
    page.unroute("**/figures/reward?*")
    eventually(lambda: steps_drawn(page) > before)
    for steps in drawn(page, REWARD).values():
        assert list(steps) == list(range(1, len(steps) + 1))


def elsewhere(page: Page) -> None:
    page.get_by_role("link", name="Workers").click()
    expect(page.get_by_role("heading", name="Workers", exact=True)).to_be_visible()


CUTS = 3


def steps_drawn(page: Page) -> int:
    return sum(map(len, drawn(page, REWARD).values()))


def cut(page: Page, stack: Stack, *, is_closed: bool) -> None:
    if is_closed:
        page.route("**/events?run=*", lambda route: route.abort())
    stack.kill("api")
    expect(page.get_by_test_id("freshness").filter(has_text="reconnecting")).to_be_visible()
    if is_closed:
        keep_picture(page, "reconnecting")
        assert barriers(page) == []  # charts that wait or may be behind included
    eventually(stack.client.is_ready)
    page.unroute("**/events?run=*")
    expect(page.get_by_test_id("freshness").filter(has_text="reconnecting")).to_have_count(0)


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


def test_a_reload_restores_the_view(page: Page, stack: Stack, finished: str) -> None:
    """The address is the state of the view: tab, axis, search."""
    page.goto(f"{stack.url}/runs/{finished}")
    page.get_by_role("radiogroup", name="Horizontal axis").get_by_text("Tokens").click()
    page.reload()
    expect(page.get_by_role("radio", name="Tokens")).to_be_checked()
    page.get_by_role("tab", name="Events").click()
    page.reload()
    expect(page.get_by_role("tab", name="Events", selected=True)).to_be_visible()
    page.go_back()
    page.goto(f"{stack.url}/?search=be+looked")
    expect(page.get_by_role("row", name=re.compile("To be looked at"))).to_be_visible()
    expect(page.get_by_role("textbox", name="Search runs")).to_have_value("be looked")


def test_all_tabs_hold_one_stream_whatever_runs_they_show(page: Page, stack: Stack, finished: str) -> None:
    """Of six connections that a browser has to a host; the tab that reads it is closed, and another goes on with all runs."""
    held: list[Request] = []
    page.context.on("request", lambda request: held.append(request) if "/events?run=" in request.url else None)
    for ended in ("requestfailed", "requestfinished"):
        page.context.on(ended, lambda request: held.remove(request) if request in held else None)
    other = stack.client.create_run(short("In a tab of its own")).id
    second, third = page.context.new_page(), page.context.new_page()
    for tab, run in ((page, finished), (second, finished), (third, other)):
        tab.goto(f"{stack.url}/runs/{run}")
        expect(tab.get_by_role("heading", level=1)).to_be_visible()
        expect(tab.get_by_test_id("freshness").filter(has_text="connecting")).to_have_count(0)
    eventually(lambda: third.evaluate("true") and is_one_for(held, page, finished, other))
    page.close()
    eventually(lambda: third.evaluate("true") and is_one_for(held, second, finished, other))
    eventually(lambda: steps_drawn(third) >= 3)
    second.close()
    eventually(lambda: third.evaluate("true") and is_one_for(held, third, other))
    stack.wait_for(other, "completed")
    expect(third.get_by_role("region", name="Result")).to_be_visible()


def is_one_for(held: list[Request], tab: Page, *runs: str) -> bool:
    """Whether one stream is open, of these runs, and in that tab; those of a closed tab never end for Playwright."""
    streams = [request for request in held if not request.frame.page.is_closed()]
    told = {each.split("@")[0] for request in streams for each in parse_qs(urlsplit(request.url).query)["run"]}
    return [request.frame.page for request in streams] == [tab] and told == {*runs}
