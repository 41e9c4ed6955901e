"""What the child tells its parent about itself, through the slot."""

from __future__ import annotations

import os
import time
from typing import Any

from worker.slot import ChildState, Slot

PROGRESS_SECONDS = 0.25
"""How often the state is rewritten for progress alone."""


class SelfReport:
    """Begins as `loading`, under this process's id."""

    def __init__(self, slot: Slot) -> None:
        self._slot = slot
        self.state = ChildState(pid=os.getpid(), progress_at=time.monotonic())
        self.tell()

    def tell(self, **changes: Any) -> None:
        """Changes the state, and lets the parent know at once."""
        self.note(**changes)
        self._slot.write(self.state, ring=True)

    def note(self, **changes: Any) -> None:
        """Changes the state; the parent sees it with the next progress."""
        self.state = self.state.model_copy(update=changes)

    def progress(self) -> None:
        """A sign of life. Called for every token and micro-batch: almost always only a look at the clock."""
        now = time.monotonic()
        if now - self.state.progress_at >= PROGRESS_SECONDS:
            self.note(progress_at=now)
            self._slot.write(self.state, ring=False)
