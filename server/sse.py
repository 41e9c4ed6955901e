"""The live event stream: one reader of Redis per server process, fanned out in memory to everyone who watches.

A viewer gets every entry after its starting point exactly once: a replay from Redis up to the reader's position at the moment it
joined, then what the reader hands out. Where that cannot be promised it gets one `reset`, never a silent gap.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Any, Self, get_args

import structlog
from fastapi.sse import ServerSentEvent
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from server.api.schemas.stream import StreamChanged, StreamPing
from server.stream_events import decode, event_of, reset, text
from server.stream_ids import stream_order
from worker.bus import run_stream

QUEUE_LIMIT = 2_000
"""Events a viewer may lag behind before it gets a `reset`."""
PAGE = 500
"""Entries taken from Redis at once."""
BLOCK_MS = 5_000
UNSEEN_SECONDS = 10.0
"""After a longer pause (this process was stopped) the stream may have been trimmed meanwhile: the recorder keeps a few minutes of it."""
CONNECT_SECONDS = 2.0
CANCEL_SECONDS = 0.05
RETRY_SECONDS = 0.5
EVERYTHING = list(get_args(get_args(StreamChanged.model_fields["what"].annotation)[0]))
log = structlog.get_logger()
START = "0-0"
"""Before the first entry of any stream."""
Sent = tuple[str | None, ServerSentEvent]
"""An event with its position, None where it has none."""


def stream_client(url: str) -> Redis:
    """A client for a Hub: it waits out a blocking read, and fails at once where Redis is away."""
    return Redis.from_url(url, socket_timeout=2 * BLOCK_MS / 1000, socket_connect_timeout=CONNECT_SECONDS, retry=Retry(NoBackoff(), 0))


@dataclass(frozen=True)
class Start:
    """Where the events of a run begin for somebody."""

    run: str
    after: str | None
    """A position; None: from now."""
    recorded: str | None = START
    """Up to where PostgreSQL has the run's events: from there nobody can be told more, even when the stream is gone. None: there is no
    such run."""


class GapError(Exception):
    """The stream cannot go on from the asked position without leaving something out."""


@dataclass(eq=False)
class Viewer:
    """One open stream, by which token or session, and what it has not been sent yet."""

    limit: int
    login: int | None = None
    queue: deque[Sent] = field(default_factory=deque)
    lost: str | None = None
    """Why it needs a `reset`; then it gets nothing else."""
    is_over: bool = False
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, position: str | None, event: ServerSentEvent) -> None:
        if len(self.queue) >= self.limit:
            self.lose("this reader is too slow")
        elif self.lost is None:
            self.queue.append((position, event))
            self.wake.set()

    def end(self) -> None:
        self.is_over = True
        self.wake.set()

    def lose(self, reason: str) -> None:
        self.lost = self.lost or reason
        self.queue.clear()
        self.wake.set()


@dataclass
class Channel:
    """A run that is being watched: up to where the reader has handed out its stream, and to whom."""

    position: str
    viewers: set[Viewer] = field(default_factory=set)

    def put(self, position: str | None, event: ServerSentEvent) -> None:
        for viewer in self.viewers:
            viewer.put(position, event)


class Hub:
    """Entered for as long as the process serves. redis: a `stream_client`."""

    def __init__(self, redis: Redis, queue_limit: int = QUEUE_LIMIT) -> None:
        self._redis = redis
        self._queue_limit = queue_limit
        self._channels: dict[str, Channel] = {}
        self._joining = asyncio.Lock()
        self._channel_added = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._reader = asyncio.create_task(self._read(), name="event stream reader")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reader

    @property
    def subscribers(self) -> int:
        """Open streams."""
        return sum(len(channel.viewers) for channel in self._channels.values())

    def logins(self) -> set[int]:
        """Those that have streams open."""
        return {viewer.login for channel in self._channels.values() for viewer in channel.viewers if viewer.login is not None}

    def end_streams(self, logins: set[int] | None = None) -> None:
        """Ends the streams of these logins; by default all, for this server goes away: browsers come back with the id they have."""
        for channel in self._channels.values():
            for viewer in channel.viewers:
                if logins is None or viewer.login in logins:
                    viewer.end()

    async def events(self, start: Start, login: int | None = None) -> AsyncGenerator[ServerSentEvent]:
        """The run's events from `start`, without end. Ends after a `reset`. While Redis is away it waits and tries again."""
        if start.recorded is None:
            yield reset("there is no such run")
            return
        position = start.after
        while True:
            try:
                async with contextlib.aclosing(self._follow(start.run, position, start.recorded, login)) as followed:
                    async for at, event in followed:
                        position = at or position
                        yield event
                return
            except RedisError as error:
                log.warning("event stream waits for Redis", run=start.run, reason=str(error))
                await asyncio.sleep(RETRY_SECONDS)

    async def _follow(self, run: str, start: str | None, recorded: str, login: int | None) -> AsyncGenerator[Sent]:
        """Replay, then live. Raises RedisError while it joins or replays."""
        viewer, joined = await self._join(run, login)
        try:
            position = joined if start is None else start
            try:
                replay = await self._page(run, position, joined, recorded) if start is not None else []
                yield position, event_of("ping", StreamPing(), position)
                while replay and not viewer.is_over:
                    for at, event in replay:
                        position = at
                        if event:
                            yield at, event
                    replay = await self._page(run, position, joined) if len(replay) == PAGE else []
            except GapError as gap:
                yield None, reset(str(gap))
                return
            async for at, event in _live(viewer):
                if at is None or stream_order(at) > stream_order(position):
                    yield at, event
        finally:
            self._leave(run, viewer)

    async def _join(self, run: str, login: int | None) -> tuple[Viewer, str]:
        """A new viewer, and the position after which it gets everything."""
        viewer = Viewer(self._queue_limit, login)
        async with self._joining:
            if (channel := self._channels.get(run)) is None:
                channel = Channel(await self._end(run))
                self._channels[run] = channel
                self._channel_added.set()
            channel.viewers.add(viewer)
            return viewer, channel.position

    def _leave(self, run: str, viewer: Viewer) -> None:
        channel = self._channels[run]
        channel.viewers.remove(viewer)
        if not channel.viewers:
            del self._channels[run]

    # ---- the reader

    async def _read(self) -> None:
        failed, read_at = False, time.monotonic()
        while True:
            try:
                if failed or time.monotonic() - read_at > UNSEEN_SECONDS:
                    await self._resume()
                    failed = False
                read_at = time.monotonic()
                await self._read_once()
            except RedisError as error:
                if not failed:
                    log.warning("event streams wait for Redis", reason=str(error))
                failed = True
                await asyncio.sleep(RETRY_SECONDS)

    async def _read_once(self) -> None:
        """Waits for entries of any watched run, or for another run to watch, and hands them out."""
        self._channel_added.clear()
        added = asyncio.ensure_future(self._channel_added.wait())
        if not self._channels:
            await added
            return
        streams: dict[Any, Any] = {run_stream(run): channel.position for run, channel in self._channels.items()}
        read = asyncio.ensure_future(self._redis.xread(streams, count=PAGE, block=BLOCK_MS))
        try:
            await asyncio.wait((read, added), return_when=asyncio.FIRST_COMPLETED)
            if read.done():
                self._hand_out(_streams(read.result()))
        finally:
            added.cancel()
            while not read.done():  # redis-py forgets a cancellation that comes while it takes a connection
                read.cancel()  # a read that is cut off is done again from the same positions
                await asyncio.wait((read,), timeout=CANCEL_SECONDS)
            if not read.cancelled():
                read.exception()  # raised above where it matters

    def _hand_out(self, streams: dict[str, list[Any]]) -> None:
        for run, channel in self._channels.items():
            for position, event in map(decode, streams.get(run_stream(run), [])):
                if stream_order(position) > stream_order(channel.position):
                    channel.position = position
                    if event:
                        channel.put(position, event)

    async def _resume(self) -> None:
        """After an outage: whoever missed something gets a `reset`, the others look at everything that is not in the stream."""
        for run, channel in list(self._channels.items()):
            try:
                await self._page(run, channel.position, channel.position)
            except GapError as gap:
                channel.position = await self._end(run)
                for viewer in channel.viewers:
                    viewer.lose(str(gap))
            else:
                channel.put(None, event_of("changed", StreamChanged(what=EVERYTHING)))

    # ---- Redis

    async def _end(self, run: str) -> str:
        """The last position of the run's stream."""
        try:
            return text((await self._redis.xinfo_stream(run_stream(run)))["last-generated-id"])
        except ResponseError:  # no such key
            return START

    async def _page(self, run: str, after: str, until: str, recorded: str = START) -> list[tuple[str, ServerSentEvent | None]]:
        """The next entries with `after` < id ≤ `until`. Raises GapError unless nothing between `after` and them was lost or trimmed.

        One transaction in Redis: nobody trims between the check and the reading.
        """
        stream = run_stream(run)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.xinfo_stream(stream)
            pipe.xrange(stream, after, after)
            pipe.xrange(stream, f"({after}", until, count=PAGE)
            info, at_position, entries = await pipe.execute(raise_on_error=False)
        if isinstance(info, RedisError) and not isinstance(info, ResponseError):
            raise info
        _check_continuity(None if isinstance(info, ResponseError) else info, after, is_held=bool(at_position), recorded=recorded)
        return [] if isinstance(info, ResponseError) else [decode(entry) for entry in entries]


