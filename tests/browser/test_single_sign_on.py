"""Through the page to a provider on another site and back: in a real browser the strict session cookie is there when the page asks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, expect

from tests.browser.watching import Console, barriers
from tests.embedded import Stack
from tests.server.api_process import api_process
from tests.server.provider import CLIENT, SECRET, StandIn, providing

pytestmark = pytest.mark.browser


@contextmanager
def second_server(stack: Stack, provider: StandIn) -> Iterator[str]:
    """One more API process of the stack, which knows the provider."""
    known = {
        "ISSUER": provider.issuer,
        "CLIENT_ID": CLIENT,
        "CLIENT_SECRET": SECRET,
        "ROLES": '{"training": "operator"}',
        "NAME": "Example",
    }
    variables = {**stack.environment, **{f"COPD_OIDC_{name}": value for name, value in known.items()}}
    del variables["COPD_PORT"]
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("COPD_")}  # of tests before, in this process
    try:
        with api_process(variables) as (_, client):
            yield str(client.base_url).rstrip("/")
    finally:
        os.environ.update(kept)


def test_a_refusal_is_told_and_then_the_provider_leads_back_to_the_page(stranger: Page, stack: Stack, console: Console) -> None:
    console.expect("status of 401")
    with providing("localhost") as provider, second_server(stack, provider) as url:  # localhost and 127.0.0.1 are two sites
        provider.person |= {"preferred_username": "grace", "groups": []}
        stranger.goto(f"{url}/workers?q=a b")
        button = stranger.get_by_role("link", name="Continue with Example")
        button.click()
        expect(stranger.get_by_role("alert")).to_contain_text("gives you no role here")
        assert barriers(stranger) == []
        provider.person["groups"] = ["training"]
        button.click()
        expect(stranger.get_by_role("button", name="Account of grace")).to_be_visible()
        expect(stranger.get_by_role("heading", name="Workers", level=1)).to_be_visible()
        assert stranger.url == f"{url}/workers?q=a%20b"
        assert stranger.evaluate("document.cookie") == "", "scripts can read the session"
        stack.client.change_user("grace", disabled=True)
        expect(button).to_be_visible()
        button.click()
        expect(stranger.get_by_role("alert")).to_contain_text("'grace' is disabled here")
        stranger.goto("about:blank")
