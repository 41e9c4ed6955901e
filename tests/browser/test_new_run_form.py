"""Writing a spec without writing YAML: the form and the text follow each other, and clones and forks land here with what differs."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Locator, Page, expect

from copd_engine.spec import parse_spec
from tests.browser.new_run import editor, paste, problems
from tests.browser.specs import TEMPLATE, short
from tests.browser.watching import misfits
from tests.embedded import Stack

pytestmark = pytest.mark.browser
EXAMPLE = Path(__file__).parents[2] / "examples/three-experts.yaml"
FOCUSED = "() => document.activeElement?.labels?.[0]?.innerText.trim() || document.activeElement?.getAttribute('aria-label') || ''"


def section(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name="Form").get_by_role("group", name=name, exact=True)


def field(page: Page, of: str, name: str) -> Locator:
    return section(page, of).get_by_role("textbox", name=name, exact=True)


def tab_to(page: Page, label: str) -> None:
    """Presses Tab until the control of that name has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED) == label:
            return
    raise AssertionError(f"Tab never comes to {label}")


@pytest.fixture(scope="module")
def two_rounds(stack: Stack) -> str:
    """The id of a completed run with a cut to go on from."""
    run = stack.client.create_run(TEMPLATE.format(name="To be forked", rounds=2, rlvr=2, opd=3))
    stack.wait_for(run.id, "completed")
    return run.id


def test_a_run_is_written_in_the_form_by_keyboard_alone(page: Page, stack: Stack) -> None:
    page.goto(f"{stack.url}/new")
    expect(editor(page)).to_contain_text("Three experts")
    page.get_by_role("searchbox", name="Search fields").focus()
    tab_to(page, "Name")
    page.keyboard.press("Control+A")
    page.keyboard.type("By keyboard: 1")
    tab_to(page, "Method")
    page.keyboard.type("experts")
    tab_to(page, "Seed")
    page.keyboard.press("Control+A")
    page.keyboard.type("7")
    tab_to(page, "Group")
    page.keyboard.press("ArrowDown")
    page.get_by_role("button", name="Optimizer").press("Enter")
    tab_to(page, "Learning rate")
    page.keyboard.press("Control+A")
    page.keyboard.type("3e-4")
    expect(editor(page)).to_contain_text("lr: 3e-4")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", name="By keyboard: 1")).to_be_visible()

    run = stack.client.run(page.url.rpartition("/")[2])
    wanted = parse_spec(EXAMPLE.read_text()).model_dump(mode="json")
    wanted |= {"name": "By keyboard: 1", "method": "experts", "seed": 7}
    wanted["rlvr"]["group"] = 7
    wanted["optimizer"]["lr"] = 3e-4
    assert run.spec == wanted
    comments = [line.partition("#")[2] for line in EXAMPLE.read_text().splitlines() if "#" in line]
    assert [line.partition("#")[2] for line in run.source.splitlines() if "#" in line] == comments


def test_the_form_follows_the_text_and_the_text_the_form(page: Page, stack: Stack) -> None:
    page.goto(f"{stack.url}/new")
    paste(page, short("From text").replace("group: 2}", "group: 5} # mine"))
    group = field(page, "RLVR, phase I", "Group")
    expect(group).to_have_value("5")
    group.fill("6")
    expect(editor(page)).to_contain_text("group: 6")
    expect(editor(page)).to_contain_text("# mine")
    expect(editor(page)).to_contain_text("# Written by a browser test.")

    page.get_by_label("Name of domain image").fill("pictures")
    page.get_by_label("Name of domain image").press("Enter")
    expect(editor(page)).to_contain_text("image: {domain: pictures}")
    section(page, "Experts").get_by_role("button", name="Remove expert video").click()
    expect(editor(page)).not_to_contain_text("video: {domain: video}")

    page.get_by_role("checkbox", name="Only what I changed").check()
    expect(field(page, "RLVR, phase I", "Group")).to_be_visible()
    expect(section(page, "Compute")).to_have_count(0)
    page.get_by_role("checkbox", name="Only what I changed").uncheck()
    page.get_by_role("searchbox", name="Search fields").fill("micro")
    expect(field(page, "Compute", "Micro batch")).to_be_visible()
    expect(section(page, "RLVR, phase I")).to_have_count(0)
    page.get_by_role("searchbox", name="Search fields").fill("")
    section(page, "RLVR, phase I").get_by_role("button", name="Reset Group to its default").click()
    expect(editor(page)).not_to_contain_text("group:")

    paste(page, "name: [1\nrounds: 2")
    expect(page.get_by_role("region", name="Form")).to_contain_text("Mend it in the editor")


