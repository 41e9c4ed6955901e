"""Single sign-on as it is set up, and the notes that the browser carries for it."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import ValidationError

from server.safe_url import is_safe
from server.sealed import seal, unseal
from server.settings import Settings

pytestmark = pytest.mark.integration
BEGIN, WAYS = (f"/api/v1/session{path}" for path in ("/oidc", "/ways"))


def test_without_settings_there_is_none(visitor: TestClient) -> None:
    assert visitor.get(WAYS).json() == {"single_sign_on": None, "problem": None}
    for path in (BEGIN, f"{BEGIN}/callback"):
        assert visitor.get(path, follow_redirects=False).status_code == 404


WHOLE: dict[str, Any] = {
    "oidc_issuer": "https://login.example.org", "oidc_client_id": "copd", "oidc_client_secret": "hidden", "oidc_roles": {"a": "viewer"},
}  # fmt: skip


def configured(**values: Any) -> Settings:
    return Settings(database_url="postgresql+psycopg://", redis_url="redis://", store_url="memory://", **values)


@pytest.mark.parametrize("missing", WHOLE)
def test_half_a_set_up_is_an_error_that_names_the_rest_and_no_secret(missing: str) -> None:
    with pytest.raises(ValidationError, match=f"COPD_{missing.upper()} must be set too") as caught:
        configured(**{name: value for name, value in WHOLE.items() if name != missing})
    assert "hidden" not in str(caught.value)
    assert "hidden" not in repr(configured(**WHOLE))


@pytest.mark.parametrize(
    "issuer", ["http://login.example.org", "login", "https://a.example/?x", "https://u:p@a.example", "ftp://localhost"]
)
def test_an_issuer_is_https_or_on_loopback(issuer: str) -> None:
    with pytest.raises(ValidationError, match="COPD_OIDC_ISSUER must be a URL"):
        configured(**{**WHOLE, "oidc_issuer": issuer})
    assert is_safe("http://127.0.0.1:9/x")
    assert is_safe("http://[::1]:9")
    assert not is_safe("http://127.0.0.1.evil.example")


def test_a_sealed_note_is_ours_of_its_kind_and_young() -> None:
    note = {"state": "é"}
    sealed = seal(b"key", "attempt", note, 60)
    assert unseal(b"key", "attempt", sealed) == note
    others = [unseal(b"other", "attempt", sealed), unseal(b"key", "problem", sealed), unseal(b"key", "attempt", "x" + sealed)]
    old = unseal(b"key", "attempt", seal(b"key", "attempt", note, -1))
    assert [*others, old, unseal(b"key", "attempt", ""), unseal(b"key", "attempt", "é.é")] == [None] * 6
