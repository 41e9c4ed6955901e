"""The live event streams: of one run, and of several over one connection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from fastapi.sse import EventSourceResponse
from sqlalchemy import select

from server.api.deps import Db, IdentityDep, RunDep, ServicesDep
from server.api.runs import NO_RUN
from server.api.schemas.stream import StreamChanged, StreamPing, StreamPoints, StreamProgress, StreamReset
from server.db.models import Run
from server.sse import Start, together

router = APIRouter(tags=["events"])
STREAM_ID = r"^\d{1,19}-\d{1,19}$"
RUN_AT = r"^[A-Za-z0-9_-]{1,64}@\d{1,19}-\d{1,19}$"
MOST_RUNS = 32
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


@router.get("/runs/{run_id}/events", response_class=EventSourceResponse, responses=NO_RUN)
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
    async for event in services.hub.events(Start(watched.run_id, start, watched.recorded), login=identity.token.id):
        yield event  # pyright: ignore[reportReturnType]  # FastAPI sends a ServerSentEvent as it is; the annotation is for OpenAPI


RunsAt = Annotated[
    list[Annotated[str, Query(pattern=RUN_AT)]],
    Query(min_length=1, max_length=MOST_RUNS, description="`<run>@<cursor>`, the `cursor` of a series or figure answer; once for each run"),
]


def starts(db: Db, run: RunsAt) -> list[Start]:
    asked = dict(each.split("@") for each in run)
    recorded = dict(db.execute(select(Run.id, Run.stream_position).where(Run.id.in_(asked))).all())
    return [Start(id_, cursor, recorded.get(id_)) for id_, cursor in asked.items()]


@router.get("/events", response_class=EventSourceResponse)
async def stream_events_of_runs(
    starts: Annotated[list[Start], Depends(starts)], services: ServicesDep, identity: IdentityDep
) -> AsyncIterator[StreamEvent]:
    """The events of several runs over one connection, for browsers have six to a host.

    Each is as in the stream of its run; its id is `<run>@<position>`, or `<run>@` where it has no position. A `reset` ends one run's
    events and leaves the others; so does that of a run that is not there.
    """
    async for event in together(services.hub, starts, login=identity.token.id):
        yield event  # pyright: ignore[reportReturnType]  # as above
