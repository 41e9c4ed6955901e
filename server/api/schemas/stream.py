"""Events of the live stream."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from worker.bus import Changed


class StreamPing(BaseModel):
    """SSE `ping`: the first event of every stream; its id is where the stream starts."""


class StreamPoints(BaseModel):
    """SSE `points`: the numbers of one policy at one step, as the attempt sent them."""

    attempt: int
    policy: str
    step: int
    time: datetime
    values: list[dict[str, Any]]


class StreamProgress(BaseModel):
    """SSE `progress`: how far a running segment is."""

    attempt: int
    segment: str
    done: int
    total: int


class StreamChanged(BaseModel):
    """SSE `changed`: what to fetch again."""

    what: list[Changed]


class StreamReset(BaseModel):
    """SSE `reset`: the stream cannot go on from the given id; fetch series and figures again and reconnect from their cursor."""

    reason: str
