"""The slot: a folder in which the Celery parent and its child tell each other the little they must. Knows neither Redis nor Celery.

lock    held by the parent; a second worker of this name cannot start on this host
state   what the child says about itself: the latest `ChildState`, replaced whole
bell    a FIFO: the child rings it when its state has changed, so that the parent need not poll
stop    there when the worker is stopping: the child ends its attempt at the next step
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict


class SlotTakenError(Exception):
    """Another worker of this name runs on this host."""


class EndedAttempt(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    run: str
    attempt: int
    why: str = ""
    """What kept it from leaving a result in the store."""


class ChildState(BaseModel):
    """One child process about itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pid: int
    state: Literal["loading", "idle", "busy"] = "loading"
    device: str = "cpu"
    fingerprint: str = ""
    versions: dict[str, str] = {}
    run: str | None = None
    attempt: int | None = None
    segment: str | None = None
    done: int = 0
    total: int = 0
    progress_at: float = 0.0
    """time.monotonic() at the last sign of life; that clock is the same in all processes of a host."""
    last_policy: str | None = None
    ended: EndedAttempt | None = None
    """The attempt that this child ended last, however it ended."""


class Slot:
    def __init__(self, home: Path, name: str) -> None:
        self.folder = home / "slots" / name
        self._state = self.folder / "state"
        self._aside = self.folder / "state.new"
        self._bell = self.folder / "bell"
        self._stop = self.folder / "stop"
        self._held = -1
        self._clapper = -1

    # -- the parent's side ---------------------------------------------------------------------------------------------

    def take(self) -> int:
        """Makes the slot this process's own, clean; returns the bell's descriptor, readable when it was rung. Raises SlotTakenError."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._held = os.open(self.folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._held)
            raise SlotTakenError(f"a worker of this name already runs here ({self.folder})") from None
        for leftover in (self._state, self._aside, self._bell, self._stop):
            leftover.unlink(missing_ok=True)
        os.mkfifo(self._bell, 0o600)
        return os.open(self._bell, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)  # RDWR: never at its end, though children come and go

    def read(self) -> ChildState | None:
        try:
            return ChildState.model_validate_json(self._state.read_bytes())
        except FileNotFoundError:
            return None

    def ask_to_stop(self) -> None:
        self._stop.touch()

    # -- the child's side ----------------------------------------------------------------------------------------------

    def write(self, state: ChildState, *, ring: bool) -> None:
        self._aside.write_text(state.model_dump_json())
        self._aside.replace(self._state)
        if ring:
            self.ring()

    def ring(self) -> None:
        """Wakes the parent. A bell nobody hears is no error: the parent also looks by itself, every second."""
        with contextlib.suppress(BlockingIOError):
            if self._clapper < 0:
                self._clapper = os.open(self._bell, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            os.write(self._clapper, b"!")

    def stop_wanted(self) -> bool:
        return self._stop.exists()


def take_first_free(home: Path, host: str) -> tuple[Slot, int]:
    """The first of <host>-1, <host>-2, … that no other worker on this host holds, and its bell."""
    number = 1
    while True:
        slot = Slot(home, f"{host}-{number}")
        try:
            return slot, slot.take()
        except SlotTakenError:
            number += 1
