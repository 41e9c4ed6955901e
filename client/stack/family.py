"""Children in stages: started in order, started again when they end, stopped in the reverse order. Knows signals, not what they are.

All of it happens in one thread; no child outlives it, not even when it is killed with -9.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator

from client.stack.home import Home, InstanceLock
from client.stack.process import Child, Command, StopRequestedError, held_signals, pause, wait

START_SECONDS = 120.0
FAILURES_AT_START = 3
"""So many ends of one process before it was ready are a fault, not bad luck."""
Say = Callable[[str], None]


class StartError(Exception):
    """Something could not be started; the message holds the reason and the last lines of the log."""


class AlreadyRunningError(Exception):
    """Another supervisor holds this home."""


class Family:
    """The children of one home. Made by `family`, in the main thread."""

    def __init__(self, home: Home, lock: int, say: Say) -> None:
        self._home = home
        self._lock = lock
        self._say = say
        self._stages: list[list[Child]] = []
        self.on_change: Callable[[], None] = lambda: None
        """Called when a child has ended or was started again."""

    def child(self, command: Command) -> Child:
        return Child(command, self._home.logs, self._home.root, self._lock)

    def launch(self, commands: list[Command]) -> list[Child]:
        """Starts one more stage."""
        stage = [self.child(command) for command in commands]
        self._stages.append(stage)
        for child in stage:
            child.start()
        return stage

    def until(self, title: str, is_ready: Callable[[], bool], children: list[Child]) -> None:
        """Waits until `is_ready`. Raises StartError when one of the children keeps ending or the time is over."""
        began = time.monotonic()
        while not is_ready():
            self._tend()
            for child in children:
                if child.failures >= FAILURES_AT_START:
                    raise StartError(f"{child.command.name} cannot start:\n{child.last_lines()}\nThe whole log: {child.log}")
            if time.monotonic() - began > START_SECONDS:
                logs = ", ".join(str(child.log) for child in children)
                raise StartError(f"{title} did not become ready within {START_SECONDS:.0f} s. Logs: {logs}")
            pause(0.05)
        self._say(f"{title} ready ({time.monotonic() - began:.1f} s)")

    def watch(self) -> None:
        """Keeps the children running until a stop signal raises StopRequestedError."""
        while True:
            due = [child.restart_at for child in self._children() if child.restart_at is not None]
            wait(min(due) - time.monotonic() if due else 3600)
            self._tend()

    def pids(self) -> dict[str, int]:
        return {child.command.name: child.pid for child in self._children() if child.pid is not None}

    def stop(self) -> None:
        """The last stage first. A second stop signal kills what is left; both stores recover at their next start."""
        impatient = False
        for stage in reversed(self._stages):
            for child in stage:
                child.ask_to_stop()
            deadline = time.monotonic() + max((child.command.stop_seconds for child in stage), default=0)
            while not all(child.has_ended() for child in stage):
                if impatient or time.monotonic() > deadline:
                    for child in stage:
                        child.kill()
                try:
                    wait(0.5)
                except StopRequestedError:
                    impatient = True

    def _tend(self) -> None:
        lines = [line for child in self._children() if (line := child.tend())]
        for line in lines:
            self._say(line)
        if lines:
            self.on_change()

    def _children(self) -> list[Child]:
        return [child for stage in self._stages for child in stage]


@contextlib.contextmanager
def family(home: Home, say: Say) -> Iterator[Family]:
    """A family that holds the home; at the end of the block, also by a stop signal, its children are stopped.

    Raises HomeError or AlreadyRunningError, and StopRequestedError while it still waits for the home.
    """
    home.create()
    os.umask(0o077)
    with held_signals(), contextlib.ExitStack() as locks:
        children = Family(home, _take_locks(home, locks), say)
        locks.callback(children.stop)
        try:
            yield children
        except StopRequestedError:
            say("Stopping …")
    say(f"Stopped. Everything is kept in {home.root}")


def _take_locks(home: Home, locks: contextlib.ExitStack) -> int:
    """One supervisor per home, and no process of an earlier one alive: its children hold the second lock until they are gone."""
    try:
        locks.enter_context(_lock(home, "supervisor.lock", seconds=0.5))
        return locks.enter_context(_lock(home, "children.lock", seconds=START_SECONDS)).descriptor
    except TimeoutError:
        raise AlreadyRunningError from None


def _lock(home: Home, name: str, seconds: float) -> InstanceLock:
    """Raises TimeoutError when the lock is not free within `seconds`."""
    until = time.monotonic() + seconds
    while True:
        try:
            return InstanceLock(home.root / name)
        except BlockingIOError:
            if time.monotonic() > until:
                raise TimeoutError(name) from None
        pause(0.05)
