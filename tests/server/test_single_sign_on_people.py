"""Whom of our users a person is who signs in by a provider, and with which role."""

from __future__ import annotations

from typing import Any

import pytest

from server import oidc
from server.commands.errors import NotFound, Refused
from server.commands.single_sign_on import link_user, valid_name
from server.db.models import User
from tests.server.api import sign_in
from tests.server.signing_in import SESSION, Browser

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("groups", "role"),
    [(["readers"], "viewer"), (["x", "chiefs", "readers"], "admin"), ("training", "operator"), ([1, "readers"], "viewer")],
)
def test_the_highest_role_of_the_claim_counts(browser: Browser, groups: Any, role: str) -> None:
    browser.provider.person["groups"] = groups
    browser.sign_in()
    assert browser.client.get(SESSION).json()["role"] == role


def test_a_name_with_dots_leads_into_the_claims() -> None:
    claims = {"realm_access": {"roles": ["a"]}, "https://example.org/roles": ["b"], "n": {"roles": 3}}
    names = ["realm_access.roles", "https://example.org/roles", "n.roles", "realm_access.roles.a", "none"]
    assert [set(oidc._values(claims, name)) for name in names] == [{"a"}, {"b"}, set(), set(), set()]


def test_the_role_is_set_anew_at_each_login(browser: Browser) -> None:
    browser.sign_in()
    browser.provider.person["groups"] = ["readers"]
    browser.sign_in()
    assert browser.client.get(SESSION).json()["role"] == "viewer"
    assert ("bob", "changed the role of bob: operator → viewer, as the provider says") in browser.audit()


@pytest.mark.parametrize("groups", [None, [], ["cooks"], {"training": True}])
def test_without_a_role_nobody_comes_in_and_no_user_is_made(browser: Browser, groups: Any) -> None:
    browser.provider.claims["groups"] = groups
    browser.sign_in()
    assert "gives you no role here" in browser.problem()
    assert browser.users() == []


def test_the_last_admin_is_not_demoted_by_the_provider(browser: Browser) -> None:
    browser.provider.person["groups"] = ["chiefs"]
    browser.sign_in()
    browser.client.cookies.clear()
    browser.provider.person["groups"] = ["readers"]
    browser.sign_in()
    assert "no admin would be left" in browser.problem()
    assert browser.users() == [("bob", "admin")]


def test_a_disabled_user_stays_out(browser: Browser) -> None:
    browser.sign_in()
    admin = sign_in(browser.client, browser.backend)
    assert admin.patch("/api/v1/users/bob", json={"disabled": True}).status_code == 200
    del browser.client.headers["authorization"]
    browser.sign_in()
    assert "'bob' is disabled here" in browser.problem()
    assert browser.audit()[-1] == ("bob", "was refused at signing in by single sign-on")


def test_a_user_of_the_same_name_is_not_taken_over_but_can_be_joined(browser: Browser) -> None:
    with browser.backend.sessions.begin() as db:
        db.add(User(name="bob", role="viewer"))
    browser.sign_in()
    assert "python -m server link-user --user bob --subject s-1" in browser.problem()
    assert browser.users() == [("bob", "viewer")]
    settings = browser.backend.settings.model_copy(update={"oidc_issuer": browser.provider.issuer})
    sign_in(browser.client, browser.backend)
    del browser.client.headers["authorization"]
    with pytest.raises(Refused, match="not set up here"):
        link_user(browser.backend.settings, "bob", "s-1")
    with pytest.raises(NotFound, match="no user 'rob'"):
        link_user(settings, "rob", "s-1")
    link_user(settings, "bob", "s-1")
    for name, subject, words in (("bob", "s-2", "signs in by single sign-on already"), ("ann", "s-1", "is the user 'bob' already")):
        with pytest.raises(Refused, match=words):
            link_user(settings, name, subject)
    browser.sign_in()
    assert browser.client.get(SESSION).json()["user"] == "bob"
    assert ("ann", "lets bob sign in by single sign-on") in browser.audit()


def test_two_people_of_one_name_are_two_users(browser: Browser) -> None:
    browser.sign_in()
    browser.provider.person = {"sub": "s-2", "email": "BOB", "groups": ["readers"]}
    browser.sign_in()
    assert browser.client.get(SESSION).json()["user"] == "bob-2"
    browser.provider.person = {"sub": "s-3", "preferred_username": "scheduler", "groups": ["readers"]}
    browser.sign_in()
    assert browser.users() == [("bob", "operator"), ("bob-2", "viewer"), ("scheduler-2", "viewer")]


@pytest.mark.parametrize(
    ("wished", "name"),
    [("Ann.B@Example.org", "ann.b@example.org"), ("../x", "x"), ("Zoë Q", "zo-q"), ("--", ""), ("王", ""), ("a" * 99, "a" * 64)],
)
def test_a_wished_name_becomes_a_valid_one(wished: str, name: str) -> None:
    assert valid_name(wished) == name
