"""How a worker connects to Redis: soon tired of waiting, and never trying twice by itself, for every caller has a next turn."""

from __future__ import annotations

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry


def connect(url: str) -> Redis:
    """A client that connects at its first command and again whenever it must. Commands raise redis.exceptions.RedisError."""
    return Redis.from_url(url, socket_timeout=2.0, socket_connect_timeout=2.0, retry=Retry(NoBackoff(), 0))
