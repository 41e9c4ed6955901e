"""A run's log: what people did, the scheduler decided and workers said; to look at, and to take away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from server import queries
from server.api.deps import LARGEST_ID, Db, RunDep, ServicesDep
from server.api.runs import NO_RUN, Printable
from server.api.schemas.results import ActorKind, LogEntry, LogPage
from server.db.session import SessionFactory

router = APIRouter(prefix="/runs/{run_id}", tags=["artifacts"], responses=NO_RUN)
POLICY_NAME = r"^[a-z][a-z0-9_-]{0,31}$"
MEDIA_TYPES = {"text": "text/plain; charset=utf-8", "jsonl": "application/jsonl"}
PAGE = 1000
"""Lines that are read at once of a log that is taken away."""


def log_filter(
    attempt: Annotated[int | None, Query(ge=0, le=LARGEST_ID, description="only what this attempt said, and what was said of it")] = None,
    policy: Annotated[str | None, Query(pattern=POLICY_NAME, description="only of this policy")] = None,
    level: Annotated[Literal["info", "warning", "error"], Query(description="only of this level and above")] = "info",
    actors: Annotated[list[ActorKind] | None, Query(max_length=3, description="only from these kinds of actors")] = None,
    q: Annotated[Printable, Query(description="only with this text in the message or the actor's name")] = "",
) -> queries.LogFilter:
    return queries.LogFilter(attempt, policy, level, tuple(actors or ()), q)


Wanted = Annotated[queries.LogFilter, Depends(log_filter)]


@router.get("/log")
def get_log(
    run: RunDep,
    db: Db,
    wanted: Wanted,
    after: Annotated[int | None, Query(ge=0, le=LARGEST_ID, description="only entries with a higher id, oldest first")] = None,
    before: Annotated[int | None, Query(ge=0, le=LARGEST_ID, description="only entries with a lower id, the newest of them")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> LogPage:
    """What people did, the scheduler decided and workers said. Without `after`, the newest entries; always oldest first."""
    return queries.log(db, run.id, wanted, after=after, before=before, limit=limit)


@router.get(
    "/log/file",
    response_class=StreamingResponse,
    responses={200: {"content": {kind.partition(";")[0]: {"schema": {"type": "string"}} for kind in MEDIA_TYPES.values()}}},
)
def download_log(
    run: RunDep, services: ServicesDep, wanted: Wanted, kind: Annotated[Literal["text", "jsonl"], Query(alias="format")] = "text"
) -> StreamingResponse:
    """All of the log that fits, oldest first: as text, or as one JSON object a line."""
    ending = "log" if kind == "text" else "jsonl"
    lines = _lines(services.sessions, run.id, wanted, as_json=kind == "jsonl")
    disposition = f'attachment; filename="{run.id}.{ending}"'
    return StreamingResponse(lines, media_type=MEDIA_TYPES[kind], headers={"Content-Disposition": disposition})


def _lines(sessions: SessionFactory, run_id: str, wanted: queries.LogFilter, *, as_json: bool) -> Iterator[str]:
    """A page at a time, each read in a session of its own: a slow reader holds no connection."""
    after = 0
    while True:
        with sessions() as db:
            entries = queries.log(db, run_id, wanted, after=after, before=None, limit=PAGE).entries
        if not entries:
            return
        yield "".join(f"{entry.model_dump_json() if as_json else as_text(entry)}\n" for entry in entries)
        after = entries[-1].id


def as_text(entry: LogEntry) -> str:
    """`2026-01-01T12:00:00.000+00:00 WARNING worker-1 [rlvr.text@0, attempt 2] what it says`, further lines indented."""
    about = ", ".join(part for part in (entry.segment or entry.policy, entry.attempt_number and f"attempt {entry.attempt_number}") if part)
    place = f" [{about}]" if about else ""
    message = entry.message.replace("\n", "\n    ")
    return f"{entry.time.isoformat(timespec='milliseconds')} {entry.level.upper()} {entry.actor}{place} {message}"
