"""Which stack a command talks to: $COPD_URL with $COPD_TOKEN, else the one of the home on this machine."""

from __future__ import annotations

import os

from client.api import Client
from client.stack.home import Home, StackInfo, default_home


class NoStackError(Exception):
    """There is nothing to talk to; the message says how to start it."""


CLI_RETRIES = 2
"""People wait at a command: a server that is away is said within a second."""


def connect() -> Client:
    """A client of the stack meant. Raises NoStackError."""
    url, token, certificate = address()
    return Client(url, token, retries=CLI_RETRIES, certificate=certificate)


def address(home: Home | None = None) -> tuple[str, str, str | None]:
    """URL and token of the stack meant, and its own certificate where it has one. `home`: another than the default. Raises NoStackError."""
    url, token = os.environ.get("COPD_URL"), os.environ.get("COPD_TOKEN")
    if url:
        if not token:
            raise NoStackError("COPD_URL is set but COPD_TOKEN is not; make one there with `copd token create`")
        return url, token, None
    home = home or Home(default_home())
    stack = running_stack(home)
    return stack.url, read_token(home), stack.certificate


def running_stack(home: Home) -> StackInfo:
    """The stack that runs in `home` now. Raises NoStackError."""
    try:
        info = home.read_stack()
        if info and home.is_running():
            return info
    except PermissionError:
        raise NoStackError(f"the stack in {home.root} belongs to another user; set COPD_URL and COPD_TOKEN") from None
    raise NoStackError(f"no stack is running in {home.root}; start it with `copd up`, or set COPD_URL and COPD_TOKEN")


def read_token(home: Home) -> str:
    try:
        return home.token_file.read_text().strip()
    except FileNotFoundError:
        raise NoStackError(f"{home.token_file} is missing; the stack is still starting, try again in a few seconds") from None
