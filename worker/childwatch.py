"""What the Celery parent knows of its child: what the slot says, and a pidfd that tells of its death at once. Knows no Redis."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time

import structlog

from worker.slot import ChildState, EndedAttempt, Slot

LONGEST_LOOK = 2.0
"""Seconds. Whoever was frozen for longer, parent and child together perhaps, must not judge by that time."""

log = structlog.get_logger(__name__)


class ChildWatch:
    def __init__(self, slot: Slot, bell: int) -> None:
        self._slot, self._bell = slot, bell
        self._pidfd = -1
        self._buried = -1
        """The child that died last. Its state stays in the slot until the next one writes its own."""
        self.child: ChildState | None = None
        """The living child as it described itself last; None before it has."""
        self.ended: list[EndedAttempt] = []
        """Attempts that ended, with their child or by themselves; whoever has reported them clears the list."""
        self.silence = 0.0
        """Seconds without a sign of life from a busy child, while this process was awake to see one."""
        self._looked_at = time.monotonic()
        self.loads, self.failed_loads = 0, 0
        """Children that became ready, and how many in a row died before."""

    @property
    def busy(self) -> bool:
        return self.child is not None and self.child.attempt is not None

    def wait(self, until: float) -> bool:
        """Sleeps until time.monotonic() is `until`, or the bell, or the child's death; says whether it was one of the latter."""
        descriptors = [self._bell] if self._pidfd < 0 else [self._bell, self._pidfd]
        ready, _, _ = select.select(descriptors, [], [], max(0.0, until - time.monotonic()))
        if self._bell in ready:
            os.read(self._bell, 4096)
        return bool(ready)

    def look(self) -> None:
        """Takes in what has changed. Meant to be called every second or more often."""
        now = time.monotonic()
        self.silence += min(now - self._looked_at, LONGEST_LOOK)
        self._looked_at = now
        dead = self._is_dead()  # before reading the slot: what a dead child wrote is complete
        seen = self._slot.read()
        if seen and self.child and seen.pid == self.child.pid:
            self._take_in(seen)
        if dead:
            self._bury()
        if seen and self.child is None and seen.pid != self._buried:
            self._adopt(seen)

    def end(self, how: signal.Signals, reason: str) -> None:
        """Signals the child and all it started."""
        if self.child:
            log.warning("ending the attempt", run=self.child.run, attempt=self.child.attempt, signal=how.name, reason=reason)
            self.signal(how)

    def signal(self, how: signal.Signals) -> None:
        if self.child:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.child.pid, how)

    def _is_dead(self) -> bool:
        return self._pidfd >= 0 and bool(select.select([self._pidfd], [], [], 0)[0])

    def _adopt(self, seen: ChildState) -> None:
        try:
            self._pidfd = os.pidfd_open(seen.pid)
        except ProcessLookupError:  # dead already
            self._take_in(seen)
            self._bury()
        else:
            self._take_in(seen)

    def _take_in(self, seen: ChildState) -> None:
        before, self.child = self.child, seen
        if not self.busy or before is None or before.progress_at != seen.progress_at:
            self.silence = 0.0
        if seen.ended and (before is None or before.ended != seen.ended):
            self.ended.append(seen.ended)
        if seen.state != "loading" and (before is None or before.state == "loading"):
            self.loads += 1
            self.failed_loads = 0

    def _bury(self) -> None:
        """An attempt dies with its child. Celery starts the next one."""
        child, self.child = self.child, None
        assert child
        self._buried = child.pid
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1
        if child.run and child.attempt is not None:
            self.ended.append(EndedAttempt(run=child.run, attempt=child.attempt))
        self.failed_loads += child.state == "loading"
        log.warning("the child has died", run=child.run, attempt=child.attempt, was=child.state)
