"""Signing in by a real provider on loopback: what is asked of it, what is believed, and what is told when it is not."""

from __future__ import annotations

import base64
import json
import threading
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from pydantic import SecretStr

from server import login_limit, oidc
from tests.server.api import ADDRESS
from tests.server.provider import CLIENT, SECRET, StandIn, new_key, sign
from tests.server.signing_in import BEGIN, SESSION, WAYS, Browser

pytestmark = pytest.mark.integration


def test_the_first_sign_in_makes_the_user_and_leads_back_to_the_page(browser: Browser) -> None:
    assert browser.client.get(WAYS).json() == {"single_sign_on": "Example", "problem": None}
    answer = browser.sign_in()
    assert (answer.status_code, answer.headers["location"]) == (303, "/workers")
    cookie = next(line.lower() for line in answer.headers.get_list("set-cookie") if line.startswith("copd_session"))
    assert all(word in cookie for word in ("httponly", "samesite=strict", "path=/"))
    session = browser.client.get(SESSION).json()
    assert (session["user"], session["role"]) == ("bob", "operator")
    browser.provider.person["preferred_username"] = "robert"
    browser.sign_in()
    assert browser.client.get(SESSION).json()["user"] == "bob", "the person is the subject, whatever the name"
    assert browser.audit() == [
        ("bob", "added the user bob, operator, at the first single sign-on"),
        ("bob", "signed in by single sign-on"),
        ("bob", "signed in by single sign-on"),
    ]


def test_the_provider_is_asked_with_what_proves_the_answer(browser: Browser) -> None:
    answer = browser.begin()
    asked = {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}
    assert asked["redirect_uri"] == f"{ADDRESS}/api/v1/session/oidc/callback"
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    cookie = answer.headers["set-cookie"]
    assert all(word in cookie.lower() for word in ("httponly", "samesite=lax", "path=/api/v1/session", "max-age=600"))
    assert SECRET not in answer.headers["location"] + cookie
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3


def unsigned(_key: RSAKey, claims: dict[str, Any]) -> str:
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({"alg": "none"}, claims))
    return f"{'.'.join(parts)}."


def by_public_key(key: RSAKey, claims: dict[str, Any]) -> str:
    """HS256 under what everybody knows."""
    shared = OctKey.import_key(base64.urlsafe_b64encode(key.as_pem(private=False)).decode())
    return jwt.encode({"alg": "HS256", "kid": key.kid}, claims, shared)


def by_secret(key: RSAKey, claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "HS256", "kid": key.kid}, claims, OctKey.import_key(SECRET * 2))


def by_another(key: RSAKey, claims: dict[str, Any]) -> str:
    other = new_key()
    return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, other)


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"claims": {"nonce": "another"}}, "nonce"),
        ({"claims": {"nonce": None}}, "nonce"),
        ({"claims": {"aud": "somebody-else"}}, "aud"),
        ({"claims": {"aud": [CLIENT, "other"]}}, "azp"),
        ({"claims": {"azp": "other"}}, "azp"),
        ({"claims": {"iss": "https://evil.example"}}, "iss"),
        ({"claims": {"exp": 1_000_000_000}}, "exp"),
        ({"claims": {"exp": None}}, "exp"),
        ({"claims": {"iat": 4_000_000_000}}, "future"),
        ({"claims": {"sub": None}}, "sub"),
        ({"claims": {"sub": ""}}, "sub"),
        ({"claims": {"sub": "a\x00"}}, "sub"),
        ({"claims": {"sub": "a" * 256}}, "sub"),
        ({"sign": unsigned}, "none"),
        ({"sign": by_public_key}, "HS256"),
        ({"sign": by_secret}, "HS256"),
        ({"sign": by_another}, "signature"),
        ({"sign": lambda _key, _claims: "a.b.c"}, "header"),
    ],
)
def test_a_token_that_proves_nothing_lets_nobody_in(browser: Browser, wrong: dict[str, Any], word: str) -> None:
    vars(browser.provider).update(wrong)
    assert browser.sign_in().headers["location"] == "/workers"
    problem = browser.problem()
    assert "cannot be believed" in problem
    assert word in problem
    assert browser.users() == []
    assert browser.audit() == [("somebody", "was refused at signing in by single sign-on")]


def test_an_answer_belongs_to_the_browser_that_asked_and_works_once(browser: Browser) -> None:
    back = browser.at_provider(browser.begin())
    ours = dict(browser.client.cookies)
    browser.client.cookies.clear()
    browser.client.get(back, follow_redirects=False)
    assert "begun in another browser" in browser.problem(), "somebody else's code in my browser"
    browser.begin()
    browser.client.get(back, follow_redirects=False)
    assert "begun in another browser" in browser.problem(), "the state of another attempt"
    browser.client.cookies.clear()
    browser.client.cookies.update(ours)
    browser.client.get(back, follow_redirects=False)
    assert browser.client.get(SESSION).status_code == 200
    browser.client.cookies.clear()
    browser.client.cookies.update(ours)
    browser.client.get(back, follow_redirects=False)
    assert "does not know this sign-in any more" in browser.problem()


