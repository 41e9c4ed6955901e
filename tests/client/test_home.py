"""Where a home lies and who may enter it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from client.stack.home import LONGEST_SOCKET_FOLDER, Home, HomeError, StackInfo, default_home

STACK = StackInfo("http://127.0.0.1:1", 1, 2, "postgresql+psycopg://", "unix://", "file:///", processes={"api": 3})


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_environment_names_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COPD_HOME", str(tmp_path / "here"))
    assert default_home() == tmp_path / "here"


def test_root_gets_a_home_that_other_users_can_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COPD_HOME", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_home() == Path("/var/lib/copd")


def test_users_get_a_home_in_their_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("COPD_HOME", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_home() == tmp_path / "copd"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_home() == tmp_path / ".local/share/copd"


def test_every_folder_is_closed_to_others(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.create()
    folders = (home.valkey, home.store, home.logs, home.postgres, home.postgres_socket, home.valkey_socket.parent)
    assert {mode(folder) for folder in folders} == {0o700}
    assert mode(home.root) == (0o711 if os.geteuid() == 0 else 0o700)


def test_existing_permissions_are_left_alone(tmp_path: Path) -> None:
    root = tmp_path / "home"
    root.mkdir(mode=0o755)
    root.chmod(0o755)
    parent = mode(tmp_path)
    Home(root).create()
    assert (mode(root), mode(tmp_path)) == (0o755, parent)


def test_a_long_path_gets_its_sockets_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/nowhere")
    short, long = Home(Path("/srv/copd")), Home(tmp_path / ("x" * 100))
    assert short.sockets == Path("/srv/copd/sockets")
    expected = Path("/tmp") if os.geteuid() == 0 else Path("/run/nowhere")
    assert long.sockets.parent == expected
    assert len(os.fsencode(long.sockets)) <= LONGEST_SOCKET_FOLDER
    assert long.sockets == Home(tmp_path / ("x" * 100)).sockets != Home(tmp_path / ("y" * 100)).sockets


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(HomeError, match="choose another COPD_HOME"):
        Home(tmp_path / "home").create()


def test_stack_file_is_private_and_reads_back(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.create()
    home.write_stack(STACK)
    assert mode(home.stack_file) == 0o600
    assert home.read_stack() == STACK
    assert not home.is_running()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"url": 1}'])
def test_a_broken_stack_file_counts_as_none(tmp_path: Path, content: str) -> None:
    home = Home(tmp_path / "home")
    home.create()
    home.stack_file.write_text(content)
    assert home.read_stack() is None
