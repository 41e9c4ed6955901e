"""The command `copd` on a running stack, in this process: a process of its own takes longer to start than most commands to run."""

from __future__ import annotations

import io

import pytest

from client.cli import main
from tests.embedded import Stack


class Copd:
    """The command. Calling it returns what it printed; `given` is its standard input, `code` the exit status it must end with."""

    def __init__(self, stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys
        for name in ("COPD_URL", "COPD_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("COPD_HOME", str(stack.home.root))

    def __call__(self, *arguments: str, given: str = "", code: int = 0) -> str:
        self._monkeypatch.setattr("sys.argv", ["copd", *arguments])
        self._monkeypatch.setattr("sys.stdin", io.StringIO(given))
        with pytest.raises(SystemExit) as ended:
            main()
        printed = self._capsys.readouterr()
        assert (ended.value.code or 0) == code, printed.err
        return printed.out + printed.err
