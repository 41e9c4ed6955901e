"""The list of runs: thousands of them without lag, found, sorted, chosen and steered; and runs side by side."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, ViewportSize, expect

from tests.browser.charts import chart, wait_until_drawn
from tests.browser.specs import short
from tests.browser.test_charts import choose
from tests.browser.test_steering import stored
from tests.browser.watching import DESKTOP, PHONE, barriers, misfits
from tests.embedded import Stack, eventually

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
COUNT = 2000
COPIES = """
    INSERT INTO runs (id, name, notes, tags, method, priority, spec, source, state, control_version, acknowledged_version,
                      stream_position, paused_policies, created_by, created_at, capability, trained)
    SELECT 'many' || i, 'Many ' || lpad(i::text, 4, '0'), '', ARRAY['many'],
           CASE WHEN i %% 2 = 0 THEN 'copd' ELSE 'experts' END, -100, spec,
           source,
           'cancelled', 1, 1, '0-0', '{}', 'seed', created_at - i * interval '1 minute',
           (i * 37 %% 1000) / 1000.0, 0
    FROM runs, generate_series(1, %(count)s) AS i WHERE runs.id = %(run)s"""
SEGMENTS = """
    INSERT INTO segments (run_id, key, position, kind, policy, round, part, step, steps, start, teachers, domain, needs, state)
    SELECT 'many' || i, key, position, kind, policy, round, part, step, steps, start, teachers, domain, needs, 'planned'
    FROM segments, generate_series(1, %(count)s) AS i WHERE run_id = %(run)s AND kind IN ('rlvr', 'opd')"""


@pytest.fixture(scope="module")
def many(stack: Stack, finished: str) -> Iterator[int]:
    """Some thousand runs that are over, and are gone again after these tests."""
    values = {"count": COUNT, "run": finished}
    with stack.database() as database:
        database.execute(COPIES, values)
        database.execute(SEGMENTS, values)
        yield COUNT
        database.execute("DELETE FROM runs WHERE id LIKE 'many%'")


def grid(page: Page) -> Locator:
    return page.get_by_role("grid", name="Runs")


def row(page: Page, name: str) -> Locator:
    return grid(page).get_by_role("row", name=re.compile(f"{name}( |$)"))


@pytest.mark.usefixtures("many")
def test_thousands_are_scrolled_to_the_end_and_back(page: Page, stack: Stack) -> None:
    page.goto(f"{stack.url}/?tag=many")
    expect(row(page, "Many 0001")).to_be_visible()
    expect(grid(page)).to_have_attribute("aria-rowcount", str(COUNT + 1))
    assert grid(page).get_by_role("row").count() < 60, "rows that nobody sees are drawn"
    row(page, "Many 0001").focus()
    page.keyboard.press("End")
    expect(row(page, f"Many {COUNT}")).to_be_focused()
    expect(page).to_have_url(re.compile(r"row=\d{4}"))
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{stack.url}/runs/many{COUNT}")
    page.go_back()
    expect(row(page, f"Many {COUNT}")).to_be_in_viewport()
    assert grid(page).get_by_role("row").count() < 60


@pytest.mark.usefixtures("many")
def test_a_list_is_sorted_filtered_and_kept_in_its_address(page: Page, stack: Stack) -> None:
    page.goto(f"{stack.url}/?tag=many")
    page.get_by_role("columnheader", name="Merged accuracy").get_by_role("button").click()
    expect(page.get_by_role("columnheader", name="Merged accuracy")).to_have_attribute("aria-sort", "descending")
    expect(grid(page).get_by_role("row").nth(1)).to_contain_text("99.9%")
    page.get_by_role("columnheader", name="Run").get_by_role("button").click()
    expect(grid(page).get_by_role("row").nth(1)).to_contain_text("Many 0001")
    page.get_by_role("button", name="Method").click()
    page.get_by_role("checkbox", name="experts").check()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("Many 00")
    expect(grid(page)).to_have_attribute("aria-rowcount", "51")
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("checkbox", name="Created by").check()
    page.keyboard.press("Escape")
    expect(page.get_by_role("columnheader", name="Created by")).to_be_visible()
    page.reload()
    expect(grid(page)).to_have_attribute("aria-rowcount", "51")
    expect(page.get_by_role("columnheader", name="Created by")).to_be_visible()
    page.get_by_role("textbox", name="Search runs").fill("no such run")
    expect(page.get_by_text("No run matches.")).to_be_visible()
    page.get_by_role("button", name="Clear filters").click()
    expect(grid(page)).to_be_visible()


WAITING = "waiting for text (OPD) on worker-2 to finish its step"


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_run_says_what_it_waits_for_and_when_it_ends_uncut(page: Page, stack: Stack, finished: str, size: ViewportSize) -> None:
    def busy(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        [run] = [run for run in body["runs"] if run["id"] == finished]
        progress = {"round": 2, "rounds": 6, "phase": "opd", "steps": 163, "total_steps": 1440, "eta_seconds": 840}
        run |= {"state": "running", "waiting_for": WAITING, "progress": progress}
        route.fulfill(response=answer, json={**body, "runs": [run], "total": 1, "next": None})

    page.route(re.compile(r"/api/v1/runs\?"), busy)
    page.set_viewport_size(size)
    page.goto(stack.url)
    told = grid(page).get_by_text(WAITING)
    expect(told).to_be_visible()
    assert told.evaluate("each => each.scrollHeight <= each.clientHeight && each.scrollWidth <= each.clientWidth")
    tops = [grid(page).get_by_text(text).bounding_box() for text in ("round 2 of 6 · OPD", "about 14 min left")]
    assert len({box["y"] for box in tops if box}) == 1, "on one line"


@pytest.mark.usefixtures("many")
def test_many_are_selected_by_keyboard_and_mouse_and_steered_at_once(page: Page, stack: Stack) -> None:
    with stack.database() as database:
        database.execute("UPDATE runs SET state = 'paused' WHERE id = 'many10'")
    page.goto(f"{stack.url}/?tag=many&sort=name")
    expect(row(page, "Many 0001")).to_be_visible()
    page.keyboard.press("j")
    expect(row(page, "Many 0001")).to_be_focused()
    page.keyboard.press("x")
    expect(row(page, "Many 0001")).to_have_attribute("aria-selected", "true")
    for _ in range(9):
        page.keyboard.press("j")
    expect(row(page, "Many 0010")).to_be_focused()
    row(page, "Many 0010").get_by_role("checkbox").click(modifiers=["Shift"])
    bar = page.get_by_role("region", name="Selected runs")
    expect(bar).to_contain_text(f"10 of {COUNT:,} selected")

    bar.get_by_role("button", name="Resume").click()
    dialog = page.get_by_role("dialog", name="Resume 1 run?")
    expect(dialog).to_contain_text("9 runs cannot and will be left alone: 9 cancelled.")
    assert barriers(page) == []
    assert copied(page, dialog).endswith("""--data-raw '{"command":"resume","runs":["many10"]}'""")
    dialog.get_by_role("button", name="Resume 1 run").click()
    expect(dialog.get_by_role("list", name="What became of each run")).to_contain_text("Many 0010 goes on")
    dialog.get_by_role("button", name="Close").last.click()
    expect(row(page, "Many 0010")).not_to_contain_text("paused")

    bar.get_by_role("button", name="Pause").click()
    page.get_by_role("dialog").get_by_role("button", name="Pause 1 run").click()
    expect(page.get_by_role("list", name="What became of each run")).to_contain_text("Many 0010 asked to pause")
    page.keyboard.press("Escape")
    assert stack.client.run("many10").state in ("pausing", "paused")

    bar.get_by_role("button", name="Tags").click()
    page.get_by_role("dialog").get_by_role("combobox", name="Add", exact=True).fill("kept")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert '"add":["kept"],"remove":[]}' in copied(page, page.get_by_role("dialog"))
    page.get_by_role("dialog").get_by_role("button", name="Change tags of 10 runs").click()
    expect(row(page, "Many 0003")).to_contain_text("kept")
    assert stack.client.run("many3").tags == ["many", "kept"]

    bar.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog", name="Delete 9 runs?")
    expect(dialog).to_contain_text("There is no way back.")
    expect(dialog).to_contain_text("1 run is not over and will be left alone: 1 paused.")
    assert re.search(r"/api/v1/runs/\{(many\d,?){9}\}'", copied(page, dialog)), "curl asks once for each"
    dialog.get_by_role("button", name="Delete 9 runs for good").click()
    expect(dialog).to_contain_text("Many 0009 is deleted")
    page.keyboard.press("Escape")
    expect(grid(page)).to_have_attribute("aria-rowcount", str(COUNT - 9 + 1))
    expect(bar).to_have_count(0)


def copied(page: Page, dialog: Locator) -> str:
    """What the dialog would do, as the command one copies."""
    dialog.get_by_role("button", name="Copy as curl").click()
    return page.evaluate("navigator.clipboard.readText()")


@pytest.mark.usefixtures("many")
def test_the_list_is_open_to_everybody_and_fits(page: Page, stack: Stack) -> None:
    page.goto(f"{stack.url}/?tag=many&sort=name-desc")
    expect(row(page, f"Many {COUNT}")).to_be_visible()
    row(page, f"Many {COUNT}").get_by_role("checkbox").check()
    row(page, f"Many {COUNT - 1}").get_by_role("checkbox").check()
    expect(page.get_by_role("region", name="Selected runs")).to_be_visible()
    assert misfits(page) == {}


@pytest.fixture(scope="module")
def seeds(stack: Stack, finished: str) -> list[str]:
    """The finished run, the same with another seed, and one of another length."""
    other = stack.client.create_run(short("Another seed").replace("seed: 0", "seed: 1"))
    longer = stack.client.create_run(short("Longer").replace("rounds: 1", "rounds: 1\npriority: 1").replace("steps: 6", "steps: 3"))
    for run in (other, longer):
        stack.wait_for(run.id, "completed")
    return [finished, other.id, longer.id]


def test_runs_are_compared(page: Page, stack: Stack, seeds: list[str]) -> None:
    page.goto(f"{stack.url}/compare?runs={','.join(seeds)}")
    paper = page.get_by_role("table").first
    expect(paper.get_by_role("row", name=re.compile("^To be looked at copd 2 "))).to_be_visible()
    expect(paper.get_by_role("row", name=re.compile("^Longer copd 1 "))).to_be_visible()
    expect(page.get_by_role("row", name="opd.steps 6 6 3")).to_be_visible()
    expect(page.get_by_role("row", name="seed 0 1 0")).to_be_visible()
    card = chart(page, "How well does each run's merged model do on text?")
    card.scroll_into_view_if_needed()
    expect(card.locator(".scatterlayer .trace")).to_have_count(3)
    assert misfits(page) == {}


@pytest.mark.usefixtures("seeds")
def test_while_nothing_is_chosen_the_newest_runs_are_offered(page: Page, stack: Stack) -> None:
    page.goto(f"{stack.url}/compare")
    newest = page.get_by_role("group", name="The newest runs").get_by_role("checkbox")
    expect(newest.nth(1)).to_be_checked()
    expect(newest.nth(2)).not_to_be_checked()
    assert misfits(page) == {}
    newest.nth(0).uncheck()
    expect(page.get_by_role("button", name="Tick two or more")).to_be_disabled()
    newest.nth(0).check()
    newest.nth(2).check()
    shown = [run.id for run in stack.client.runs(limit=3).runs]
    page.get_by_role("button", name="Compare 3 runs").press("Enter")
    expect(page.get_by_role("list", name="Compared runs").get_by_role("listitem")).to_have_count(3)
    expect(page).to_have_url(re.compile("(,|%2C)".join(shown)))
    expect(page.get_by_role("main")).to_be_focused()


TOO_FEW = [(0, "There is no run yet.", "/$"), (1, "There is one run so far", r"/new\?from=")]


@pytest.mark.usefixtures("finished")
@pytest.mark.parametrize(("count", "advice", "leads_to"), TOO_FEW)
def test_with_too_few_runs_the_page_says_what_to_do(page: Page, stack: Stack, count: int, advice: str, leads_to: str) -> None:
    def answer(route: Route) -> None:
        runs = route.fetch().json()
        route.fulfill(json=runs | {"runs": runs["runs"][:count], "total": count})

    page.route("**/api/v1/runs?*", answer)
    page.goto(f"{stack.url}/compare")
    expect(page.get_by_text(advice)).to_be_visible()
    assert misfits(page) == {}
    expect(page.get_by_role("main").get_by_role("link").last).to_have_attribute("href", re.compile(leads_to))


def test_a_run_without_points_is_named_once_for_all_charts(page: Page, stack: Stack, seeds: list[str]) -> None:
    def answer(route: Route) -> None:
        figure = route.fetch().json()
        route.fulfill(json=figure | {"data": [trace for trace in figure["data"] if trace["legendgroup"] != seeds[1]]})

    page.route("**/api/v1/compare/figures/capability*", answer)
    page.goto(f"{stack.url}/compare?runs={','.join(seeds)}")
    for domain in ("text", "image"):
        wait_until_drawn(page, f"How well does each run's merged model do on {domain}?")
    told = page.get_by_text("No points yet in some charts: Another seed.")
    expect(told).to_have_count(1)


LEARN = "In which run do the experts learn fastest?"


def test_a_compared_chart_is_a_table_and_a_file_and_keeps_its_view_in_the_address(page: Page, stack: Stack, seeds: list[str]) -> None:
    page.goto(f"{stack.url}/compare?runs={','.join(seeds)}&smooth=0.8")
    wait_until_drawn(page, LEARN)
    card = chart(page, LEARN)
    expect(card.get_by_role("img", name=re.compile(rf"^{re.escape(LEARN)} Newest: To be looked at "))).to_be_attached()
    eventually(lambda: shown_curves(card) == 6)  # each run's, raw and smoothed
    with page.expect_download() as download:
        choose(page, card, "Save numbers as CSV")
    assert download.value.suggested_filename == "compare_reward.csv"
    rows = list(csv.DictReader(Path(download.value.path()).read_text().splitlines()))
    assert list(dict.fromkeys(row["run"] for row in rows)) == seeds
    held = [points for key, points in stored(stack, seeds[0], "reward").items() if key.domain is None]
    means = {step: sum(points[step] for points in held) / len(held) for step in held[0] if all(step in points for points in held)}
    assert {int(row["step"]): float(row["value"]) for row in rows if row["run"] == seeds[0]} == pytest.approx(means)

    card.locator(".legendtoggle").nth(1).click()  # isolates
    expect(page).to_have_url(re.compile(rf"hide\.reward={seeds[0]}(~|%7E){seeds[2]}"))
    choose(page, card, "Zoom in on the end")
    expect(page).to_have_url(re.compile(r"zoom\.reward=\d"))
    page.reload()
    wait_until_drawn(page, LEARN)
    eventually(lambda: shown_curves(card) == 2)
    expect(card.get_by_text(re.compile(r"\d+ of \d+ points"))).to_be_visible()
    card.get_by_role("button", name="Reset zoom").click()
    choose(page, card, "Show as table")
    table = card.get_by_role("table")
    expect(table.get_by_role("columnheader")).to_have_text(["Step", "To be looked at", "Another seed", "Longer"])
    assert len(table.get_by_role("rowheader").all()) == len({row["step"] for row in rows})
    assert barriers(page) == []


def shown_curves(card: Locator) -> int:
    return card.evaluate("card => card.querySelector('.js-plotly-plot').data.filter(({ visible = true }) => visible === true).length")


EDIT = """
    INSERT INTO edits (run_id, version, kind, path, old, value, author, replayed)
    VALUES (%(run)s, 99, 'value', 'optimizer.lr', '0.1', '0.2', 'somebody', false)"""
EFFECT = "INSERT INTO bindings (run_id, version, policy, step, attempt_id) VALUES (%(run)s, 99, 'text', 4, 1)"


@pytest.fixture
def edited(stack: Stack, seeds: list[str]) -> Iterator[None]:
    """The second run was edited, as far as this test sees."""
    with stack.database() as database:
        for statement in (EDIT, EFFECT):
            database.execute(statement, {"run": seeds[1]})
        yield
        database.execute("DELETE FROM edits WHERE run_id = %s AND version = 99", [seeds[1]])


@pytest.mark.usefixtures("edited")
def test_the_edits_of_each_compared_run_are_marked_and_hidden_with_its_curve(page: Page, stack: Stack, seeds: list[str]) -> None:
    page.goto(f"{stack.url}/compare?runs={','.join(seeds)}")
    wait_until_drawn(page, LEARN)
    card = chart(page, LEARN)
    mark = card.locator(".annotation")
    expect(mark).to_have_count(1)
    mark.hover()
    expect(card.locator(".hovertext", has_text="optimizer.lr: 0.1 → 0.2")).to_contain_text("Another seed")
    choose(page, card, "Another seed")
    expect(mark).to_have_count(0)


def test_a_comparison_is_changed_and_keeps_its_looks(page: Page, stack: Stack, seeds: list[str]) -> None:
    page.goto(f"{stack.url}/compare?runs={','.join(seeds)}")
    legend = page.get_by_role("list", name="Compared runs")
    last = legend.get_by_role("listitem").last.locator("line")
    look = last.get_attribute("stroke")
    page.get_by_role("button", name="Remove Another seed").click()
    expect(page).to_have_url(re.compile(f"runs={seeds[0]}(,|%2C){{2}}{seeds[2]}"))
    expect(legend.get_by_role("listitem")).to_have_count(2)
    assert last.get_attribute("stroke") == look
    page.get_by_text("Time", exact=True).click()
    card = chart(page, LEARN)
    card.scroll_into_view_if_needed()
    expect(card.locator(".xtitle")).to_contain_text("since the start")
    page.get_by_role("combobox", name="Whose curves").select_option("image")
    expect(page.get_by_role("region", name="In which run does image learn fastest?")).to_be_visible()
    page.get_by_role("slider", name="Step").focus()
    page.keyboard.press("Home")
    expect(page).to_have_url(re.compile(r"at=\d+"))
    page.keyboard.press("Control+Home")
    page.get_by_role("button", name="Add a run").click()
    page.get_by_role("textbox", name="Find a run").fill("Another")
    page.get_by_role("button", name=re.compile("Another seed")).click()
    expect(legend.get_by_role("listitem")).to_have_count(3)
