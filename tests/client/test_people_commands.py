"""`copd users` and `copd token`, the real commands on a running stack."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from client.api import ApiError, Client
from tests.embedded import Stack, eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


def copd(stack: Stack, *arguments: str, given: str = "", code: int = 0) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COPD_")}
    environment["COPD_HOME"] = str(stack.home.root)
    command = [sys.executable, "-P", "-m", "client", *arguments]
    done = subprocess.run(command, input=given, capture_output=True, text=True, env=environment, cwd="/")
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def test_a_token_is_made_listed_and_revoked(stack: Stack) -> None:
    value = copd(stack, "token", "create", "--name", "a test", "--role", "viewer", "--days", "3").strip()
    with Client(stack.url, value) as client:
        client.runs()
        with pytest.raises(ApiError) as refused:
            client.create_run("name: x")
        assert refused.value.status == 403
        [listed] = [token for token in json.loads(copd(stack, "token", "list", "--json")) if token["name"] == "a test"]
        assert (listed["role"], listed["user"]) == ("viewer", "local")
        assert "a test" in copd(stack, "token", "list")
        copd(stack, "token", "revoke", str(listed["id"]))
        with pytest.raises(ApiError) as refused:
            client.runs()
        assert refused.value.status == 401


def test_a_user_is_added_changed_and_disabled(stack: Stack) -> None:
    assert copd(stack, "users", "add", "carol", "--role", "viewer", "--password-stdin", given="a long password\n") == "carol is viewer\n"
    assert "no terminal" in copd(stack, "users", "add", "dave", code=2)
    assert "already" in copd(stack, "users", "add", "carol", "--no-password", code=6)
    assert copd(stack, "users", "role", "carol", "operator") == "carol is operator\n"
    copd(stack, "users", "password", "carol", "--password-stdin", given="another password\n")
    copd(stack, "users", "disable", "carol")
    [carol] = [user for user in json.loads(copd(stack, "users", "list", "--json")) if user["name"] == "carol"]
    assert (carol["role"], carol["disabled"], carol["has_password"]) == ("operator", True, True)
    copd(stack, "users", "enable", "carol")
    assert "no admin would be left" in copd(stack, "users", "disable", "local", code=6)


def test_a_user_changes_their_own_password_only_where_there_is_one(stack: Stack) -> None:
    assert "you have no password" in copd(stack, "password", "--password-stdin", given="x\na long password\n", code=6)
    assert "no terminal" in copd(stack, "password", code=2)


def test_a_webhook_is_added_tested_and_removed(stack: Stack) -> None:
    """Its message goes nowhere: the name cannot be resolved, and the scheduler says so."""
    made = json.loads(copd(stack, "webhooks", "add", "https://nowhere.invalid/x", "--event", "run.failed", "--json"))
    number = str(made["id"])
    assert (made["events"], made["secret"][:6]) == (["run.failed"], "whsec_")
    assert "nowhere.invalid" in copd(stack, "webhooks", "list")
    assert "internal address" in copd(stack, "webhooks", "add", "https://127.0.0.1", code=2)
    assert "run.completed" in copd(stack, "webhooks", "add", "https://example.org", "--event", "run.started", code=2)
    sent = json.loads(copd(stack, "webhooks", "test", number, "--json"))
    eventually(lambda: stack.client.webhook_deliveries(int(number))[0].error is not None)
    [delivery] = json.loads(copd(stack, "webhooks", "deliveries", number, "--json"))
    assert (delivery["id"], delivery["error"][:27]) == (sent["id"], "the name cannot be resolved")
    assert sent["id"] in copd(stack, "webhooks", "deliveries", number)
    assert sent["id"] in copd(stack, "webhooks", "again", number, sent["id"])
    assert copd(stack, "webhooks", "remove", number) == f"webhook {number} is removed\n"
    assert "no webhook" in copd(stack, "webhooks", "deliveries", number, code=3)
