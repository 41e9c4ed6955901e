"""Server-sent events: how they are read, and how a stream goes on after a broken connection. Knows no network."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from client.errors import ApiError, Patience, UnreachableError
from client.flow import Request
from client.models import Event

READ_SECONDS = 30.0
"""The server sends at least a comment every few seconds; a connection silent for so long is dead."""
OnRetry = Callable[[ApiError], None]
"""Told, before each new try to connect, what broke the connection."""


class EventParser:
    """Takes lines, gives events (WHATWG HTML, 9.2.6). Comments and events without data are skipped."""

    def __init__(self) -> None:
        self._id, self._name, self._data = "", "message", list[str]()

    def feed(self, line: str) -> Event | None:
        """The event that this line ends, if it ends one."""
        if not line:
            event = Event(id=self._id, event=self._name, data=json.loads("\n".join(self._data))) if self._data else None
            self._name, self._data = "message", []
            return event
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "id":
            self._id = value
        elif name == "event":
            self._name = value
        elif name == "data":
            self._data.append(value)
        return None


def parse_events(lines: Iterator[str]) -> Iterator[Event]:
    """The events of a whole stream's lines."""
    parser = EventParser()
    for line in lines:
        if event := parser.feed(line):
            yield event


class Following:
    """A run's stream across connections: where it stands, and what happens when it breaks."""

    def __init__(self, run_id: str, cursor: str, url: str, patience: float, on_retry: OnRetry | None) -> None:
        self.run_id, self.cursor = run_id, cursor
        self._patience, self._on_retry = Patience(patience, url), on_retry

    def request(self) -> Request:
        arguments = {"headers": {"Last-Event-ID": self.cursor}, "timeout": httpx.Timeout(READ_SECONDS)}
        return Request("GET", f"/runs/{self.run_id}/events", arguments)

    def seen(self, event: Event) -> None:
        self._patience.connected()
        self.cursor = event.id or self.cursor

    def restart(self, event: Event, cursor: str) -> Event:
        """After a `reset` the stream goes on from `cursor`, which is also the id of the event as the caller sees it."""
        self.cursor = cursor
        return event.model_copy(update={"id": cursor})

    def broken(self, error: Exception) -> float:
        """Seconds until the next try. Raises ApiError when there is to be none: refused, or without a connection for too long."""
        wait, problem = self._patience.failed(error)
        if self._on_retry:
            self._on_retry(problem)
        return wait


def ended(url: str) -> UnreachableError:
    """A stream without an end has ended."""
    return UnreachableError(f"{url} ended the event stream")


def stream_arguments(request: Request) -> dict[str, Any]:
    """httpx's arguments, with an Accept header."""
    headers = {"Accept": "text/event-stream", **request.arguments["headers"]}
    return {**request.arguments, "headers": headers}
