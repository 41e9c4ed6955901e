"""Another host, as far as the network goes: a namespace with one cable to this one and no way anywhere else."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

SUBNET = "10.213.77"


@dataclass(frozen=True)
class Host:
    address: str
    """Of this host, as seen from there."""
    prefix: tuple[str, ...] = ()
    """What a command begins with that is to run there."""
    cable: str = ""
    """The end of the cable here."""

    @property
    def is_apart(self) -> bool:
        return bool(self.prefix)

    def reaches(self, address: str, port: int) -> bool:
        probe = f"import socket; socket.create_connection(({address!r}, {port}), 2)"
        return subprocess.run([*self.prefix, sys.executable, "-c", probe], capture_output=True, check=False).returncode == 0

    @contextlib.contextmanager
    def unplugged(self) -> Iterator[None]:
        """No packet comes through, and nobody is told: connections stay open on both sides."""
        _ip("link", "set", self.cable, "down").check_returncode()
        try:
            yield
        finally:
            _ip("link", "set", self.cable, "up").check_returncode()


@contextlib.contextmanager
def other_host() -> Iterator[Host]:
    """A network namespace; where this machine allows none (not Linux, not root, no `ip`), this very host."""
    name = f"copd-{os.getpid()}"
    if os.geteuid() != 0 or shutil.which("ip") is None or _ip("netns", "add", name).returncode != 0:
        yield Host("127.0.0.1")
        return
    here, there = f"copd{os.getpid() % 10**7}a", f"copd{os.getpid() % 10**7}b"  # an interface's name has 15 characters at most
    try:
        for command in (
            ("link", "add", here, "type", "veth", "peer", "name", there, "netns", name),
            ("addr", "add", f"{SUBNET}.1/24", "dev", here),
            ("link", "set", here, "up"),
            ("-n", name, "addr", "add", f"{SUBNET}.2/24", "dev", there),
            ("-n", name, "link", "set", there, "up"),
            ("-n", name, "link", "set", "lo", "up"),
        ):
            _ip(*command).check_returncode()
        yield Host(f"{SUBNET}.1", ("ip", "netns", "exec", name), here)
    finally:
        _ip("netns", "del", name)  # and with it both ends of the cable


def _ip(*command: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["ip", *command], capture_output=True, check=False)
