"""`copd users` and `copd token` on a running stack."""

from __future__ import annotations

import json

import pytest

from client.api import ApiError, Client
from tests.client.in_process import Copd
from tests.embedded import Stack, eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


@pytest.fixture
def copd(stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Copd:
    return Copd(stack, monkeypatch, capsys)


def test_a_token_is_made_listed_and_revoked(copd: Copd, stack: Stack) -> None:
    value = copd("token", "create", "--name", "a test", "--role", "viewer", "--days", "3").strip()
    with Client(stack.url, value) as client:
        client.runs()
        with pytest.raises(ApiError) as refused:
            client.create_run("name: x")
        assert refused.value.status == 403
        [listed] = [token for token in json.loads(copd("token", "list", "--json")) if token["name"] == "a test"]
        assert (listed["role"], listed["user"]) == ("viewer", "local")
        assert "a test" in copd("token", "list")
        copd("token", "revoke", str(listed["id"]))
        with pytest.raises(ApiError) as refused:
            client.runs()
        assert refused.value.status == 401


def test_a_user_is_added_changed_and_disabled(copd: Copd) -> None:
    assert copd("users", "add", "carol", "--role", "viewer", "--password-stdin", given="a long password\n") == "carol is viewer\n"
    assert "no terminal" in copd("users", "add", "dave", code=2)
    assert "already" in copd("users", "add", "carol", "--no-password", code=6)
    assert copd("users", "role", "carol", "operator") == "carol is operator\n"
    copd("users", "password", "carol", "--password-stdin", given="another password\n")
    copd("users", "disable", "carol")
    [carol] = [user for user in json.loads(copd("users", "list", "--json")) if user["name"] == "carol"]
    assert (carol["role"], carol["disabled"], carol["has_password"]) == ("operator", True, True)
    copd("users", "enable", "carol")
    assert "no admin would be left" in copd("users", "disable", "local", code=6)


def test_a_user_changes_their_own_password_only_where_there_is_one(copd: Copd) -> None:
    assert "you have no password" in copd("password", "--password-stdin", given="x\na long password\n", code=6)
    assert "no terminal" in copd("password", code=2)


def test_a_webhook_is_added_tested_and_removed(copd: Copd, stack: Stack) -> None:
    """Its message goes nowhere: the name cannot be resolved, and the scheduler says so."""
    made = json.loads(copd("webhooks", "add", "https://nowhere.invalid/x", "--event", "run.failed", "--json"))
    number = str(made["id"])
    assert (made["events"], made["secret"][:6]) == (["run.failed"], "whsec_")
    assert "nowhere.invalid" in copd("webhooks", "list")
    assert "internal address" in copd("webhooks", "add", "https://127.0.0.1", code=2)
    assert "run.completed" in copd("webhooks", "add", "https://example.org", "--event", "run.started", code=2)
    sent = json.loads(copd("webhooks", "test", number, "--json"))
    eventually(lambda: stack.client.webhook_deliveries(int(number))[0].error is not None)
    [delivery] = json.loads(copd("webhooks", "deliveries", number, "--json"))
    assert (delivery["id"], delivery["error"][:27]) == (sent["id"], "the name cannot be resolved")
    assert sent["id"] in copd("webhooks", "deliveries", number)
    assert sent["id"] in copd("webhooks", "again", number, sent["id"])
    assert copd("webhooks", "remove", number) == f"webhook {number} is removed\n"
    assert "no webhook" in copd("webhooks", "deliveries", number, code=3)
