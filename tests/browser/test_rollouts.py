"""The tab of rollouts on a real run: found, filtered, read token by token, and a held-out prompt followed through training."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect

from tests.browser.specs import short
from tests.browser.watching import DESKTOP, PHONE, misfits, wait_until_loaded
from tests.embedded import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def read(stack: Stack) -> str:
    """The id of a completed run of which much was kept."""
    run = stack.client.create_run(f"{short('To be read')}rollouts: {{every: 4}}\n")
    stack.wait_for(run.id, "completed")
    return run.id


def opened(page: Page, stack: Stack, run: str, query: str = "") -> None:
    page.goto(f"{stack.url}/runs/{run}?tab=rollouts{query}")
    page.get_by_role("heading", level=1).wait_for()
    wait_until_loaded(page)


def items(page: Page) -> Locator:
    return page.get_by_role("list", name="Rollouts").get_by_role("button")


def rows(stack: Stack, run: str, where: str = "true", order: str = "step DESC, id DESC") -> list[Any]:
    with stack.database() as database:
        statement = f"SELECT id, policy, step, reward_mean FROM rollouts WHERE run_id = %s AND {where} ORDER BY {order}"
        return database.execute(statement.encode(), (run,)).fetchall()


def test_every_view_is_open_to_everybody_and_fits(page: Page, stack: Stack, read: str) -> None:
    heldout = rows(stack, read, "part = 'heldout'")[0][0]
    found: dict[str, dict[str, list[str]]] = {}
    for query in ("", "&sort=worst", f"&rollout={heldout}", "&view=follow", "&policy=text&from=900"):
        opened(page, stack, read, query)
        if query.startswith("&rollout"):
            page.get_by_role("listbox").first.focus()
            page.keyboard.press("ArrowRight")
            expect(page.get_by_role("tooltip")).to_be_visible()
        if wrong := misfits(page):
            found[query] = wrong
    assert found == {}


def test_the_worst_is_one_click_away_and_says_why(page: Page, stack: Stack, read: str) -> None:
    opened(page, stack, read)
    page.get_by_role("radiogroup", name="Order").get_by_text("Worst first").click()
    expect(page).to_have_url(re.compile("sort=worst"))
    id_, policy, step, _ = rows(stack, read, order="reward_mean, size DESC, id DESC")[0]
    expect(items(page).first).to_have_attribute("data-rollout", str(id_))
    detail = page.get_by_role("article", name="Rollout")
    expect(detail.get_by_role("heading", level=2)).to_have_text(re.compile(f"{policy}.*step {step}"))
    whole = stack.client.rollout(read, id_)
    worst = min(whole.completions, key=lambda completion: completion.reward)
    expect(detail.get_by_text(worst.reason, exact=True).first).to_be_visible()
    expect(detail.get_by_text(whole.answer, exact=True)).to_be_visible()
    page.reload()  # the URL is the view
    expect(items(page).first).to_have_attribute("data-rollout", str(id_))


def test_filters_leave_what_the_tables_have(page: Page, stack: Stack, read: str) -> None:
    opened(page, stack, read)
    total = page.get_by_role("region", name="Which rollouts").get_by_text(re.compile(r"^\d+ kept$"))
    expect(total).to_have_text(f"{len(rows(stack, read))} kept")
    page.get_by_role("combobox", name="Policy").click()
    page.get_by_role("option", name="image").click()
    page.get_by_role("combobox", name="Kind").click()
    page.get_by_role("option", name="RLVR").click()
    page.get_by_label("From step").fill("5")
    page.get_by_label("To step").fill("16")
    wanted = rows(stack, read, "policy = 'image' AND part = 'native' AND step BETWEEN 5 AND 16")
    assert [row[2] for row in wanted] == [16, 12, 8]
    expect(items(page)).to_have_count(3)
    assert [item.get_attribute("data-rollout") for item in items(page).all()] == [str(row[0]) for row in wanted]
    page.get_by_role("combobox", name="Reward").click()
    page.get_by_role("option", name="Reward 1", exact=True).click()
    full = [row for row in wanted if row[3] >= 1]
    expect(items(page)).to_have_count(len(full))
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(total).to_have_text(f"{len(rows(stack, read))} kept")


def test_tokens_are_read_by_keyboard_and_by_pointer(page: Page, stack: Stack, read: str) -> None:
    [(id_, *_), *_] = rows(stack, read, "part = 'cross' AND policy = 'image'")
    [completion] = stack.client.rollout(read, id_).completions
    assert "".join(token.text for token in completion.tokens) == completion.text
    opened(page, stack, read, f"&rollout={id_}")
    tokens, card = page.get_by_role("listbox", name="Tokens of Completion"), page.get_by_role("tooltip")
    expect(tokens.get_by_role("option")).to_have_count(len(completion.tokens))
    tokens.focus()
    page.keyboard.press("End")
    last = completion.tokens[-1]
    expect(card.get_by_role("list")).to_have_count(2)
    for side, top in enumerate((last.top, last.teachers["text"].top)):
        texts = [each.text.replace(" ", "␣").replace("\n", "⏎") for each in top]
        assert [code.text_content() for code in card.get_by_role("list").nth(side).locator("code").all()] == texts
    gap = f"{last.teachers['text'].gap:+.2f}".replace("-", "−").replace("+0.00", "0.00").replace("−0.00", "0.00")
    expect(card).to_contain_text(f"gap {gap} nats")
    page.keyboard.press("Escape")
    expect(card).to_have_count(0)
    tokens.get_by_role("option").first.hover()
    expect(card).to_be_visible()
    tokens.get_by_role("option").first.click()  # held
    page.mouse.move(0, 0)
    expect(card).to_be_visible()
    page.keyboard.press("Escape")  # it may lie over what is clicked next
    page.get_by_role("textbox", name="Colour tokens by").or_(page.get_by_role("combobox", name="Colour tokens by")).click()
    page.get_by_role("option", name="How unlikely it was").click()
    expect(page).to_have_url(re.compile("colour=alone"))
    expect(page.get_by_text("surprising,")).to_be_visible()


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_the_card_of_a_token_lies_inside_the_viewport(page: Page, stack: Stack, read: str, size: ViewportSize) -> None:
    page.set_viewport_size(size)
    newest = rows(stack, read, "part = 'native'")[0][0]
    opened(page, stack, read, f"&rollout={newest}")
    tokens, card = page.get_by_role("listbox").last, page.get_by_role("tooltip")
    tokens.evaluate("tokens => tokens.scrollIntoView({ block: 'end' })")
    tokens.get_by_role("option").last.click()
    box = card.bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= size["width"]
    assert box["y"] + box["height"] <= size["height"]
    page.keyboard.press("Home")
    expect(tokens.get_by_role("option").first).to_be_in_viewport()
    expect(card).to_be_in_viewport(ratio=1)


def test_experts_stand_beside_each_other_and_a_prompt_is_followed(page: Page, stack: Stack, read: str) -> None:
    [(id_, _, step, _), *_] = rows(stack, read, "part = 'heldout' AND policy = 'text' AND domain = 'image'")
    opened(page, stack, read, f"&rollout={id_}")
    detail = page.get_by_role("article", name="Rollout")
    for policy in ("text", "image", "video"):
        expect(detail.get_by_role("region", name=policy, exact=True)).to_be_visible()
    picture = detail.get_by_role("img", name="Shown with the prompt, image")
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
    detail.get_by_role("button", name="Follow this prompt").click()
    history = stack.client.probe_history(read, "image", 0)
    table = page.get_by_role("table")
    expect(table.get_by_role("columnheader", name="In all")).to_be_visible()
    header = [cell.text_content() for cell in table.get_by_role("columnheader").all()]
    assert header == ["Policy", *map(str, history.steps), "In all"]
    for row in table.get_by_role("row").all()[1:]:
        policy = row.get_by_role("rowheader").text_content()
        marks = [cell.text_content() or "" for cell in row.get_by_role("cell").all()][:-1]
        rewards = {answer.step: answer.reward for answer in history.answers if answer.policy == policy}
        words = {None: "not asked", 1.0: "right", 0.0: "wrong"}
        assert marks == [words[rewards.get(each)] for each in history.steps]
    merged = next(answer for answer in history.answers if (answer.policy, answer.step) == ("merged", history.steps[-1]))
    expect(page.get_by_role("region", name="merged").locator("code")).to_have_text(merged.completion or "(nothing)")
    page.get_by_role("button", name="Step before").click()
    expect(page).to_have_url(re.compile(f"step={history.steps[-2]}"))
    page.get_by_role("button", name="Step after").click()
    page.get_by_role("region", name="text", exact=True).get_by_role("button", name="A sampled answer, token by token").click()
    newest = rows(stack, read, "part = 'heldout' AND policy = 'text' AND domain = 'image'")[0]
    expect(page).to_have_url(re.compile(f"rollout={newest[0]}"))
    assert newest[2] == step == history.steps[-1]


def test_on_a_phone_list_and_rollout_take_turns(page: Page, stack: Stack, read: str) -> None:
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    opened(page, stack, read)
    second = items(page).nth(1)
    second.click()
    expect(page.get_by_role("article", name="Rollout")).to_be_focused()
    expect(items(page)).to_have_count(0)
    page.get_by_role("button", name="All rollouts").click()
    expect(second).to_be_focused()


def test_a_run_that_keeps_none_says_so(page: Page, stack: Stack) -> None:
    run = stack.client.create_run(f"{short('Keeps none')}rollouts: {{every: 0}}\n")
    opened(page, stack, run.id)
    expect(page.get_by_text("This run keeps no rollouts: its spec says rollouts.every: 0.")).to_be_visible()
    stack.client.command(run.id, "cancel")
