"""A walk over all commands of `copd`: each has help, prints JSON for scripts, ends with a documented code, and can be completed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from client.cli import app, main
from client.cli.exits import Exit
from tests.embedded import Stack


def commands_of(group: Any, words: str = "") -> Iterator[tuple[str, Any]]:
    """Every command below a group by its words: "list", "users add"."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands_of(command, f"{words}{name} ")
        else:
            yield words + name, command


COMMANDS = dict(commands_of(typer.main.get_command(app)))
STAY = {"up", "demo", "worker", "workers"}
"""They stay with what they start; there is nothing to print but how it goes."""
ALWAYS_JSON = {"recipe"}
NEEDS_NO_STACK = {"doctor", "backup", "restore"}
GIVEN = {
    "submit": [str(Path(__file__).parents[1] / "miniature.yaml")], "set": ["run", "rounds=2"], "rollback": ["run", "1"],
    "users add": ["ann", "--no-password"],
    "users disable": ["ann"], "users enable": ["ann"], "users role": ["ann", "viewer"], "token revoke": ["1"],
    "checkpoints pin": ["run", "text@1"], "checkpoints unpin": ["run", "text@1"],
    "webhooks add": ["https://example.org"], "webhooks remove": ["1"], "webhooks test": ["1"], "webhooks deliveries": ["1"],
    "webhooks again": ["1", "msg"],
}  # fmt: skip
DOCS = (Path(__file__).parents[2] / "docs" / "client.md").read_text()
MINIATURE = Path(__file__).parents[1] / "miniature.yaml"


@pytest.fixture(autouse=True)
def _no_stack(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COPD_HOME", str(tmp_path / "home"))
    for name in ("COPD_URL", "COPD_TOKEN"):
        monkeypatch.delenv(name, raising=False)


class Copd:
    """The command in this process; the answer is (exit code, standard output)."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *arguments: str) -> tuple[int, str]:
        self._monkeypatch.setattr("sys.argv", ["copd", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), self._capsys.readouterr().out


@pytest.fixture
def copd(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Copd:
    return Copd(monkeypatch, capsys)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_has_help(copd: Copd, name: str) -> None:
    code, out = copd(*name.split(), "--help")
    assert code == 0
    assert COMMANDS[name].help.partition("\n")[0].split()[0] in out


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - STAY - ALWAYS_JSON))
def test_each_prints_json_for_scripts(name: str) -> None:
    assert "--json" in [option for parameter in COMMANDS[name].params for option in parameter.opts]


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - STAY - NEEDS_NO_STACK - {"password", "users password"}))
def test_each_says_that_there_is_no_stack(copd: Copd, name: str) -> None:
    """But those that ask for a password first."""
    needs_run = any(parameter.name in ("run", "runs") for parameter in COMMANDS[name].params)
    code, out = copd(*name.split(), *GIVEN.get(name, ["run"] if needs_run else []))
    assert (code, out) == (Exit.unreachable, "")


@pytest.mark.parametrize("name", COMMANDS)
def test_each_refuses_what_it_does_not_know(copd: Copd, name: str) -> None:
    assert copd(*name.split(), "--no-such-option")[0] == Exit.wrong_input


def test_ctrl_c_is_told_apart(copd: Copd, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("client.cli.run_commands.connect", interrupted)
    assert copd("list")[0] == Exit.interrupted


@pytest.mark.parametrize("code", Exit)
def test_each_exit_code_is_documented(code: Exit) -> None:
    assert f"| {code.value} |" in DOCS


def complete(words: str, **variables: str) -> list[str]:
    """What bash would offer after these words."""
    environment = {**os.environ, "_COPD_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" ")), **variables}
    command = [sys.executable, "-c", "import sys; sys.argv[0] = 'copd'; from client.cli import main; main()"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout.split()


def test_commands_and_options_are_completed() -> None:
    assert complete("copd su") == ["submit"]
    assert "--json" in complete("copd list --")
    assert complete("copd show x") == [], "no stack, no names, no error"


@pytest.mark.integration
@pytest.mark.timeout(300)
def test_what_scripts_read_is_json(copd: Copd, stack: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COPD_HOME", str(stack.home.root))
    spec = tmp_path / "spec.yaml"
    spec.write_text(MINIATURE.read_text().replace("name: Miniature", "name: for-scripts", 1).replace("rounds: 2", "rounds: 1", 1))
    run = json.loads(copd("submit", str(spec), "--json")[1])["id"]
    assert run in [each["id"] for each in json.loads(copd("list", "--json")[1])]
    assert complete("copd show for-s", COPD_HOME=str(stack.home.root)) == ["for-scripts"]
    [edit] = json.loads(copd("set", run, "w.image.text=0.5", "--json")[1])
    assert (edit["path"], edit["value"]) == ("w.image.text", 0.5)
    assert json.loads(copd("pause", run, "--json")[1])["state"] in ("pausing", "paused")
    stack.wait_for(run, "paused")
    assert json.loads(copd("resume", run, "--json")[1])["state"] in ("queued", "running")
    code, lines = copd("watch", run, "--json")
    assert code == Exit.done
    assert {"ping", "points", "changed"} <= {json.loads(line)["event"] for line in lines.splitlines()}
    lines = json.loads(copd("log", run, "--json")[1])
    assert {line["actor"] for line in lines} >= {"local", "scheduler"}
    followed = copd("log", run, "--follow", "--level", "info", "--json", "-n", "2")[1].splitlines()
    assert [json.loads(line) for line in followed] == lines[-2:]
    exported = json.loads(copd("export", run, "-o", str(tmp_path / "m.zip"), "--json")[1])
    assert exported["bytes"] == (tmp_path / "m.zip").stat().st_size
    kept = json.loads(copd("checkpoints", "list", run, "--json")[1])
    assert json.loads(copd("checkpoints", "pin", run, f"{kept[0]['policy']}@{kept[0]['step']}", "--json")[1])["pinned_by"]
    sweep = json.loads(copd("checkpoints", "sweep", run, "--no-round-ends", "--dry-run", "--json")[1])
    assert len(sweep["removed"]) + len(sweep["kept"]) == len(kept)
    assert json.loads(copd("delete", run, "--dry-run", "--json")[1])["rows"]["runs"] == 1
    assert json.loads(copd("open", "--json")[1])["login"].startswith(stack.url)
    assert json.loads(copd("token", "create", "--json")[1])["value"]
    assert json.loads(copd("recipe", run)[1])["edits"][0]["path"] == "w.image.text"
    assert json.loads(copd("delete", run, "--yes", "--json")[1])["dry_run"] is False
    assert copd("show", run)[0] == Exit.not_found
