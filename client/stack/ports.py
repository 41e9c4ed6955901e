"""Which port the page gets, and how to reach it from elsewhere."""

from __future__ import annotations

import getpass
import os
import socket
from urllib.parse import urlsplit

from client.stack.home import HomeError, StackInfo

DEFAULT_PORT = 8765
PORTS_TRIED = 100


def choose_port(host: str, wanted: int | None, last: StackInfo | None) -> int:
    """The wanted port, or the next free one. Wanted is: the option, else $COPD_PORT, else the port of the last time.

    Raises HomeError when none of the next PORTS_TRIED ports is free.
    """
    if wanted is None:
        wanted = _port_from_environment() or (last.port if last else DEFAULT_PORT)
    for port in range(wanted, min(wanted + PORTS_TRIED, 65536)):
        if _is_free(host, port):
            return port
    raise HomeError(f"no free port from {wanted} on; name another one with --port")


def page_url(host: str, port: int, scheme: str = "http") -> str:
    """Where this machine finds the page that is served on `host`."""
    if host in ("0.0.0.0", "::"):  # noqa: S104  # named, not bound here
        host = "127.0.0.1"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def ssh_forward(url: str) -> str | None:
    """Over SSH: the command to run on the own machine, so that the link works there. None otherwise."""
    connection = os.environ.get("SSH_CONNECTION", "").split()
    if len(connection) != 4:
        return None
    port = urlsplit(url).port
    return f"ssh -N -L {port}:127.0.0.1:{port} {getpass.getuser()}@{connection[2]}"


def _port_from_environment() -> int | None:
    given = os.environ.get("COPD_PORT", "")
    if not given:
        return None
    if not given.isdecimal() or not 0 < int(given) < 65536:
        raise HomeError(f"COPD_PORT must be a port from 1 to 65535, not '{given}'")
    return int(given)


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does; else a just closed port counts as taken
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True
