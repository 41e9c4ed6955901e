"""The live event stream of a run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from fastapi.sse import EventSourceResponse

from server.api.deps import IdentityDep, RunDep, ServicesDep
from server.api.runs import NO_RUN
from server.api.schemas.stream import StreamChanged, StreamPing, StreamPoints, StreamProgress, StreamReset

router = APIRouter(prefix="/runs/{run_id}", tags=["events"])
STREAM_ID = r"^\d{1,19}-\d{1,19}$"
StreamEvent = StreamPing | StreamPoints | StreamProgress | StreamChanged | StreamReset


def start(
    cursor: Annotated[str | None, Query(pattern=STREAM_ID, description="`cursor` of a series or figure answer")] = None,
    last_event_id: Annotated[str | None, Header(pattern=STREAM_ID, description="sent by EventSource when it reconnects")] = None,
) -> str | None:
    """Where the stream goes on; a reconnect knows better than the address it was opened with. None: from now."""
    return last_event_id or cursor


@dataclass(frozen=True)
class Watched:
    """The run, and up to where PostgreSQL has its events."""

    run_id: str
    recorded: str


def watched(run: RunDep) -> Watched:
    return Watched(run.id, run.stream_position)


@router.get("/events", response_class=EventSourceResponse, responses=NO_RUN)
async def stream_events(
    watched: Annotated[Watched, Depends(watched)],
    services: ServicesDep,
    identity: IdentityDep,
    start: Annotated[str | None, Depends(start)],
) -> AsyncIterator[StreamEvent]:
    """Server-sent events `points`, `progress`, `changed`, `reset`, `ping`; their ids are stream positions.

    No event after `start` is left out and none comes twice. Where that cannot be promised (the position is older than the stream,
    the stream was lost, the reader is too slow) one `reset` comes and the stream ends: fetch series and figures again and
    reconnect from their cursor. A stream also ends when its login does.
    """
    async for event in services.hub.events(watched.run_id, start, watched.recorded, login=identity.token.id):
        yield event  # pyright: ignore[reportReturnType]  # FastAPI sends a ServerSentEvent as it is; the annotation is for OpenAPI
