"""Keeps a stream as long as viewers need to catch up after a lost connection, and no longer. Only what is stored is cut off."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

KEPT_ENTRIES = 10_000
KEPT_SECONDS = 600.0


@dataclass
class Window:
    """How many entries of a stream were stored up to which id, as far back as matters."""

    stored: int = 0
    _marks: deque[tuple[int, str]] = field(default_factory=deque)
    """(entries stored up to and with the id, the id), oldest first."""

    def add(self, position: str, count: int) -> None:
        self.stored += count
        self._marks.append((self.stored, position))

    def cut(self, now: float) -> str | None:
        """The id before which everything can go; None when nothing can. now: Unix time at Redis."""
        oldest, cut = round((now - KEPT_SECONDS) * 1000), None
        while self._marks and (self.stored - self._marks[0][0] >= KEPT_ENTRIES or int(self._marks[0][1].partition("-")[0]) < oldest):
            cut = self._marks.popleft()[1]
        return cut
