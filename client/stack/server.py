"""How the processes of the server and the workers are started. They are known by their commands only, never imported."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Literal

from client.stack.process import Command
from client.stack.slots import Slot

# -P: a folder named "server" where the user happens to stand must not be taken for ours.
PYTHON = [sys.executable, "-P", "-m"]


class ServerCommandError(Exception):
    """A one-shot command of the server failed; the message is its last line."""


def server_command(name: Literal["api", "scheduler", "migrate"], environment: Mapping[str, str]) -> Command:
    return Command(name, [*PYTHON, "server", name], {**environment, "OMP_NUM_THREADS": "1"}, stop_seconds=6)


def worker_command(slot: Slot, environment: Mapping[str, str]) -> Command:
    return Command(slot.name, [*PYTHON, "worker"], {**environment, **slot.environment}, stop_seconds=20)


def login_code(environment: Mapping[str, str]) -> str:
    """A new one-use code for the login link. Raises ServerCommandError."""
    return _output(["login-code"], environment)


def new_token(name: str, environment: Mapping[str, str]) -> str:
    """A new API token. Raises ServerCommandError."""
    return _output(["token", "--name", name], environment)


def can_sign_in(environment: Mapping[str, str]) -> bool:
    """Whether there is a user with a password."""
    command = [*PYTHON, "server", "can-sign-in"]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, check=False, cwd="/").returncode == 0


def doctor(environment: Mapping[str, str]) -> str:
    """What the server's side finds of its set-up, as JSON. Raises ServerCommandError."""
    return _output(["doctor"], environment)


def _output(arguments: list[str], environment: Mapping[str, str]) -> str:
    command = [*PYTHON, "server", *arguments]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False, cwd="/")
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        reason = done.stderr.strip().splitlines() or ["it printed nothing"]
        raise ServerCommandError(f"`python -m server {arguments[0]}` failed: {reason[-1]}")
    return lines[-1]
