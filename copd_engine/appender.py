"""Files that only grow: an attempt's events."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from copd_engine.room import needing_room


class Appender(Protocol):
    """A file that only grows. What was written before `sync` returned is safe."""

    def write(self, data: bytes) -> None:
        """Adds bytes at the end."""
        ...

    def sync(self) -> None:
        """Returns when all that was written is safe."""
        ...

    def close(self) -> None:
        """Syncs, and ends the file."""
        ...


class FileAppender:
    """Unbuffered: bytes that did not fit must not come up again at the end."""

    def __init__(self, path: Path) -> None:
        self._path, self._file, self._size = path, path.open("xb", buffering=0), 0

    def write(self, data: bytes) -> None:
        try:
            with needing_room(self._path):
                left = memoryview(data)
                while left:
                    left = left[self._file.write(left) :]
        except BaseException:
            os.ftruncate(self._file.fileno(), self._size)  # all of it or nothing
            self._file.seek(self._size)
            raise
        self._size += len(data)

    def sync(self) -> None:
        with needing_room(self._path):
            os.fsync(self._file.fileno())

    def close(self) -> None:
        self.sync()
        self._file.close()
