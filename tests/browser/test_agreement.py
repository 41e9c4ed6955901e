"""The Agreement tab of a finished run: what it says and draws is what PostgreSQL holds; every control is in the URL."""

from __future__ import annotations

import re
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from tests.browser.charts import MATRIX, Series, drawn
from tests.browser.watching import PHONE, misfits
from tests.embedded import Stack, eventually

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
STORED = """
SELECT s.policy, s.peer, s.domain, p.step, p.value FROM series s JOIN points p ON p.series_id = s.id
WHERE s.run_id = %s AND s.name = %s ORDER BY p.value, p.step
"""


def test_the_tab_says_when_overlap_was_lowest_and_draws_every_measure_of_a_pair(page: Page, stack: Stack, finished: str) -> None:
    with stack.database() as db:
        overlaps = db.execute(STORED, [finished, "overlap"]).fetchall()
        divergences = db.execute(STORED, [finished, "jsd"]).fetchall()
    means = [row for row in overlaps if not row[2]]
    student, teacher, _, step, value = means[0]
    page.goto(f"{stack.url}/runs/{finished}?tab=agreement")
    lowest = page.get_by_text("Lowest overlap so far").locator("..")
    expect(lowest).to_contain_text(f"{value:.2f}")
    expect(lowest).to_contain_text(re.compile(rf"{student}.*{teacher}"))
    lowest.get_by_role("button", name=f"at step {step}").click()
    expect(page).to_have_url(re.compile(rf"pair={student}%2C{teacher}"))

    steps = sorted({row[3] for row in means})
    links = page.get_by_role("link", name=re.compile(r"^step \d+ ?: mean"))
    expect(links).to_have_count(len(steps))
    expect(page.get_by_role("link", name=re.compile(f"^step {step} ?: .* min$"))).to_have_attribute("aria-current", "step")
    links.first.click()
    expect(page).to_have_url(re.compile(rf"at={steps[0]}\b"))
    heat = page.get_by_role("region", name=MATRIX)
    expect(heat.locator("output")).to_have_text(f"Step {steps[0]}")
    page.get_by_role("tab", name="Overview").click()  # the step follows, and says that it is not the newest
    heat.get_by_role("button", name="Back to newest").click()
    expect(heat.locator("output")).to_have_text(f"Step {steps[-1]} newest")
    page.get_by_role("tab", name="Agreement").click()
    expect(heat.locator("output")).to_have_text(f"Step {steps[-1]} newest")

    page.get_by_role("combobox", name="Student").select_option("text")
    page.get_by_role("combobox", name="Teacher").select_option("image")
    question = "How far apart are text and image on the whole?"
    wanted: dict[Series, dict[int, float]] = {}
    for policy, peer, domain, at, number in divergences:
        if (policy, peer) == ("text", "image"):
            wanted.setdefault(Series("jsd", policy, peer, domain or None), {})[at] = number
    assert len(wanted) == 4, "the mean and three domains"
    expect(page.get_by_role("region", name=question)).to_be_visible()
    eventually(lambda: drawn(page, question) == wanted)
    page.get_by_role("button", name="Swap").click()
    expect(page.get_by_role("region", name="How far apart are image and text on the whole?")).to_be_visible()
    page.reload()
    expect(page.get_by_role("combobox", name="Student")).to_have_value("image")

    page.get_by_role("combobox", name="Prompts of").select_option("video")
    row = next(row for row in overlaps if row[2] == "video")
    expect(page.get_by_role("link", name=re.compile(rf"lowest {row[4]:.2f}.* min$"))).to_be_visible()


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_the_matrix_plays_its_steps_once_asked(page: Page, stack: Stack, finished: str, motion: Literal["reduce", "no-preference"]) -> None:
    query = "SELECT DISTINCT step FROM series JOIN points ON series_id = id WHERE run_id = %s AND name = 'overlap' ORDER BY step"
    first, *_, last = stack.column(query, finished)
    page.emulate_media(reduced_motion=motion)
    page.goto(f"{stack.url}/runs/{finished}?at={first}")
    matrix = page.get_by_role("region", name=MATRIX)
    matrix.scroll_into_view_if_needed()
    expect(matrix.locator("output")).to_have_text(f"Step {first}")
    matrix.get_by_role("button", name="Play the steps").click()
    expect(matrix.get_by_role("button", name="Stop")).to_be_visible()
    expect(matrix.locator("output")).to_have_text(f"Step {last} newest")
    expect(matrix.get_by_role("button", name="Play the steps")).to_be_visible()


def test_what_distillation_brought_is_told_in_numbers(page: Page, stack: Stack, finished: str) -> None:
    with stack.database() as db:
        divergences = db.execute(STORED, [finished, "kl_student_teacher"]).fetchall()
    before, after = (next(v for p, q, d, s, v in divergences if (p, q, d, s) == ("image", "text", "text", step)) for step in (20, 26))
    page.goto(f"{stack.url}/runs/{finished}?tab=agreement")
    table = page.get_by_role("region", name="What each OPD phase brought, in numbers")
    row = table.get_by_role("row").filter(has_text=re.compile(r"image.*with.*text"))
    expect(row).to_contain_text(f"{before:.3f} → {after:.3f}")
    expect(table.get_by_role("row")).to_have_count(1 + 4)
    chart = page.get_by_role("region", name="What did each expert take over from its teachers?")
    chart.scroll_into_view_if_needed()
    expect(chart.get_by_role("img", name=re.compile(r"In round 1, \d of 4 edges drew nearer"))).to_be_visible()


def test_the_tab_is_open_to_everybody_and_fits(page: Page, stack: Stack, finished: str) -> None:
    page.set_viewport_size(PHONE)
    page.goto(f"{stack.url}/runs/{finished}?tab=agreement")
    expect(page.get_by_role("region", name="What each OPD phase brought, in numbers")).to_be_visible()
    assert misfits(page) == {}
