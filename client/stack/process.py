"""One child process on a leash: it dies with the supervisor, writes to its own log, and is started again when it ends.

Knows Linux signals and nothing of what the children are.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_PDEATHSIG = 1
KEPT_LOGS = 3
BACKOFF_SECONDS = (0.1, 10.0)
HEALTHY_SECONDS = 30.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# Loaded before any fork: between fork and exec nothing may be imported.
_libc = ctypes.CDLL(None, use_errno=True)


class StopRequestedError(Exception):
    """Ctrl-C, SIGTERM or a closed terminal reached the supervisor."""


@contextlib.contextmanager
def held_signals() -> Iterator[None]:
    """Makes stop signals and the end of children wait until `wait` asks for them, so that no code is ever interrupted midway."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (*STOP_SIGNALS, signal.SIGCHLD))
    try:
        yield
    finally:
        while signal.sigtimedwait(STOP_SIGNALS, 0):  # a second Ctrl-C has nothing left to stop
            pass
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def wait(seconds: float) -> None:
    """Sleeps until a child ends or the time is over. Raises StopRequestedError when a stop signal came."""
    # A signal that is not a stop signal says that a child ended.
    received = signal.sigtimedwait((*STOP_SIGNALS, signal.SIGCHLD), max(seconds, 0))
    if received is not None and received.si_signo != signal.SIGCHLD:
        raise StopRequestedError(signal.Signals(received.si_signo).name)


def pause(seconds: float) -> None:
    """Sleeps the whole time, whatever ends meanwhile. Raises StopRequestedError when a stop signal came."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        wait(left)


@dataclass(frozen=True)
class Command:
    """How to start a child, and how to end it."""

    name: str
    argv: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to the supervisor's own environment."""
    user: int | None = None
    group: int | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0
    """How long after the stop signal the child's process group is killed."""
    death_signal: signal.Signals = signal.SIGKILL
    """What the child gets when the supervisor dies."""


class Child:
    """A running or waiting child. `tend` must be called after each SIGCHLD and when `restart_at` has come."""

    def __init__(self, command: Command, logs: Path, working_folder: Path, lock: int) -> None:
        self.command = command
        self.log = logs / f"{command.name}.log"
        self._folder = working_folder
        self._lock = lock
        self.process: subprocess.Popen[bytes] | None = None
        self.restart_at: float | None = None
        self.failures = 0
        self._started = 0.0
        _rotate(self.log)

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process else None

    def start(self) -> None:
        command = self.command
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                command.argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env={**os.environ, **command.environment},
                start_new_session=True,
                user=command.user,
                group=command.group,
                extra_groups=None if command.user is None else [],
                pass_fds=(self._lock,),  # the lock is free only when the last child is gone
                preexec_fn=_leash(os.getpid(), command.death_signal),  # noqa: PLW1509  # calls the kernel twice and nothing else
            )
        self.restart_at = None
        self._started = time.monotonic()

    def tend(self) -> str | None:
        """Notices the end of the process and starts it again when its time has come. Returns a line to tell, if something happened."""
        now = time.monotonic()
        if self.process and (code := self.process.poll()) is not None:
            self.process = None
            self.failures = 1 if now - self._started > HEALTHY_SECONDS else self.failures + 1
            first, longest = BACKOFF_SECONDS
            delay = min(first * 2 ** (self.failures - 1), longest)
            self.restart_at = now + delay
            return f"{self.command.name} ended ({how_it_ended(code)}); starting it again in {delay:.1f} s. Log: {self.log}"
        if self.restart_at is not None and now >= self.restart_at:
            self.start()
            return f"{self.command.name} is started again (process {self.pid})"
        return None

    def ask_to_stop(self) -> None:
        self.restart_at = None
        if self.process and self.process.poll() is None:
            self.process.send_signal(self.command.stop_signal)

    def kill(self) -> None:
        """SIGKILL to the whole process group."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)

    def exit_code(self) -> int | None:
        """Of a child that is not to be started again; None while it runs."""
        return self.process.poll() if self.process else None

    def has_ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def last_lines(self, count: int = 8) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-count:])


def how_it_ended(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _leash(parent: int, death_signal: signal.Signals) -> Callable[[], None]:
    """Run between fork and exec, after the change of user, which would clear the parent-death signal."""

    def in_child() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        _libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:  # the supervisor died before the leash was on
            os._exit(1)

    return in_child


def _rotate(log: Path) -> None:
    """name.log → name.log.1 → name.log.2 …; the oldest goes."""
    for number in range(KEPT_LOGS - 1, -1, -1):
        older = log if number == 0 else log.with_name(f"{log.name}.{number}")
        if older.exists():
            older.replace(log.with_name(f"{log.name}.{number + 1}"))