async def together(hub: Hub, starts: Sequence[Start], login: int | None = None) -> AsyncGenerator[ServerSentEvent]:
    """The events of several runs as they come, with the run before each id. Ends when those of all runs have ended."""
    streams = {start.run: hub.events(start, login) for start in starts}
    awaited = {asyncio.ensure_future(anext(events)): run for run, events in streams.items()}
    try:
        while awaited:
            done, _ = await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
            for next_event in done:
                run = awaited.pop(next_event)
                if isinstance(next_event.exception(), StopAsyncIteration):
                    continue
                awaited[asyncio.ensure_future(anext(streams[run]))] = run
                event = next_event.result()
                yield event.model_copy(update={"id": f"{run}@{event.id or ''}"})
    finally:
        for next_event in awaited:
            next_event.cancel()
        await asyncio.gather(*awaited, return_exceptions=True)
        for events in streams.values():
            await events.aclose()


def _check_continuity(info: dict[str, Any] | None, after: str, *, is_held: bool, recorded: str) -> None:
    """Raises GapError unless every entry after `after` is still in the stream. info: XINFO STREAM, None when there is no stream."""
    end = text(info["last-generated-id"]) if info else START
    if stream_order(after) > stream_order(end):
        if after != recorded:
            raise GapError("the event stream was lost")
        return
    trimmed = info is not None and info["entries-added"] > info["length"]
    if not (is_held or after == end or (after == START and not trimmed)):
        raise GapError("the event stream begins later than the asked position")


async def _live(viewer: Viewer) -> AsyncGenerator[Sent]:
    """What the reader hands out, until the viewer is lost or the server ends."""
    while viewer.lost is None and not viewer.is_over:
        while viewer.queue and not viewer.is_over:
            yield viewer.queue.popleft()
        viewer.wake.clear()
        if viewer.lost is None and not viewer.is_over:
            await viewer.wake.wait()
    if viewer.lost is not None:
        yield None, reset(viewer.lost)


def _streams(reply: Any) -> dict[str, list[Any]]:
    """XREAD's reply by stream name, whichever protocol version it came in."""
    if not reply:
        return {}
    pairs = ((name, pages[0] if pages else []) for name, pages in reply.items()) if isinstance(reply, dict) else reply
    return {text(name): entries for name, entries in pairs}
