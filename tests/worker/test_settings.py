"""Settings, the command line and the broker's address."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from worker.app import broker_url
from worker.settings import WorkerSettings

REQUIRED = {"COPD_REDIS_URL": "redis://localhost", "COPD_STORE_URL": "file:///tmp/store"}


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("COPD_") or name == "CUDA_VISIBLE_DEVICES"]:
        monkeypatch.delenv(name)
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)


def settings(monkeypatch: pytest.MonkeyPatch, **variables: str) -> WorkerSettings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return WorkerSettings()  # pyright: ignore[reportCallIssue]  # the fields come from the environment


@pytest.mark.parametrize(
    ("device", "visible", "expected"),
    [
        ("cpu", None, ""),
        ("cpu", "0,1", ""),
        ("", None, "0"),
        ("", "2,3", "2"),
        ("", "", None),
        ("cuda:1", None, "1"),
        ("cuda:1", "4,GPU-8f2a", "GPU-8f2a"),
    ],
)
def test_child_sees_its_own_device_only(monkeypatch: pytest.MonkeyPatch, device: str, visible: str | None, expected: str | None) -> None:
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    variables = settings(monkeypatch, COPD_DEVICE=device, COPD_WORKER_NAME="w").for_child()
    assert variables.get("CUDA_VISIBLE_DEVICES") == expected


def test_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    with pytest.raises(ValueError, match="no cuda:1"):
        settings(monkeypatch, COPD_DEVICE="cuda:1", COPD_WORKER_NAME="w").for_child()


def test_child_gets_its_threads_and_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = settings(monkeypatch, COPD_WORKER_THREADS="3", COPD_WORKER_NAME="w").for_child()
    assert (variables["OMP_NUM_THREADS"], variables["COPD_WORKER_NAME"]) == ("3", "w")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("COPD_WORKER_NAME", "a/b"),
        ("COPD_WORKER_THREADS", "0"),
        ("COPD_DEVICE", "tpu"),
        ("COPD_STALL_SECONDS", "0"),
        ("COPD_REDIS_URL", "http://localhost"),
        ("COPD_STORE_URL", "nowhere://bucket"),
    ],
)
def test_bad_setting_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    with pytest.raises(ValidationError) as caught:
        settings(monkeypatch, **{name: value})
    assert [error["loc"] for error in caught.value.errors()] == [(name.removeprefix("COPD_").lower(),)]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("redis://:secret@host:1/3", "redis://:secret@host:1/3"),
        ("unix:///run/valkey.sock", "redis+socket:///run/valkey.sock?virtual_host=0"),
        ("unix://:p%40w@/run/valkey.sock?db=2", "redis+socket://:p%40w@/run/valkey.sock?virtual_host=2"),
    ],
)
def test_broker_url_names_the_same_server(given: str, expected: str) -> None:
    assert broker_url(given) == expected


def test_command_explains_itself() -> None:
    done = _worker("--help")
    assert done.returncode == 0
    assert "COPD_REDIS_URL" in done.stdout


def test_command_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COPD_REDIS_URL")
    done = _worker()
    assert done.returncode == 2
    assert "COPD_REDIS_URL: Field required" in done.stderr
    assert "Traceback" not in done.stderr


def test_second_worker_of_a_name_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from worker.slot import Slot

    Slot(tmp_path, "taken").take()
    monkeypatch.setenv("COPD_HOME", str(tmp_path))
    monkeypatch.setenv("COPD_WORKER_NAME", "taken")
    done = _worker()
    assert done.returncode == 2
    assert "already runs here" in done.stderr


def test_parents_modules_need_no_torch() -> None:
    code = "import sys, worker.__main__, worker.celery_worker, worker.task; sys.exit(bool({'torch', 'transformers'} & {*sys.modules}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _worker(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-P", "-m", "worker", *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("allowed", ["1", "0"])
def test_the_child_is_offline_unless_the_hub_is_allowed(monkeypatch: pytest.MonkeyPatch, allowed: str) -> None:
    child = settings(monkeypatch, COPD_WORKER_NAME="w", COPD_ALLOW_HUB=allowed).for_child()
    assert child.get("HF_HUB_OFFLINE") == (None if allowed == "1" else "1")
