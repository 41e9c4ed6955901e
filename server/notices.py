"""Telling the others, after a commit, that something changed. Best effort: whoever misses a notice finds out at its next poll."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cache

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

from server.settings import settings
from worker.bus import INBOX, STREAM_FIELD, Changed, Frame, Wakeup, run_stream

INBOX_LENGTH = 10_000
TIMEOUT_SECONDS = 0.5
log = structlog.get_logger()


def redis_client(url: str, *, timeout: float | None = TIMEOUT_SECONDS) -> redis.Redis:
    """A client that fails at once instead of retrying: every caller has its own idea of what an outage means."""
    return redis.Redis.from_url(url, socket_timeout=timeout, socket_connect_timeout=TIMEOUT_SECONDS, retry=Retry(NoBackoff(), 0))


@cache
def _client() -> redis.Redis:
    return redis_client(settings().redis_url)


def run_changed(run_id: str, *changed: Changed, wake: bool = True, client: redis.Redis | None = None) -> None:
    """Tells the run's viewers what to fetch again and, with `wake`, the scheduler to look now."""
    runs_changed([run_id], *changed, wake=wake, client=client)


def runs_changed(runs: Sequence[str], *changed: Changed, wake: bool = True, client: redis.Redis | None = None) -> None:
    """The same of several runs."""
    frame = Frame(time=time.time(), changed=list(changed)).model_dump_json(exclude_defaults=True)
    try:
        with (client or _client()).pipeline(transaction=False) as pipe:
            for run_id in runs:
                pipe.xadd(run_stream(run_id), {STREAM_FIELD: frame})
                if wake:
                    wakeup = Wakeup(reason="run_changed", run=run_id).model_dump_json()
                    pipe.xadd(INBOX, {STREAM_FIELD: wakeup}, maxlen=INBOX_LENGTH, approximate=True)
            pipe.execute()
    except redis.RedisError as error:
        log.warning("notice_not_sent", runs=len(runs), first=next(iter(runs), None), reason=str(error))
