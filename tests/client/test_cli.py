"""The `copd` command as people meet it: clear one-line errors and exit codes. What it does to runs is tested on a stack."""

from __future__ import annotations

from pathlib import Path

import pytest

from client.cli import main
from client.cli.board import progress_line
from client.cli.edit_argument import EditError, parse_edits
from client.models import Progress
from client.words import duration


@pytest.fixture(autouse=True)
def _an_empty_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COPD_HOME", str(tmp_path / "home"))
    for name in ("COPD_URL", "COPD_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def copd(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["copd", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    "arguments", [["list"], ["show", "x"], ["pause", "x"], ["set", "x", "w.a.b=1"], ["export", "x"], ["open"], ["token", "list"]]
)
def test_without_a_stack_every_command_says_how_to_start_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert copd(monkeypatch, *arguments) == 4
    error = capsys.readouterr().err
    assert error.startswith("error: no stack is running in ")
    assert "copd up" in error
    assert error.count("\n") == 1


def test_a_url_needs_a_token(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COPD_URL", "http://127.0.0.1:1")
    assert copd(monkeypatch, "list") == 4
    assert "COPD_TOKEN is not" in capsys.readouterr().err


def test_a_server_that_is_away_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COPD_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("COPD_TOKEN", "x")
    assert copd(monkeypatch, "list") == 4
    assert "cannot reach http://127.0.0.1:1" in capsys.readouterr().err


def test_a_wrong_spec_is_refused_with_its_fields_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "spec.yaml").write_text("name: x\nrounds: 0\nunknown: 1\n")
    assert copd(monkeypatch, "submit", str(tmp_path / "spec.yaml")) == 2
    error = capsys.readouterr().err
    assert "rounds: " in error
    assert "unknown: unknown field" in error


@pytest.mark.parametrize("arguments", [["submit"], ["fly"], ["up", "--port", "0"], ["set", "x"], ["up", "--workers", "-1"]])
def test_wrong_usage_ends_with_2(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    assert copd(monkeypatch, *arguments) == 2


def test_a_missing_file_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert copd(monkeypatch, "submit", "nowhere.yaml") == 2
    assert "cannot read nowhere.yaml" in capsys.readouterr().err


def test_workers_for_elsewhere_need_to_know_where(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("COPD_REDIS_URL", "COPD_STORE_URL"):
        monkeypatch.delenv(name, raising=False)
    assert copd(monkeypatch, "workers") == 1
    assert "set COPD_REDIS_URL and COPD_STORE_URL" in capsys.readouterr().err


def test_edits_are_numbers_and_truth_values_where_they_read_as_such() -> None:
    assert parse_edits(["w.image.text=0.3", "rounds = 4", "optimizer.lr=1e-4", "opd.topology=full", "opd.adaptive.teach=true"]) == {
        "w.image.text": 0.3,
        "rounds": 4,
        "optimizer.lr": 1e-4,
        "opd.topology": "full",
        "opd.adaptive.teach": True,
    }


@pytest.mark.parametrize("argument", ["w.image.text", "=1", "w.a.b=", " =2"])
def test_what_is_not_path_equals_value_is_refused(argument: str) -> None:
    with pytest.raises(EditError, match=r"is not path=value, as in w\.image\.text=0\.3"):
        parse_edits([argument])


def test_a_path_is_edited_once() -> None:
    with pytest.raises(EditError, match="given twice"):
        parse_edits(["w.a.b=1", "w.a.b=2"])


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.6, "1 min 0 s"), (75, "1 min 15 s"), (3600, "1 h 0 min"), (5400, "1 h 30 min")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_progress_without_an_estimate() -> None:
    progress = Progress(round=1, rounds=6, phase="rlvr", steps=12, total_steps=360, eta_seconds=None)
    assert progress_line(progress) == "12/360 steps of all experts"
