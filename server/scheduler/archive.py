"""What attempts leave in the store: a result at their end, and all their events in a file."""

from __future__ import annotations

from collections.abc import Iterator

import structlog
from pydantic import ValidationError

from copd_engine.events import EVENT, Event
from copd_engine.job import SegmentError, SegmentResult
from copd_engine.store import Store

log = structlog.get_logger(__name__)


class Archive:
    """store: the root of the checkpoint store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def result(self, run: str, attempt: int) -> SegmentResult | None:
        """How the attempt ended; None while it has not, and for ever when it was killed. One that cannot be read counts as a failure."""
        try:
            return SegmentResult.model_validate_json(self._store.read(f"runs/{run}/attempts/{attempt}/result.json"))
        except FileNotFoundError:
            return None
        except ValidationError as error:
            reason = SegmentError(kind="ValidationError", message=f"the attempt's result cannot be read: {error}")
            return SegmentResult(attempt=attempt, outcome="failed", step=0, events=0, error=reason)

    def events(self, run: str, attempt: int) -> Iterator[Event]:
        """The attempt's events in order, without those that cannot be read. What follows the last newline was cut off by a kill."""
        try:
            data = self._store.read(f"runs/{run}/attempts/{attempt}/events.jsonl")
        except FileNotFoundError:
            return
        for line in data.split(b"\n")[:-1]:
            try:
                yield EVENT.validate_json(line)
            except ValidationError as error:
                log.warning("event_unreadable", run=run, attempt=attempt, reason=str(error))

    def delete(self, run: str, path: str) -> None:
        """Removes a checkpoint; one that is gone already is no error."""
        self._store.delete(f"runs/{run}/{path}")

    def delete_run(self, run: str) -> None:
        """Removes all files of a run; one without any is no error."""
        self._store.delete(f"runs/{run}")

    def size(self, run: str) -> int:
        """Bytes of all files of a run."""
        try:
            return self._store.size(f"runs/{run}")
        except FileNotFoundError:
            return 0
