"""Getting in: by a one-use link, and what one sees without."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.watching import Console, barriers, misfits
from tests.embedded import Stack

pytestmark = pytest.mark.browser


def test_without_a_session_the_page_says_how_to_get_one(stranger: Page, stack: Stack, console: Console) -> None:
    console.expect("status of 401")
    stranger.goto(f"{stack.url}/workers")
    expect(stranger.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(stranger.get_by_text("copd open", exact=True)).to_be_visible()
    assert misfits(stranger) == {}


def test_the_link_signs_in_once_keeps_the_page_and_leaves_no_code_behind(stranger: Page, stack: Stack, console: Console) -> None:
    link = stack.login_link("/workers")
    stranger.goto(link)
    expect(stranger.get_by_role("heading", name="Workers", exact=True)).to_be_visible()
    assert stranger.url == f"{stack.url}/workers"
    assert stranger.evaluate("document.cookie") == "", "scripts can read the session"

    console.expect("status of 40[13]")
    stranger.context.clear_cookies()
    stranger.goto("about:blank")
    stranger.goto(link)
    expect(stranger.get_by_role("alert")).to_contain_text("This link does not work")


def test_a_session_that_ends_shows_the_login_and_the_next_link_the_same_page(page: Page, stack: Stack, console: Console) -> None:
    page.get_by_role("link", name="Workers").click()
    console.expect("status of 401")
    page.context.clear_cookies()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto(stack.login_link("/workers"))
    expect(page.get_by_role("heading", name="Workers", exact=True)).to_be_visible()


def test_a_password_signs_in_after_a_wrong_one_was_refused(stranger: Page, stack: Stack, console: Console) -> None:
    stack.client.add_user("erin", "viewer", "a password to type")
    console.expect("status of 401")
    stranger.goto(f"{stack.url}/workers")
    stranger.get_by_label("User").fill("erin")
    stranger.get_by_label("Password", exact=True).fill("not the password")
    stranger.get_by_role("button", name="Sign in").click()
    expect(stranger.get_by_role("alert")).to_contain_text("user and password do not match")
    expect(stranger.get_by_label("Password", exact=True)).to_have_value("")
    assert barriers(stranger) == []
    stranger.get_by_label("Password", exact=True).fill("a password to type")
    stranger.get_by_label("Password", exact=True).press("Enter")
    expect(stranger.get_by_role("heading", name="Workers", exact=True)).to_be_visible()
    assert stranger.url == f"{stack.url}/workers"
    stack.client.change_user("erin", disabled=True)
    expect(stranger.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_viewer_sees_no_button_they_may_not_use_and_changes_their_password(stranger: Page, stack: Stack, console: Console) -> None:
    stack.client.add_user("frank", "viewer", "a password to change")
    console.expect("status of 4(01|22)")
    stranger.goto(f"{stack.url}/workers")
    stranger.get_by_label("User").fill("frank")
    stranger.get_by_label("Password", exact=True).fill("a password to change")
    stranger.get_by_role("button", name="Sign in").click()
    account = stranger.get_by_role("button", name="Account of frank")
    expect(account).to_be_visible()
    expect(stranger.get_by_role("link", name="New run")).to_have_count(0)
    account.click()
    form = stranger.get_by_role("form", name="Change your password")
    for current in ("not the password", "a password to change"):
        form.get_by_label("Current password").fill(current)
        form.get_by_label("New password").fill("another password")
        assert barriers(stranger) == []
        form.get_by_role("button", name="Change password").click()
        if current == "not the password":
            expect(form.get_by_role("alert")).to_contain_text("is not your password")
    expect(form).to_have_count(0)
    stack.client.change_user("frank", disabled=True)
