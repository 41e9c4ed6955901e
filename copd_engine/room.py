"""A store without room: one error that says so, whichever library met it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT)
OF_RUST = tuple(f"(os error {number})" for number in FULL)
"""How safetensors ends what it says of a disk; its errors carry no number."""


class StoreFullError(OSError):
    """The store takes no more bytes. What was begun is gone again; what was published is whole."""


@contextmanager
def needing_room(path: Path) -> Iterator[None]:
    """Raises StoreFullError for a block that failed because the disk, or its owner's share of it, is full."""
    try:
        yield
    except Exception as error:
        if isinstance(error, StoreFullError) or not is_full(error):
            raise
        raise StoreFullError(
            f"the checkpoint store is full: no space is left to write {path.name}; make room, then retry the run"
        ) from error


def is_full(error: Exception) -> bool:
    return (isinstance(error, OSError) and error.errno in FULL) or str(error).endswith(OF_RUST)
