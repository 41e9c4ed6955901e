"""Writing a spec on the page: the server's word in place, nothing lost, nothing started twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from copd_engine.spec import parse_spec
from tests.browser.new_run import editor, paste, problems
from tests.browser.specs import short
from tests.browser.watching import PHONE, Console, barriers
from tests.embedded import Stack

pytestmark = pytest.mark.browser
EXAMPLE = Path(__file__).parents[2] / "examples/three-experts.yaml"


def test_a_template_is_there_at_once_with_its_plan(page: Page) -> None:
    page.get_by_role("link", name="New run").click()
    expect(editor(page)).to_contain_text("Three experts")
    rounds = parse_spec(EXAMPLE.read_text()).rounds
    expect(page.get_by_role("img", name=f"The plan: {rounds} rounds")).to_be_visible()
    assert barriers(page) == []


def test_a_wrong_field_is_shown_where_it_stands(page: Page, stack: Stack) -> None:
    page.goto(f"{stack.url}/new")
    paste(page, short("Wrong").replace("video: {domain: video}", "video: {domain: films}").replace("group: 2", "group: 1"))
    expect(problems(page)).to_have_text(["rlvr.group · line 17Input should be greater than or equal to 2 (given: 1)"])
    expect(page.locator(".cm-wrongLine")).to_have_text(["rlvr: {steps: 20, prompts: 2, group: 1}"])

    before = stack.client.runs().total
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("status").filter(has_text="Not started. rlvr.group")).to_be_attached()
    assert stack.client.runs().total == before

    page.keyboard.type("2")  # the cursor is at the field that is wrong, with its value selected
    expect(problems(page)).to_contain_text(["unknown domain 'films'; domains are image, text, video"])
    problems(page).click()
    page.keyboard.type("video")
    expect(page.get_by_role("img", name="The plan: 1 round;")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_problems_are_reachable_for_everybody(page: Page, stack: Stack, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size(PHONE)
    page.goto(f"{stack.url}/new")
    page.get_by_role("tab", name="YAML").click()
    paste(page, "name: [1\nrounds: 2")
    expect(problems(page)).to_contain_text(["not valid YAML: line 2"])
    assert barriers(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], "the page scrolls sideways"


def test_what_was_written_survives_a_reload_and_can_be_discarded(page: Page, stack: Stack) -> None:
    page.goto(f"{stack.url}/new?template=independent-experts")
    paste(page, short("Unsaved"))
    page.reload()
    expect(editor(page)).to_contain_text("name: Unsaved")
    page.get_by_role("button", name="Discard changes").click()
    expect(editor(page)).to_contain_text("name: Independent experts")


def test_a_spec_too_large_is_refused_in_words(page: Page, stack: Stack, console: Console) -> None:
    console.expect("status of 413")
    page.goto(f"{stack.url}/new")
    expect(editor(page)).to_be_visible()
    page.evaluate("sessionStorage.setItem('copd:draft:template:three-experts', '# padding\\n'.repeat(120000))")
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("the body is larger than 1,000,000 bytes")


def test_an_answer_lost_on_the_way_starts_no_second_run(page: Page, stack: Stack, console: Console) -> None:
    """The first submission reaches the server, its answer does not reach the page; trying again leads to the same run."""
    console.expect("net::ERR_FAILED")
    keys: list[str | None] = []

    def lose_the_answer(route: Route) -> None:
        keys.append(route.request.headers.get("idempotency-key"))
        if len(keys) == 1:
            route.fetch()
            route.abort()
        else:
            route.continue_()

    page.route("**/api/v1/runs", lose_the_answer)
    page.goto(f"{stack.url}/new")
    paste(page, short("Once"))
    page.get_by_role("button", name="Start run").click()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", name="Once")).to_be_visible()
    assert len(set(keys)) == 1
    with stack.database() as db:
        assert db.execute("SELECT count(*) FROM runs WHERE name = 'Once'").fetchone() == (1,)


def test_a_run_can_be_run_again_with_changes(page: Page, stack: Stack) -> None:
    first = stack.client.create_run(short("Earlier"))
    page.goto(f"{stack.url}/new?from={first.id}")
    expect(editor(page)).to_contain_text("# Written by a browser test.")
    expect(editor(page)).to_contain_text("name: Earlier")
    expect(page.get_by_role("combobox", name="Start from")).to_have_value("Run: Earlier")
