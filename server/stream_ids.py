"""Ids of stream entries: milliseconds of Redis's clock, a dash, and a count within the millisecond."""

from __future__ import annotations

from datetime import UTC, datetime


def stream_order(position: str) -> tuple[int, int]:
    """The id as a pair that sorts as the stream does."""
    milliseconds, _, count = position.partition("-")
    return int(milliseconds), int(count or 0)


def stream_time(position: str) -> datetime:
    """When the entry was added, by Redis's clock."""
    return datetime.fromtimestamp(stream_order(position)[0] / 1000, UTC)
