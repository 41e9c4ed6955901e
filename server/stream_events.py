"""What a viewer is told for an entry of a run's stream. Knows the bus and the API's models; reads nothing."""

from __future__ import annotations

import structlog
from fastapi.sse import ServerSentEvent
from pydantic import BaseModel, ValidationError

from server.api.schemas.stream import StreamChanged, StreamPoints, StreamProgress, StreamReset
from server.stream_ids import stream_time
from worker.bus import STREAM_FIELD, Frame

log = structlog.get_logger()


def decode(entry: tuple[bytes, dict[bytes, bytes]]) -> tuple[str, ServerSentEvent | None]:
    """A stream entry as the event a viewer gets; None for one that is not for viewers."""
    position = text(entry[0])
    try:
        payload = _payload(Frame.model_validate_json(entry[1].get(STREAM_FIELD.encode(), b"")), position)
    except (ValidationError, KeyError) as error:  # of another version; the others must not wait for it
        log.warning("stream entry unreadable", position=position, reason=str(error))
        payload = None
    return position, event_of(*payload, position) if payload else None


def _payload(frame: Frame, position: str) -> tuple[str, BaseModel] | None:
    if frame.changed:
        return "changed", StreamChanged(what=list(frame.changed))
    if frame.event is None or frame.attempt is None:
        return None
    event = frame.event
    match event["type"]:
        case "points":
            points = StreamPoints(
                attempt=frame.attempt, policy=event["policy"], step=event["step"], time=stream_time(position), values=event["values"]
            )
            return "points", points
        case "progress":
            progress = StreamProgress(attempt=frame.attempt, segment=frame.segment or "", done=event["done"], total=event["total"])
            return "progress", progress
        case _:  # told as `changed` once it is in PostgreSQL
            return None


def text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def event_of(name: str, data: BaseModel, position: str | None = None) -> ServerSentEvent:
    return ServerSentEvent(event=name, raw_data=data.model_dump_json(), id=position)


def reset(reason: str) -> ServerSentEvent:
    return event_of("reset", StreamReset(reason=reason))
