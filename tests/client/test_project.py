"""The lock fits the project file, and set-up refuses in time."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text().splitlines()
PINS: dict[str, str] = {canonicalize_name(name): version for name, version in (line.split("==") for line in LOCK)}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_lock_is_plain_pins_and_names_no_host() -> None:
    assert [line for line in LOCK if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line)] == []


@pytest.mark.parametrize("dependency", [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]])
def test_every_dependency_is_locked_within_its_range(dependency: str) -> None:
    requirement = Requirement(dependency)
    assert requirement.specifier.contains(PINS[canonicalize_name(requirement.name)])


def test_torch_and_torchvision_are_the_pair_that_works_together() -> None:
    assert (PINS["torch"], PINS["torchvision"]) == ("2.14.1", "0.29.1")


def setup_says(code: str) -> str:
    """Runs a line in scripts/setup.py and returns what it refused with."""
    script = f"import sys; sys.path.insert(0, {str(ROOT / 'scripts')!r}); import setup; {code}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    return done.stdout + done.stderr


def test_setup_refuses_before_fetching_when_the_disk_is_too_small() -> None:
    said = setup_says("import shutil; shutil.disk_usage = lambda _: type('', (), {'free': 1e9}); setup.announce(['torch==2.14.1'])")
    assert "To fetch: 1 Python packages, about 0.6 GB" in said
    assert "1.0 GB free" in said
    assert "error: not enough room" in said


def test_setup_names_the_python_it_needs() -> None:
    said = setup_says("setup.sys.version_info = (3, 10); setup.main()")
    assert "Python 3.11 or newer is needed" in said
