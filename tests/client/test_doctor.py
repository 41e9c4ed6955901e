"""`copd doctor` on this machine: what it says of the home, the disk, the GPUs and the way in."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from client import Client, doctor
from client.cli import main
from client.models import Check
from client.stack.home import Home
from tests.client.scripted import as_json, scripted
from tests.embedded import Stack


def test_a_home_that_is_not_there_yet_is_no_fault(tmp_path: Path) -> None:
    assert doctor.home_folder(Home(tmp_path / "new")).state == "warn"


@pytest.mark.parametrize("secret", ["token", "secret"])
def test_secrets_that_others_can_read_are_a_fault(tmp_path: Path, secret: str) -> None:
    (tmp_path / secret).write_text("x")
    (tmp_path / secret).chmod(0o644)
    check = doctor.home_folder(Home(tmp_path))
    assert (check.state, f"chmod 600 {tmp_path / secret}" in check.message) == ("fail", True)
    (tmp_path / secret).chmod(0o600)
    assert doctor.home_folder(Home(tmp_path)).state == "ok"


@pytest.mark.parametrize(("gigabytes", "state"), [(0.5, "fail"), (5, "warn"), (50, "ok")])
def test_free_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gigabytes: float, state: str) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=round(gigabytes * 2**30))
    monkeypatch.setattr("client.doctor.shutil.disk_usage", lambda _: usage)
    assert doctor.free_space(Home(tmp_path / "not" / "yet")).state == state


@pytest.mark.parametrize(("driver", "torch", "state"), [(0, 0, "ok"), (2, 2, "ok"), (2, 1, "warn"), (2, 0, "fail"), (0, 1, "ok")])
def test_gpus_of_the_driver_and_of_torch(driver: int, torch: int, state: str) -> None:
    assert doctor.gpus(driver, torch).state == state


@pytest.mark.parametrize(("status", "failed"), [(401, "token"), (500, "API")])
def test_a_token_that_is_not_valid_and_a_server_that_is_broken(status: int, failed: str) -> None:
    with scripted(lambda _: as_json({"detail": "no"}, status)) as server, Client(server.url, "x") as client:
        assert [check.name for check in doctor.access(client) if check.state == "fail"] == [failed]


def run_doctor(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    monkeypatch.setattr("sys.argv", ["copd", "doctor", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0), capsys.readouterr().out


def test_without_a_stack_it_says_how_to_start_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name in ("COPD_URL", "COPD_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("client.doctor.torch_and_gpus", lambda: iter(()))
    code, out = run_doctor(monkeypatch, capsys, "--home", str(tmp_path / "none"))
    assert code == 1
    assert "fail stack: no stack is running" in out


@pytest.mark.integration
@pytest.mark.timeout(300)
def test_a_stack_that_works_has_no_fault(stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("COPD_URL", "COPD_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    code, out = run_doctor(monkeypatch, capsys, "--home", str(stack.home.root), "--json")
    found: list[dict[str, Any]] = json.loads(out)
    checks = {check.name: check for check in map(Check.model_validate, found)}
    assert [check for check in checks.values() if check.state == "fail"] == []
    assert {"Python", "torch", "home", "disk", "API", "token", "PostgreSQL", "Redis", "tables", "scheduler", "workers"} <= checks.keys()
    assert code == 0