def test_a_wrong_field_is_told_in_the_form_and_in_the_text(page: Page, stack: Stack) -> None:
    page.goto(f"{stack.url}/new")
    expect(editor(page)).to_contain_text("Three experts")
    group = field(page, "RLVR, phase I", "Group")
    group.fill("1")
    message = "Input should be greater than or equal to 2 (given: 1)"
    expect(section(page, "RLVR, phase I")).to_contain_text(message)
    expect(group).to_have_attribute("aria-invalid", "true")
    expect(group).to_have_accessible_description("Rollouts per prompt (G); 2 to 1,024 " + message)
    expect(page.locator(".cm-problem")).to_have_text(f"rlvr.group: {message}")
    expect(problems(page)).to_contain_text([message])
    page.get_by_role("textbox", name="Name", exact=True).press("Control+Enter")
    expect(page.get_by_role("status").filter(has_text="Not started. rlvr.group")).to_be_attached()
    expect(group).to_be_focused()
    section(page, "Optimizer").get_by_role("button", name="Optimizer").click()
    field(page, "Optimizer", "Learning rate").fill("fast")
    expect(section(page, "Optimizer")).to_contain_text("Input should be a valid number")


def test_a_dry_run_says_what_it_will_take(page: Page, stack: Stack, finished: str) -> None:
    assert finished
    page.goto(f"{stack.url}/new")
    plan = page.get_by_role("region", name="Plan", exact=True)
    expect(plan).to_contain_text("1.1 M")
    plan.get_by_text("estimates: what they are from").click()
    expect(plan).to_contain_text("Parameters are counted from the headers of its safetensors files.")
    expect(plan).to_contain_text("Time is from the speed of")


def test_a_clone_has_the_edits_or_not(page: Page, stack: Stack) -> None:
    run = stack.client.create_run(short("Edited"))
    stack.client.edit(run.id, {"w.image.text": 0.25})
    page.goto(f"{stack.url}/new?from={run.id}")
    expect(editor(page)).to_contain_text("w: {image: {text: 0.25}}")
    expect(editor(page)).to_contain_text("# Written by a browser test.")
    page.get_by_role("button", name="Take it as it was submitted").click()
    expect(editor(page)).not_to_contain_text("0.25")
    field(page, "Run", "Rounds").fill("2")
    changes = page.get_by_role("region", name="Changes from Edited")
    expect(changes).to_contain_text("rounds1 → 2")
    changes.get_by_role("button", name="Show the lines").click()
    expect(page.get_by_role("region", name="Changed lines")).to_contain_text("+ rounds: 2")


def test_a_fork_goes_on_from_a_rounds_end_with_a_changed_weight(page: Page, stack: Stack, two_rounds: str) -> None:
    page.goto(f"{stack.url}/new?fork={two_rounds}&round=1")
    plan = page.get_by_role("region", name="Plan", exact=True)
    expect(plan).to_contain_text("Keeps 1 of 2 rounds: 5 steps of each expert. Trains 1 round more: 5 steps of each expert.")
    weight = page.get_by_label("image ← text", exact=True)
    weight.fill("-1")
    expect(plan).to_contain_text("w.image.text")
    weight.fill("0.3")
    page.reload()
    expect(weight).to_have_value("0.3")
    expect(page.get_by_role("region", name="Changes from To be forked")).to_contain_text("w.image.textdefault → 0.3")
    page.get_by_role("textbox", name="Name", exact=True).fill("Forked here")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", name="Forked here")).to_be_visible()
    made = stack.client.run(page.url.rpartition("/")[2])
    assert [(edit.path, edit.value) for edit in made.edits] == [("w.image.text", 0.3)]
    with stack.database() as db:
        assert db.execute("SELECT forked_from, forked_round FROM runs WHERE id = %s", (made.id,)).fetchone() == (two_rounds, 1)


def test_everybody_can_write_a_run_anywhere(page: Page, stack: Stack, two_rounds: str) -> None:
    found: dict[str, dict[str, list[str]]] = {}
    for address in ("/new", f"/new?from={two_rounds}", f"/new?fork={two_rounds}&round=1"):
        page.goto(stack.url + address)
        expect(page.get_by_role("img", name="The plan:")).to_be_visible()
        if "fork" not in address:
            expect(editor(page)).to_be_visible()
        if wrong := misfits(page):
            found[address] = wrong
    assert found == {}


CONTRAST = r"""box => {
  const linear = c => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const light = colour => {
    const [red, green, blue] = colour.match(/[\d.]+/g).map(each => linear(each / 255));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05;
  };
  const { borderTopColor, backgroundColor } = getComputedStyle(box);
  const both = [light(borderTopColor), light(backgroundColor)];
  return Math.max(...both) / Math.min(...both);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_empty_checkbox_is_told_from_a_grey_square(page: Page, stack: Stack, scheme: Literal["light", "dark"]) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{stack.url}/new")
    box = page.get_by_role("checkbox", name="Only what I changed")
    expect(box).to_be_visible()
    within = page.get_by_role("region", name="Form").get_by_role("group", name="Run", exact=True)
    assert box.evaluate(CONTRAST) >= 3
    assert box.evaluate("box => getComputedStyle(box).backgroundColor") == within.evaluate("part => getComputedStyle(part).backgroundColor")
