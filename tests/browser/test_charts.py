"""What can be done with a chart: it stands in the address, and what is saved holds what is stored."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.charts import MATRIX, REWARD, STREAMED, chart, drawn, wait_until_drawn
from tests.browser.conftest import session_of
from tests.browser.test_steering import stored
from tests.browser.watching import PHONE, barriers, wait_until_loaded
from tests.embedded import Stack, eventually

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def choose(page: Page, card: Locator, item: str) -> None:
    card.get_by_role("button", name=re.compile("^Options")).click()
    page.get_by_role("menuitem", name=item).or_(page.get_by_role("menuitemcheckbox", name=item)).click()


def test_smoothing_zoom_and_hidden_curves_come_back_from_the_address(page: Page, stack: Stack, finished: str) -> None:
    page.goto(f"{stack.url}/runs/{finished}?smooth=0.8")
    wait_until_drawn(page, REWARD)
    card = chart(page, REWARD)
    smoothed = "card => card.querySelector('.js-plotly-plot').data.filter(trace => trace.meta.mode === 'smoothed').length"
    eventually(lambda: card.evaluate(smoothed) == 3)
    whole = sum(map(len, drawn(page, REWARD).values()))
    choose(page, card, "Zoom in on the end")
    expect(page).to_have_url(re.compile(r"zoom\.reward=\d"))
    expect(card.get_by_text(re.compile(r"\d+ of \d+ points"))).to_be_visible()
    eventually(lambda: sum(map(len, drawn(page, REWARD).values())) < whole)
    card.locator(".legendtoggle").nth(1).click()  # isolates
    expect(page).to_have_url(re.compile(r"hide\.reward="))
    page.reload()
    wait_until_drawn(page, REWARD)
    shown = (
        "card => card.querySelector('.js-plotly-plot').data.filter(trace => trace.visible === undefined || trace.visible === true).length"
    )
    eventually(lambda: card.evaluate(shown) == 2)  # one curve, raw and smoothed
    assert sum(map(len, drawn(page, REWARD).values())) < whole
    card.get_by_role("button", name="Reset zoom").click()
    eventually(lambda: sum(map(len, drawn(page, REWARD).values())) == whole)


def test_a_chart_is_a_table_and_a_file_too(page: Page, stack: Stack, finished: str) -> None:
    page.goto(f"{stack.url}/runs/{finished}")
    wait_until_drawn(page, REWARD)
    card = chart(page, REWARD)
    with page.expect_download() as download:
        choose(page, card, "Save numbers as CSV")
    assert download.value.suggested_filename == "to-be-looked-at_reward.csv"
    rows = list(csv.DictReader(Path(download.value.path()).read_text().splitlines()))
    held = stored(stack, finished, "reward")
    assert {(row["policy"], int(row["step"]), float(row["value"])) for row in rows} == {
        (key.policy, step, value) for key, points in held.items() if key.domain is None for step, value in points.items()
    }
    for kind in ("PNG", "SVG"):
        with page.expect_download() as download:
            choose(page, card, f"Save as {kind}")
        assert download.value.suggested_filename == f"to-be-looked-at_reward.{kind.lower()}"
        assert Path(download.value.path()).stat().st_size > 3_000
    choose(page, card, "Show as table")
    table = card.get_by_role("table")
    steps = [int(text) for text in table.get_by_role("rowheader").all_inner_texts()]
    assert steps == sorted({step for key, points in held.items() if key.domain is None for step in points}, reverse=True)
    page.set_viewport_size(PHONE)
    page.evaluate("scrollTo(0, 0)")  # else something may lie half under the header, too small to be hit there
    assert barriers(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_the_lowest_overlap_is_said_and_leads_to_its_step(page: Page, stack: Stack, finished: str) -> None:
    page.goto(f"{stack.url}/runs/{finished}")
    glance = page.get_by_role("region", name="At a glance")
    curves = {key: points for key, points in stored(stack, finished, "overlap").items() if key.domain is None}
    value, student, teacher, step = min(
        (value, key.policy, key.peer, step) for key, points in curves.items() for step, value in points.items()
    )
    expect(glance).to_contain_text(f"{value:.2f}")
    glance.get_by_role(
        "button",
        name=re.compile(rf"^(student {student} ← teacher {teacher}|{student} and {teacher}, which does not teach it), at step {step}$"),
    ).click()
    expect(page).to_have_url(re.compile(rf"at={step}\b"))


@pytest.mark.parametrize("height", [500, 800])
def test_a_menu_is_clear_of_the_header_and_whole_where_it_fits(page: Page, stack: Stack, finished: str, height: int) -> None:
    page.set_viewport_size({"width": 1440, "height": height})
    page.goto(f"{stack.url}/runs/{finished}")
    card = chart(page, REWARD)
    card.scroll_into_view_if_needed()
    wait_until_drawn(page, REWARD)
    button = card.get_by_role("button", name=re.compile("^Options"))
    for top in (100, height // 2, height - 80):
        button.evaluate("(button, top) => scrollBy(0, button.getBoundingClientRect().top - top)", top)
        button.click()
        menu = page.get_by_role("menu")
        box = menu.bounding_box()
        assert box
        assert box["y"] >= 56
        assert box["y"] + box["height"] <= height
        whole, seen = menu.evaluate("menu => [menu.scrollHeight, menu.clientHeight]")
        roomiest = max(top - 80, height - top - 60)
        assert seen == whole or whole > roomiest, f"at {top} of {height}: {whole - seen} pixels are out of sight"
        page.keyboard.press("Escape")


def test_small_numbers_have_exponents_that_the_policy_lets_through(page: Page, stack: Stack, finished: str) -> None:
    """Plotly would raise them with inline styles; the console then complains, and fails the test."""
    page.goto(f"{stack.url}/runs/{finished}?tab=system")
    card = page.get_by_role("region", name="What learning rate is each expert at?")
    card.scroll_into_view_if_needed()
    expect(card.locator(".ytick").nth(1)).to_be_visible()


def test_a_logarithmic_axis_comes_back_from_the_address(page: Page, stack: Stack, finished: str) -> None:
    question = "What learning rate is each expert at?"
    kind = "card => card.querySelector('.js-plotly-plot')._fullLayout.yaxis.type"
    page.goto(f"{stack.url}/runs/{finished}?tab=system")
    wait_until_drawn(page, question)
    card = chart(page, question)
    eventually(lambda: card.evaluate(kind) == "linear")
    choose(page, card, "Logarithmic scale")
    expect(page).to_have_url(re.compile(r"[?&]log=\w"))
    eventually(lambda: card.evaluate(kind) == "log")
    page.reload()
    wait_until_drawn(page, question)
    eventually(lambda: card.evaluate(kind) == "log")


def test_what_one_chart_is_hovered_at_the_others_show(page: Page, stack: Stack, finished: str) -> None:
    """The step is read back from where the line of another chart stands."""
    page.set_viewport_size({"width": 1440, "height": 2400})
    page.goto(f"{stack.url}/runs/{finished}")
    for question in STREAMED:
        wait_until_drawn(page, question)
    hovered = chart(page, REWARD)
    hovered.locator(".nsewdrag").hover()
    step = hovered.evaluate_handle("card => card.querySelector('.js-plotly-plot')")
    eventually(lambda: step.evaluate("plot => plot._hoverdata?.[0].x ?? null") is not None)
    at = step.evaluate("plot => plot._hoverdata[0].x")
    line = """card => {
      const [line, { xaxis }] = [card.querySelector("[class*=line][aria-hidden]"), card.querySelector(".js-plotly-plot")._fullLayout];
      return line && xaxis.p2d(parseFloat(line.style.left) - xaxis._offset);
    }"""
    for question in STREAMED:
        eventually(lambda question=question: chart(page, question).evaluate(line) == pytest.approx(at, abs=0.01))
    for question in STREAMED:
        expect(chart(page, question).get_by_text(re.compile(rf"^training steps: {at}$"))).to_be_visible()
    told = hovered.get_by_role("listitem", include_hidden=True).all_inner_texts()[1:]
    measured = {key.policy: points[at] for key, points in drawn(page, REWARD).items()}
    assert {policy: float(value) for policy, value in (re.findall(r"^(\w+) ([\d.]+), smoothed ", text)[0] for text in told)} == {
        policy: pytest.approx(value, abs=0.001) for policy, value in measured.items()
    }
    expect(hovered.locator(".hoverlayer .legend:visible")).to_have_count(0)
    page.mouse.move(0, 0)
    eventually(lambda: all(chart(page, question).evaluate(line) is None for question in STREAMED))


SIZE = "card => { const { width, height } = card.querySelector('.js-plotly-plot')._fullLayout; return [width, height]; }"


def large(page: Page, question: str) -> Locator:
    """The card while it fills the window."""
    return page.get_by_role("dialog", name=question)


def test_a_chart_is_enlarged_and_small_again_as_it_was(page: Page, stack: Stack, finished: str) -> None:
    page.goto(f"{stack.url}/runs/{finished}?zoom.reward=2~8")
    wait_until_drawn(page, REWARD)
    wait_until_loaded(page)
    card = chart(page, REWARD)
    before, top = card.evaluate(SIZE), page.evaluate("scrollY")
    page.evaluate("plot => window.plot = document.querySelector('#chart-reward .js-plotly-plot')")
    button = card.get_by_role("button", name=re.compile("^Enlarge"))
    button.click()
    expect(page).to_have_url(re.compile(r"[?&]large=reward\b"))
    eventually(lambda: [a > b for a, b in zip(large(page, REWARD).evaluate(SIZE), before, strict=True)] == [True, True])
    box = large(page, REWARD).bounding_box()
    assert box
    assert (box["x"], box["y"], box["height"]) == (0, 0, 900)
    assert page.evaluate("window.plot === document.querySelector('[role=dialog] .js-plotly-plot')")
    assert large(page, REWARD).evaluate("card => card.querySelector('.js-plotly-plot')._fullLayout.xaxis.range") == [2, 8]
    assert barriers(page) == []
    for _ in range(6):
        page.keyboard.press("Tab")
        assert large(page, REWARD).evaluate("card => card.contains(document.activeElement)")
    large(page, REWARD).get_by_role("button", name=re.compile("^Options")).click()
    expect(page.get_by_role("menu")).to_be_visible()
    page.keyboard.press("Escape")  # closes the menu alone
    expect(page.get_by_role("menu")).to_be_hidden()
    expect(large(page, REWARD)).to_be_visible()
    page.keyboard.press("Escape")
    eventually(lambda: card.evaluate(SIZE) == before)
    assert "large" not in page.url
    assert page.evaluate("scrollY") == top
    expect(button).to_be_focused()


@pytest.mark.parametrize("question", [REWARD, MATRIX])
def test_on_a_phone_a_chart_is_enlarged_from_its_menu_or_by_a_link(page: Page, stack: Stack, finished: str, question: str) -> None:
    page.set_viewport_size(PHONE)
    page.goto(f"{stack.url}/runs/{finished}")
    wait_until_drawn(page, question)
    card = chart(page, question)
    before = card.evaluate(SIZE)[1]
    expect(card.get_by_role("button", name=re.compile("^Enlarge"))).to_be_hidden()
    choose(page, card, "Enlarge")
    eventually(lambda: large(page, question).evaluate(SIZE)[1] > before)
    page.reload()
    expect(large(page, question).locator(".js-plotly-plot")).to_be_visible()
    eventually(lambda: large(page, question).evaluate(SIZE)[1] > before)
    assert barriers(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    large(page, question).get_by_role("button", name=re.compile("^Make it small again")).click()
    eventually(lambda: card.evaluate(SIZE)[1] == before)
    expect(card.get_by_role("button", name=re.compile("^Options"))).to_be_focused()


def test_a_finger_or_a_wheel_on_a_chart_scrolls_the_page(chromium: Browser, stack: Stack, finished: str) -> None:
    phone = chromium.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    name, value = session_of(stack)
    phone.add_cookies([{"name": name, "value": value, "url": stack.url}])
    page = phone.new_page()
    page.goto(f"{stack.url}/runs/{finished}")
    wait_until_drawn(page, REWARD)
    card = chart(page, REWARD)
    wait_until_loaded(page)
    plot = card.locator(".nsewdrag")
    plot.scroll_into_view_if_needed()
    box, before = plot.bounding_box(), page.evaluate("scrollY")
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.wheel(0, 60)
    page.wait_for_function("before => scrollY >= before + 50", arg=before)
    before = page.evaluate("scrollY")
    finger = phone.new_cdp_session(page)
    for moved in range(0, 101, 10):
        kind = "touchMove" if moved else "touchStart"
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y - moved}]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_function("before => scrollY >= before + 50", arg=before)
    assert "zoom" not in page.url
    phone.close()
