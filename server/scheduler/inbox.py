"""What wakes the scheduler: a stream of notices. A lost one costs a poll interval, nothing else."""

from __future__ import annotations

from typing import Any

import redis
import structlog
from pydantic import ValidationError

from worker.bus import INBOX, STREAM_FIELD, Wakeup

BATCH = 1000
log = structlog.get_logger(__name__)


class Inbox:
    def __init__(self, client: redis.Redis) -> None:
        """client: its socket timeout must be longer than any wait."""
        self._redis = client
        self._position: str | None = None

    def wait(self, seconds: float) -> list[Wakeup]:
        """The notices since the last call, waiting for a first one. Raises redis.RedisError; afterwards it goes on with what comes."""
        if self._position is None:
            newest: Any = self._redis.xrevrange(INBOX, count=1)
            self._position = newest[0][0].decode() if newest else "0-0"
            return []  # the first look is due at once
        try:
            answer: Any = self._redis.xread({INBOX: self._position}, count=BATCH, block=round(seconds * 1000))
        except redis.RedisError:
            self._position = None  # what comes back may be an older stream
            raise
        entries = answer[0][1] if answer else []
        if entries:
            self._position = entries[-1][0].decode()
            self._redis.xtrim(INBOX, minid=self._position, approximate=True)
        return [wakeup for _, fields in entries if (wakeup := _parse(fields)) is not None]


def _parse(fields: dict[bytes, bytes]) -> Wakeup | None:
    try:
        return Wakeup.model_validate_json(fields.get(STREAM_FIELD.encode(), b""))
    except ValidationError as error:
        log.warning("wakeup_unreadable", reason=str(error))
        return None
