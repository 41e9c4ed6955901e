"""AsyncClient: the calls of Client, to be awaited.

async with AsyncClient("http://127.0.0.1:8765", token) as client:
    async for event in client.runs["Three experts"].events():
        ...
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx

from client import sse
from client.api import API, CHUNK_BYTES, PATIENCE, RETRIES, http_options
from client.bound import ClientCalls, HandleCalls
from client.errors import ApiError, Tries, UnreachableError, answer_of, error_of
from client.flow import Flow, Request
from client.models import OVER, Event, Run, RunList, RunSummary
from client.sse import OnRetry

T = TypeVar("T")


class AsyncClient(ClientCalls):
    """As Client: the same calls, retries and errors."""

    def __init__(self, url: str, token: str, *, timeout: float = 30, retries: int = RETRIES, certificate: str | None = None) -> None:
        """certificate: the PEM file of the server's own certificate, to trust it and no other."""
        self.url = url.rstrip("/")
        self.retries = retries
        self._http = httpx.AsyncClient(**http_options(self.url, token, timeout, certificate))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    @property
    def runs(self) -> AsyncRuns:
        """All runs: `client.runs["name or id"]` is one, `async for run in client.runs` all, `await client.runs()` a page."""
        return AsyncRuns(self)

    async def perform(self, flow: Flow[T]) -> T:
        """Carries out a call."""
        try:
            request = next(flow)
            while True:
                try:
                    answer = await self._send(request)
                except ApiError as error:
                    request = flow.throw(error)
                else:
                    request = flow.send(answer)
        except StopIteration as end:
            return end.value

    async def events(
        self, run_id: str, *, cursor: str | None = None, patience: float = PATIENCE, on_retry: OnRetry | None = None
    ) -> AsyncIterator[Event]:
        """The run's live events; see Client.events."""
        stream = sse.Following(run_id, cursor or await self.cursor(run_id), self.url, patience, on_retry)
        while True:
            try:
                async for event in self._stream(stream.request()):
                    stream.seen(event)
                    if event.event == "reset":
                        yield stream.restart(event, await self.cursor(run_id))
                        break
                    yield event
                else:
                    raise sse.ended(self.url)
            except (httpx.TransportError, ApiError) as error:
                await asyncio.sleep(stream.broken(error))

    async def download_export(self, run_id: str, number: int, target: Path) -> None:
        """Writes the model's zip to `target`; a broken download leaves no file there."""
        partial = target.with_name(f"{target.name}.part")
        try:
            async with self._http.stream("GET", f"{API}/runs/{run_id}/exports/{number}/download") as response:
                if response.is_error:
                    await response.aread()
                    raise error_of(response)
                file = await asyncio.to_thread(partial.open, "wb")
                try:
                    async for chunk in response.aiter_bytes(CHUNK_BYTES):
                        await asyncio.to_thread(file.write, chunk)
                finally:
                    await asyncio.to_thread(file.close)
            await asyncio.to_thread(partial.replace, target)
        except httpx.TransportError as error:
            raise UnreachableError(f"the download from {self.url} broke: {error}") from error
        finally:
            await asyncio.to_thread(partial.unlink, missing_ok=True)

    async def is_ready(self) -> bool:
        try:
            return (await self._http.get("/readyz")).is_success
        except httpx.TransportError:
            return False

    async def _send(self, request: Request) -> Any:
        tries = Tries(request, self.retries, self.url)
        while True:
            try:
                return answer_of(await self._http.request(request.method, API + request.path, **request.arguments))
            except (httpx.TransportError, ApiError) as error:
                await asyncio.sleep(tries.failed(error))

    async def _stream(self, request: Request) -> AsyncIterator[Event]:
        async with self._http.stream(request.method, API + request.path, **sse.stream_arguments(request)) as response:
            if response.is_error:
                await response.aread()
                raise error_of(response)
            parser = sse.EventParser()
            async for line in response.aiter_lines():
                if event := parser.feed(line):
                    yield event


class AsyncRuns:
    """The runs of a server."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    def __getitem__(self, reference: str) -> AsyncRunHandle:
        """The run with this id, this beginning of an id, or, the newest, this name. Asks nothing yet."""
        return AsyncRunHandle(self._client, reference)

    async def __call__(self, *, limit: int = 100, after: str | None = None) -> RunList:
        """One page, newest first."""
        return await self._client.runs_page(limit=limit, after=after)

    async def __aiter__(self) -> AsyncIterator[RunSummary]:
        """Every run, newest first."""
        after = None
        while True:
            page = await self(after=after)
            for run in page.runs:
                yield run
            if (after := page.next) is None:
                return


class AsyncRunHandle(HandleCalls):
    """One run of an AsyncClient."""

    def __init__(self, client: AsyncClient, reference: str) -> None:
        super().__init__(reference)
        self._client = client

    async def id(self) -> str:
        return await self.perform(self.find())

    async def perform(self, flow: Flow[T]) -> T:
        return await self._client.perform(flow)

    async def events(
        self, *, cursor: str | None = None, patience: float = PATIENCE, on_retry: OnRetry | None = None
    ) -> AsyncIterator[Event]:
        """The run's live events; see Client.events."""
        async for event in self._client.events(await self.id(), cursor=cursor, patience=patience, on_retry=on_retry):
            yield event

    async def wait(self) -> Run:
        """Waits until the run is over. Returns it as it ended."""
        cursor = await self.cursor()
        if (run := await self.get()).state in OVER:
            return run
        async for event in self.events(cursor=cursor):
            if event.event in ("changed", "reset") and (run := await self.get()).state in OVER:
                return run
        raise AssertionError("the events of a run do not end")

    async def download_export(self, number: int, target: Path) -> None:
        """Writes the model's zip to `target`; a broken download leaves no file there."""
        await self._client.download_export(await self.id(), number, target)
