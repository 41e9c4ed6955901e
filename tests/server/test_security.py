"""What every answer carries, and who is answered at all."""

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from server.api import page

pytestmark = pytest.mark.integration


@pytest.fixture
def built_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "app-1a2b.js").write_text("1")
    (tmp_path / "favicon.svg").write_text("<svg/>")
    (tmp_path / "index.html").write_text('<!doctype html><meta name="csp-nonce" content="__CSP_NONCE__">')
    monkeypatch.setattr(page, "static_folder", lambda: tmp_path)


@pytest.mark.usefixtures("built_page")
@pytest.mark.parametrize("path", ["/", "/runs/abc", "/index.html", "/runs/abc/weights"])
def test_the_page_comes_with_a_strict_policy_and_a_fresh_nonce(visitor: TestClient, path: str) -> None:
    first, second = visitor.get(path), visitor.get(path)
    nonces = [re.findall(r'content="([\w-]{20,})"', answer.text)[0] for answer in (first, second)]
    assert nonces[0] != nonces[1]
    policy = dict(part.split(" ", 1) for part in first.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["script-src"] == policy["connect-src"] == "'self'"
    assert policy["style-src"] == f"'self' 'nonce-{nonces[0]}' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
    assert policy["object-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["img-src"] == "'self' data: blob:"
    assert first.headers["cache-control"] == "no-store"


@pytest.mark.usefixtures("built_page")
def test_hashed_files_are_kept_and_others_asked_for_again(visitor: TestClient) -> None:
    asset = visitor.get("/assets/app-1a2b.js")
    assert "immutable" in asset.headers["cache-control"]
    assert "javascript" in asset.headers["content-type"]
    assert visitor.get("/favicon.svg").headers["cache-control"] == "no-cache"


@pytest.mark.usefixtures("built_page")
@pytest.mark.parametrize("path", ["/assets/gone.js", "/api/v2/runs", "/robots.txt", "/..%2f..%2fpyproject.toml", "/%00", "/a/%00.js"])
def test_what_is_not_there_is_not_the_page(visitor: TestClient, path: str) -> None:
    answer = visitor.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_page_that_was_not_built_says_so(visitor: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "static_folder", lambda: tmp_path)
    assert "make frontend" in visitor.get("/").json()["detail"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/api/v1/runs", "/api/v1/nothing", "/assets/none.js"])
def test_every_answer_carries_the_headers(visitor: TestClient, path: str) -> None:
    headers = visitor.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost", "LOCALHOST:99", "[::1]:8765"])
def test_own_names_are_answered_at_any_port(visitor: TestClient, host: str) -> None:
    assert visitor.get("/healthz", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "", "[::1", "evil.example:8765"])
def test_other_names_are_not_answered(visitor: TestClient, host: str) -> None:
    answer = visitor.get("/healthz", headers={"host": host})
    assert answer.status_code == 400
    assert "COPD_ALLOWED_HOSTS" in answer.json()["detail"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_health_says_the_process_lives_and_readiness_what_is_missing(visitor: TestClient) -> None:
    assert visitor.get("/healthz").json()["status"] == "ok"
    ready = visitor.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["checks"] == {"postgres": "ok", "redis": "ok", "scheduler": "no scheduler leads"}
