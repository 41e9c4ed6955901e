"""Another host, as far as the network goes: a namespace with one cable to a socket of this one, and no way anywhere else.

The cable's end on this side lies in a namespace of its own too: a browser that runs on this machine ends what it is loading whenever an
interface or an address of the machine comes or goes.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Final

HERE, THERE = "10.213.77.1", "10.213.77.2"
CLONE_NEWNET: Final = 0x40000000
MOST_CONNECTIONS: Final = 100


@dataclass(frozen=True)
class Host:
    address: str
    """Of this host, as seen from there."""
    prefix: tuple[str, ...] = ()
    """What a command begins with that is to run there."""
    socket: str = ""
    """The namespace that the cable leads to."""

    @property
    def is_apart(self) -> bool:
        return bool(self.prefix)

    def reaches(self, address: str, port: int) -> bool:
        probe = f"import socket; socket.create_connection(({address!r}, {port}), 2)"
        return subprocess.run([*self.prefix, sys.executable, "-c", probe], capture_output=True, check=False).returncode == 0

    @contextlib.contextmanager
    def unplugged(self) -> Iterator[None]:
        """No packet comes through, and nobody is told: connections stay open on both sides."""
        _ip("-n", self.socket, "link", "set", "cable", "down").check_returncode()
        try:
            yield
        finally:
            _ip("-n", self.socket, "link", "set", "cable", "up").check_returncode()

    @contextlib.contextmanager
    def served(self, *ports: int) -> Iterator[None]:
        """These ports of this host's loopback are reached from there, at `address`."""
        with contextlib.ExitStack() as ending:
            for port in ports if self.is_apart else ():
                listener = ending.enter_context(_listening_in(self.socket, port))
                relay = Thread(target=_relay, args=(listener, port))
                relay.start()
                ending.callback(relay.join)
                ending.callback(listener.shutdown, socket.SHUT_RDWR)
            yield


@contextlib.contextmanager
def other_host() -> Iterator[Host]:
    """A network namespace; where this machine allows none (not Linux, not root, no `ip`), this very host."""
    here, there = f"copd-{os.getpid()}-here", f"copd-{os.getpid()}-there"
    if os.geteuid() != 0 or shutil.which("ip") is None or _ip("netns", "add", here).returncode != 0:
        yield Host("127.0.0.1")
        return
    try:
        for command in (
            ("netns", "add", there),
            ("-n", here, "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", there),
            ("-n", here, "addr", "add", f"{HERE}/24", "dev", "cable"),
            ("-n", here, "link", "set", "cable", "up"),
            ("-n", there, "addr", "add", f"{THERE}/24", "dev", "cable"),
            ("-n", there, "link", "set", "cable", "up"),
            ("-n", there, "link", "set", "lo", "up"),
        ):
            _ip(*command).check_returncode()
        yield Host(HERE, ("ip", "netns", "exec", there), here)
    finally:
        for name in (here, there):
            _ip("netns", "del", name)  # and with them both ends of the cable


def _ip(*command: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["ip", *command], capture_output=True, check=False)


def _listening_in(namespace: str, port: int) -> socket.socket:
    """A socket belongs for good to the namespace of the thread that makes it: here to that of a thread that has no other task."""

    def listen() -> socket.socket:
        with Path("/run/netns", namespace).open() as entrance:
            if ctypes.CDLL(None, use_errno=True).setns(entrance.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
        return socket.create_server((HERE, port))

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(listen).result()


def _relay(listener: socket.socket, port: int) -> None:
    """Passes every connection on to the port of this host, until the listener is shut down, and the connections with it."""
    connections: list[socket.socket] = []
    with contextlib.ExitStack() as closing, ThreadPoolExecutor(MOST_CONNECTIONS * 2) as pumps:
        with contextlib.suppress(OSError):
            while True:
                caller = closing.enter_context(listener.accept()[0])
                called = closing.enter_context(socket.create_connection(("127.0.0.1", port)))
                connections += (caller, called)
                pumps.submit(_pump, caller, called)
                pumps.submit(_pump, called, caller)
        for connection in connections:
            _hang_up(connection)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    for end in (source, target):
        _hang_up(end)


def _hang_up(connection: socket.socket) -> None:
    """Wakes whoever waits for it, on both sides."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