@pytest.mark.parametrize("change", ["error=access_denied", "iss=https://evil.example&code=x", ""])
def test_an_answer_without_a_code_of_this_provider_is_no_login(browser: Browser, change: str) -> None:
    state = parse_qs(urlsplit(browser.begin().headers["location"]).query)["state"][0]
    browser.client.get(f"{BEGIN}/callback?state={state}&{change}", follow_redirects=False)
    assert ("another provider" if "iss" in change else "did not sign you in") in browser.problem()
    assert "/token" not in browser.provider.asked


def test_a_new_key_is_looked_for_once_and_an_old_one_is_gone(browser: Browser) -> None:
    browser.sign_in()
    old, browser.provider.key = browser.provider.key, new_key()
    browser.sign_in()
    assert browser.client.get(SESSION).status_code == 200
    assert browser.provider.asked.count("/keys") == 2
    browser.client.cookies.clear()
    browser.provider.keys, browser.provider.key = [browser.provider.key], old
    browser.sign_in()
    assert "cannot be believed" in browser.problem()
    assert browser.provider.asked.count("/keys") == 3


def test_a_provider_that_wants_the_secret_in_the_form_gets_it_there(browser: Browser) -> None:
    browser.provider.methods = ("client_secret_post",)
    browser.sign_in()
    assert browser.client.get(SESSION).json()["user"] == "bob"


# ---- what may not be


@pytest.mark.parametrize(
    "page", ["//evil.example", "/\\evil.example", "https://evil.example", "evil", "", "/a\nb", "/\t/evil.example", "/ü"]
)
def test_nobody_is_led_to_another_site(browser: Browser, page: str) -> None:
    answer = browser.begin(page)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "page")


def test_tries_are_limited_per_address(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login_limit, "PER_ADDRESS", 2)
    browser.provider.claims["groups"] = None
    for _ in range(2):
        browser.sign_in()
        assert "no role" in browser.problem()
    asked = len(browser.provider.asked)
    browser.sign_in()
    assert "too many tries" in browser.problem()
    assert browser.provider.asked[asked:] == ["/authorize"], "the provider is not asked for a token"


def test_success_is_no_try(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login_limit, "PER_ADDRESS", 1)
    for _ in range(3):
        browser.client.cookies.clear()
        browser.sign_in()
        assert browser.client.get(SESSION).status_code == 200


# ---- a provider that is away


def described(issuer: str, token_endpoint: str) -> bytes:
    whole = {"issuer": issuer, "authorization_endpoint": "https://e", "token_endpoint": token_endpoint, "jwks_uri": "https://e"}
    return json.dumps(whole).encode()


@pytest.mark.parametrize(
    ("path", "answer", "words"),
    [
        ("/.well-known/openid-configuration", (502, b"<html>"), "no JSON"),
        ("/.well-known/openid-configuration", (200, b"[]"), "not right"),
        ("/.well-known/openid-configuration", (200, described("https://evil.example", "https://e")), "calls itself https://evil.example"),
        ("/.well-known/openid-configuration", (200, described("x", "http://e")), "token_endpoint"),
        ("/token", (500, b"{}"), "answered 500"),
        ("/token", (200, b'{"id_token": 3}'), "no ID token"),
        ("/token", (200, b" " * 1_000_001), "too long"),
        ("/keys", (200, b'{"keys": 3}'), "keys cannot be read"),
        ("/keys", (404, b"{}"), "keys cannot be read"),
    ],
)  # fmt: skip
def test_a_provider_that_answers_nonsense_is_a_problem_and_no_error(
    browser: Browser, path: str, answer: tuple[int, bytes], words: str
) -> None:
    browser.provider.broken[path] = answer
    begun = browser.begin()
    assert begun.status_code == 303
    if path.startswith("/."):
        assert begun.headers["location"] == "/workers"
    else:
        browser.client.get(browser.at_provider(begun), follow_redirects=False)
    assert words in browser.problem()
    assert browser.users() == []


def test_a_provider_that_hangs_costs_seconds_once(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oidc, "SECONDS", 0.2)
    app: Any = browser.client.app
    slow = oidc.Provider(browser.provider.issuer, CLIENT, SecretStr(SECRET), "groups")
    app.state.services = replace(app.state.services, provider=slow)
    browser.provider.hang = threading.Event()
    for _ in range(3):
        assert browser.begin().headers["location"] == "/workers"
    browser.provider.hang.set()
    assert "cannot be reached right now" in browser.problem()
    assert len(browser.provider.asked) == 1, "right after a failure it is not asked again"
    slow.close()


def test_nobody_listens_there(browser: Browser) -> None:
    app: Any = browser.client.app
    away = oidc.Provider("http://127.0.0.1:9", CLIENT, SecretStr(SECRET), "groups")
    app.state.services = replace(app.state.services, provider=away)
    browser.begin()
    assert "cannot be reached right now (ConnectError)" in browser.problem()
    away.close()


def test_the_stand_in_is_as_strict_as_a_provider(listening: StandIn) -> None:
    assert listening.token({"code": "x", "code_verifier": ""}, "Basic " + base64.b64encode(b"copd:wrong").decode())[0] == 401
    assert jwt.decode(sign(listening.key, {"a": 1}), listening.key).claims == {"a": 1}
