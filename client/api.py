"""The client of the REST API; the `copd` command, scripts and notebooks use it. AsyncClient (client/aio.py) is the same to be awaited.

with Client("http://127.0.0.1:8765", token) as client:
    client.create_run(Path("examples/three-experts.yaml").read_text())
    run = client.runs["Three experts"]
    run.edit({"w.image.text": 0.3})
    run.series("capability/*").to_pandas()
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx

from client import sse
from client.bound import ClientCalls, HandleCalls
from client.errors import ApiError, Tries, UnreachableError, answer_of, error_of
from client.flow import Flow, Request
from client.models import OVER, Event, Figures, Run, RunList, RunSummary
from client.sse import OnRetry, parse_events

__all__ = ["ApiError", "Client", "RunHandle", "Runs", "UnreachableError", "parse_events"]

API = "/api/v1"
CHUNK_BYTES = 1 << 20
RETRIES = 4
PATIENCE = 60.0
REDRAW_SECONDS = 1.0
T = TypeVar("T")


def http_options(url: str, token: str, timeout: float, certificate: str | None) -> dict[str, Any]:
    """What httpx is made with. certificate: see `trust`."""
    # trust_env=False: a proxy of the environment must not see, or swallow, calls to the own machine
    is_local = httpx.URL(url).host in ("127.0.0.1", "localhost", "::1")
    headers = {"Authorization": f"Bearer {token}"}
    return {"base_url": url, "headers": headers, "timeout": timeout, "trust_env": not is_local, "verify": trust(certificate)}


def trust(certificate: str | None) -> ssl.SSLContext | bool:
    """What httpx is to trust: exactly this certificate, under whatever name the server is asked, or, without one, the usual authorities."""
    if certificate is None:
        return True
    context = ssl.create_default_context(cafile=certificate)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


class Client(ClientCalls):
    """Every method raises ApiError when the server refuses, and UnreachableError when there is no answer.

    Requests that change nothing, and submits, are tried `retries` times more while the server is away or busy; others are sent once.
    """

    def __init__(self, url: str, token: str, *, timeout: float = 30, retries: int = RETRIES, certificate: str | None = None) -> None:
        """certificate: the PEM file of the server's own certificate, to trust it and no other."""
        self.url = url.rstrip("/")
        self.retries = retries
        self._http = httpx.Client(**http_options(self.url, token, timeout, certificate))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    @property
    def runs(self) -> Runs:
        """All runs: `client.runs["name or id"]` is one, `for run in client.runs` all, `client.runs()` a page."""
        return Runs(self)

    def perform(self, flow: Flow[T]) -> T:
        """Carries out a call."""
        try:
            request = next(flow)
            while True:
                try:
                    answer = self._send(request)
                except ApiError as error:
                    request = flow.throw(error)
                else:
                    request = flow.send(answer)
        except StopIteration as end:
            return end.value

    def events(
        self, run_id: str, *, cursor: str | None = None, patience: float = PATIENCE, on_retry: OnRetry | None = None
    ) -> Iterator[Event]:
        """The run's live events after `cursor` (else from now on), without end and without a gap; it connects again by itself.

        `ping` says that it is connected. Where the server cannot promise that nothing was left out there is a `reset`: fetch again what
        you hold; the events after it go on from a position no later than that. After `patience` seconds without a connection ApiError is
        raised; `on_retry` is told before each new try.
        """
        stream = sse.Following(run_id, cursor or self.cursor(run_id), self.url, patience, on_retry)
        while True:
            try:
                for event in self._stream(stream.request()):
                    stream.seen(event)
                    if event.event == "reset":
                        yield stream.restart(event, self.cursor(run_id))
                        break
                    yield event
                else:
                    raise sse.ended(self.url)
            except (httpx.TransportError, ApiError) as error:
                time.sleep(stream.broken(error))

    def download_export(self, run_id: str, number: int, target: Path) -> None:
        """Writes the model's zip to `target`; a broken download leaves no file there."""
        partial = target.with_name(f"{target.name}.part")
        try:
            with self._http.stream("GET", f"{API}/runs/{run_id}/exports/{number}/download") as response:
                if response.is_error:
                    response.read()
                    raise error_of(response)
                with partial.open("wb") as file:
                    for chunk in response.iter_bytes(CHUNK_BYTES):
                        file.write(chunk)
            partial.replace(target)
        except httpx.TransportError as error:
            raise UnreachableError(f"the download from {self.url} broke: {error}") from error
        finally:
            partial.unlink(missing_ok=True)

    def is_ready(self) -> bool:
        try:
            return self._http.get("/readyz").is_success
        except httpx.TransportError:
            return False

    def _send(self, request: Request) -> Any:
        tries = Tries(request, self.retries, self.url)
        while True:
            try:
                return answer_of(self._http.request(request.method, API + request.path, **request.arguments))
            except (httpx.TransportError, ApiError) as error:
                time.sleep(tries.failed(error))

    def _stream(self, request: Request) -> Iterator[Event]:
        with self._http.stream(request.method, API + request.path, **sse.stream_arguments(request)) as response:
            if response.is_error:
                response.read()
                raise error_of(response)
            yield from parse_events(response.iter_lines())


class Runs:
    """The runs of a server."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def __getitem__(self, reference: str) -> RunHandle:
        """The run with this id, this beginning of an id, or, the newest, this name. Asks nothing yet."""
        return RunHandle(self._client, reference)

    def __call__(self, *, limit: int = 100, after: str | None = None) -> RunList:
        """One page, newest first."""
        return self._client.runs_page(limit=limit, after=after)

    def __iter__(self) -> Iterator[RunSummary]:
        """Every run, newest first."""
        after = None
        while True:
            page = self(after=after)
            yield from page.runs
            if (after := page.next) is None:
                return


class RunHandle(HandleCalls):
    """One run of a Client."""

    def __init__(self, client: Client, reference: str) -> None:
        super().__init__(reference)
        self._client = client

    @property
    def id(self) -> str:
        return self.perform(self.find())

    def perform(self, flow: Flow[T]) -> T:
        return self._client.perform(flow)

    def events(self, *, cursor: str | None = None, patience: float = PATIENCE, on_retry: OnRetry | None = None) -> Iterator[Event]:
        """The run's live events; see Client.events."""
        return self._client.events(self.id, cursor=cursor, patience=patience, on_retry=on_retry)

    def wait(self) -> Run:
        """Waits until the run is over. Returns it as it ended."""
        cursor = self.cursor()
        if (run := self.get()).state in OVER:
            return run
        for event in self.events(cursor=cursor):
            if event.event in ("changed", "reset") and (run := self.get()).state in OVER:
                return run
        raise AssertionError("the events of a run do not end")

    def download_export(self, number: int, target: Path) -> None:
        """Writes the model's zip to `target`; a broken download leaves no file there."""
        self._client.download_export(self.id, number, target)

    def live_figure(self, name: str, draw: Callable[[Figures], None] | None = None) -> None:
        """Draws a figure in the cell of a notebook and keeps it up to date until the run is over; interrupt the cell to leave.

        `draw` is what draws it; by default IPython's display, whose output each drawing replaces.
        """
        from client.notebook import display_in_place

        draw = draw or display_in_place()
        cursor, drawn = self.cursor(), time.monotonic()
        draw(self.figure(name))
        if self.get().state in OVER:
            return
        for event in self.events(cursor=cursor):
            is_over = event.event in ("changed", "reset") and self.get().state in OVER
            if is_over or time.monotonic() - drawn >= REDRAW_SECONDS:
                draw(self.figure(name))
                drawn = time.monotonic()
            if is_over:
                return
