"""A bounded queue between the thread that trains and the thread that talks to Redis."""

from __future__ import annotations

from collections import deque
from threading import Condition


class Outbox:
    """Keeps order. When it is full the oldest go: the attempt's event file has them, and a reader sees the gap in the numbers."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.changed = Condition()
        """Held for every look and change; notified when there is something to take."""
        self._waiting: deque[bytes] = deque(maxlen=capacity)
        self._taken: list[bytes] = []

    def put(self, item: bytes) -> None:
        with self.changed:
            self._waiting.append(item)
            self.changed.notify()

    def take(self, limit: int) -> list[bytes]:
        """The oldest items, at most `limit`. Until `sent` or `failed` says what became of them, no others can be taken."""
        with self.changed:
            assert not self._taken, "the last batch is still on its way"
            self._taken = [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]
            return list(self._taken)

    def sent(self) -> None:
        with self.changed:
            self._taken = []
            self.changed.notify_all()

    def failed(self) -> None:
        """Puts the batch back in front, as much of its end as still fits."""
        with self.changed:
            room = self.capacity - len(self._waiting)
            self._waiting.extendleft(reversed(self._taken[max(0, len(self._taken) - room) :]))
            self._taken = []

    def __len__(self) -> int:
        with self.changed:
            return len(self._waiting) + len(self._taken)
