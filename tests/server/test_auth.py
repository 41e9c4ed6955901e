import stat
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from server import auth
from server.db.models import Token
from tests.server.api import SPEC, YAML, submit, token_of
from tests.server.backend import Backend

pytestmark = pytest.mark.integration
ORIGIN = {"origin": "http://127.0.0.1:8765"}
COOKIE = "copd_session_8765"


@pytest.fixture
def code(backend: Backend) -> str:
    return auth.issue_now(backend.settings, "code", None, auth.CODE_LIFETIME)


@pytest.fixture
def browser(visitor: TestClient, code: str) -> TestClient:
    """A client that signed in on the page."""
    assert visitor.post("/api/v1/session", json={"code": code}, headers=ORIGIN).status_code == 200
    return visitor


def test_the_secret_is_made_once_and_for_us_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    secret = auth.load_secret(home)
    assert auth.load_secret(home) == secret
    assert len(secret) == 32
    assert stat.S_IMODE((home / "secret").stat().st_mode) == 0o600
    assert [path.name for path in home.iterdir()] == ["secret"]


def test_one_value_is_never_good_for_two_kinds() -> None:
    assert auth.digest(b"key", "token", "value") != auth.digest(b"key", "session", "value")


def test_only_keyed_hashes_are_stored(backend: Backend, code: str) -> None:
    with backend.sessions() as db:
        token = db.scalars(select(Token)).one()
    assert code not in repr(vars(token))
    assert token.hash == auth.digest(auth.load_secret(backend.settings.home), "code", code)


def test_a_code_becomes_a_cookie_that_scripts_and_other_sites_cannot_use(visitor: TestClient, code: str) -> None:
    answer = visitor.post("/api/v1/session", json={"code": code}, headers=ORIGIN)
    assert answer.json()["user"] == "local"
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith(COOKIE)
    assert all(word in cookie for word in ("httponly", "samesite=strict", "path=/"))
    assert visitor.get("/api/v1/session").status_code == 200


def test_a_code_works_once(browser: TestClient, code: str) -> None:
    assert browser.post("/api/v1/session", json={"code": code}, headers=ORIGIN).status_code == 401


def test_an_old_code_is_refused(visitor: TestClient, backend: Backend) -> None:
    old = auth.issue_now(backend.settings, "code", None, timedelta(seconds=-1))
    answer = visitor.post("/api/v1/session", json={"code": old}, headers=ORIGIN)
    assert answer.status_code == 401
    assert "copd open" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/runs", "/runs/x", "/runs/x/events", "/runs/x/media/a.png", "/workers", "/openapi.json", "/session"])
def test_nothing_is_told_to_strangers(visitor: TestClient, path: str) -> None:
    answer = visitor.get(f"/api/v1{path}")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("given", ["Bearer wrong", "Basic YTpi", "Bearer", "bearer \x7f"])
def test_wrong_credentials_are_refused_even_beside_a_good_cookie(browser: TestClient, given: str) -> None:
    assert browser.get("/api/v1/runs", headers={"authorization": given}).status_code == 401


def test_a_token_needs_no_origin(api: TestClient) -> None:
    submit(api)


@pytest.mark.parametrize("origin", [{}, {"origin": "http://evil.example"}, {"origin": "http://127.0.0.1:9999"}, {"origin": "null"}])
def test_a_change_by_cookie_from_another_site_is_refused(browser: TestClient, origin: dict[str, str], backend: Backend) -> None:
    answer = browser.post("/api/v1/runs", content=SPEC, headers={**YAML, **origin})
    assert answer.status_code == 403
    assert backend.is_empty()


def test_a_change_by_cookie_from_the_page_is_done(browser: TestClient) -> None:
    assert browser.post("/api/v1/runs", content=SPEC, headers={**YAML, **ORIGIN}).status_code == 201


def test_a_login_from_another_site_is_refused_and_spends_no_code(visitor: TestClient, code: str) -> None:
    assert visitor.post("/api/v1/session", json={"code": code}, headers={"origin": "http://evil.example"}).status_code == 403
    assert visitor.post("/api/v1/session", json={"code": code}, headers=ORIGIN).status_code == 200


def test_signing_out_ends_the_session_on_the_server(browser: TestClient) -> None:
    value = browser.cookies[COOKIE]
    assert browser.delete("/api/v1/session", headers=ORIGIN).status_code == 204
    assert browser.get("/api/v1/session", headers={"cookie": f"{COOKIE}={value}"}).status_code == 401


def test_an_expired_or_revoked_token_is_refused(visitor: TestClient, backend: Backend) -> None:
    expired = token_of(backend, lifetime=timedelta(seconds=-1))
    revoked = token_of(backend)
    with backend.sessions.begin() as db:
        auth.revoke(db, auth.load_secret(backend.settings.home), "token", revoked)
    for value in (expired, revoked):
        assert visitor.get("/api/v1/runs", headers={"authorization": f"Bearer {value}"}).status_code == 401


def test_use_is_noted(api: TestClient, backend: Backend) -> None:
    api.get("/api/v1/runs")
    with backend.sessions() as db:
        assert db.scalars(select(Token)).one().used_at is not None
