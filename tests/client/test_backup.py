"""A home in one file, taken while a run trains, and made a home again: the run goes on to the same end."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from client.stack.backup import BackupError, back_up, restore
from client.stack.home import Home
from copd_engine.local import LocalRun
from tests.embedded import eventually, running_stack, temporary_home
from tests.undisturbed import MINIATURE, assert_same

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


def copd(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-P", "-m", "client", *arguments], capture_output=True, text=True, check=False)


def quiet(line: str) -> None:
    del line


def test_a_run_goes_on_from_a_backup_taken_while_it_trained(tmp_path: Path, miniature: LocalRun) -> None:
    file = tmp_path / "copd.tar"
    with temporary_home() as home, running_stack(home, workers=1) as stack:
        run = stack.client.create_run(MINIATURE)
        eventually(lambda: stack.client.run(run.id).progress.steps >= 5, seconds=300)
        done = copd("backup", str(file), "--home", str(home.root))
        assert done.returncode == 0, done.stderr
        assert stack.client.run(run.id).state == "running"  # or this test shows nothing
        again = copd("backup", str(file), "--home", str(home.root))
        assert (again.returncode, again.stdout) == (1, "")
        assert "exists; choose another name" in again.stderr
    assert list(tmp_path.iterdir()) == [file]
    assert file.stat().st_mode & 0o777 == 0o600
    with temporary_home() as home:
        done = copd("restore", str(file), "--home", str(home.root))
        assert done.returncode == 0, done.stderr
        with running_stack(home, workers=1) as stack:
            stack.wait_for(run.id, "completed")
            assert_same(stack, run.id, miniature)
        with pytest.raises(BackupError, match=r"is not empty; choose another home"):
            restore(file, home, quiet)
        cold = tmp_path / "cold.tar"
        back_up(home, cold, quiet)  # with no stack running
        with tarfile.open(cold) as tar:
            names = tar.getnames()
    assert {"database.dump", "secret", "token"} <= set(names)
    assert names[-1] == "manifest.json"
    assert any(name.startswith("store/runs/") for name in names)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A file of the right form whose one member is not what the manifest says."""
    (tmp_path / "secret").write_text("other")
    (tmp_path / "manifest.json").write_text('{"sha256": {"secret": "00"}}')
    with tarfile.open(tmp_path / "small.tar", "w") as tar:
        tar.add(tmp_path / "secret", "secret")
        tar.add(tmp_path / "manifest.json", "manifest.json")
    return tmp_path / "small.tar"


@pytest.mark.parametrize(
    ("cut", "message"),
    [(None, "is damaged: secret is not what was saved"), (1024, "is cut off|is no backup of a home"), (100, "is no backup of a home")],
)
def test_a_damaged_file_leaves_nothing(small: Path, cut: int | None, message: str) -> None:
    if cut is not None:
        small.write_bytes(small.read_bytes()[:cut])
    with temporary_home() as home:
        with pytest.raises(BackupError, match=message):
            restore(small, home, quiet)
        assert not home.root.exists()


def test_no_home_no_backup(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="is no home of a stack"):
        back_up(Home(tmp_path / "nothing"), tmp_path / "file.tar", quiet)
    assert not (tmp_path / "file.tar").exists()
    with temporary_home() as home, pytest.raises(BackupError, match=r"file\.tar is no backup of a home"):
        restore(tmp_path / "file.tar", home, quiet)
