"""Follows a run until it is over: a live board in a terminal, lines where the output goes elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live

from client.api import Client
from client.cli.board import board, headline, progress_line
from client.cli.snapshot import SHOWN, Snapshot, policies, read
from client.errors import TRY_AGAIN, ApiError
from client.models import OVER, Run
from client.words import duration

REFRESH_SECONDS = 1.0
LOOK_SECONDS = 10.0
"""Without any event the run is read again so often: estimates change by themselves."""
LINE_SECONDS = 10.0
"""Of progress, at most one line in so long."""
BEHIND_SECONDS = 2.0


@dataclass
class News:
    """What the event stream says, for whoever draws. Written by one thread, read by another."""

    connected: bool = True
    since: float | None = None
    """When something happened that is not drawn yet, or when the connection broke (time.monotonic)."""
    failure: ApiError | None = None
    """Why there will be no more."""
    arrived: threading.Event = field(default_factory=threading.Event)

    def freshness(self) -> str:
        """ "live", or how far behind: "3 s behind", "reconnecting, 12 s without news"."""
        behind = 0.0 if self.since is None else time.monotonic() - self.since
        if not self.connected:
            return f"reconnecting, {duration(behind)} without news"
        return "live" if behind < BEHIND_SECONDS else f"{duration(behind)} behind"

    def happened(self) -> None:
        if not self.connected or self.since is None:
            self.since = time.monotonic()
        self.connected = True
        self.arrived.set()

    def broke(self, _reason: ApiError) -> None:
        if self.connected:
            self.connected, self.since = False, time.monotonic()
        self.arrived.set()

    def ended(self, failure: ApiError) -> None:
        self.failure = failure
        self.arrived.set()


def watch(client: Client, run_id: str, console: Console) -> Run:
    """Shows the run until it is over, and returns it. Rides out a server that is away; raises ApiError when it refuses."""
    if not console.is_terminal:
        return _follow(client, run_id, Lines(console))
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
        return _follow(client, run_id, lambda snapshot, freshness: live.update(board(snapshot, freshness), refresh=True))


def events(client: Client, run_id: str, say: Callable[[str], None]) -> Run:
    """Says every event until the run is over, as one JSON object with `id`, `event` and `data`. Returns the run."""
    cursor = client.cursor(run_id)
    if (run := client.run(run_id)).state in OVER:
        return run
    for event in client.events(run_id, cursor=cursor, patience=float("inf")):
        say(event.model_dump_json())
        if event.event in ("changed", "reset") and (run := client.run(run_id)).state in OVER:
            break
    return run


Draw = Callable[[Snapshot, str], None]
"""Shows a snapshot and how fresh it is; called about once a second."""


def _follow(client: Client, run_id: str, draw: Draw) -> Run:
    news, cursor = News(), client.cursor(run_id)
    snapshot = read(client, run_id)
    threading.Thread(target=_listen, args=(client, run_id, cursor, news), daemon=True, name="events").start()
    looked = time.monotonic()
    while True:
        draw(snapshot, news.freshness())
        if snapshot.run.state in OVER:
            return snapshot.run
        news.arrived.wait(REFRESH_SECONDS)
        time.sleep(max(0.0, looked + REFRESH_SECONDS - time.monotonic()))  # events may come by the hundred
        news.arrived.clear()
        if news.failure:
            raise news.failure
        if (news.connected and news.since is not None) or time.monotonic() - looked > LOOK_SECONDS:
            snapshot, looked = _look(client, run_id, snapshot, news), time.monotonic()


def _look(client: Client, run_id: str, last: Snapshot, news: News) -> Snapshot:
    """The run as it is now; the last one where the server is away."""
    waiting, news.since = news.since, None if news.connected else news.since
    try:
        return read(client, run_id)
    except ApiError as error:
        if error.status not in TRY_AGAIN:
            raise
        news.since = waiting or time.monotonic()
        return last


def _listen(client: Client, run_id: str, cursor: str, news: News) -> None:
    try:
        for _ in client.events(run_id, cursor=cursor, patience=float("inf"), on_retry=news.broke):
            news.happened()
    except ApiError as error:
        news.ended(error)
    except RuntimeError:  # the client was closed: nobody watches any more
        return


class Lines:
    """One line per change of state, per log entry, and now and then of progress."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._state, self._freshness, self._logged, self._steps, self._at = "", "live", 0, -1, float("-inf")

    def __call__(self, snapshot: Snapshot, freshness: str) -> None:
        run = snapshot.run
        for entry in snapshot.log:
            if entry.id > self._logged:
                self._say(f"{entry.time.astimezone():%H:%M:%S} {entry.level}: {entry.message}")
        self._logged = max([self._logged, *(entry.id for entry in snapshot.log)])
        if freshness.startswith("reconnecting") != self._freshness.startswith("reconnecting"):
            self._say("reconnecting" if freshness.startswith("reconnecting") else "connected again")
        due = run.progress.steps != self._steps and time.monotonic() - self._at >= LINE_SECONDS
        if run.state != self._state or due:
            self._say(f"{headline(run).plain}  {progress_line(run.progress)}{_newest(snapshot)}")
            self._steps, self._at = run.progress.steps, time.monotonic()
        if run.error and run.state != self._state:
            self._say(f"Failed: {run.error.message}")
        self._state, self._freshness = run.state, freshness

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def _newest(snapshot: Snapshot) -> str:
    """ "; reward text 0.53, image 0.40; overlap …" """
    views = policies(snapshot)
    told = {name: [f"{view.name} {values[-1]:.3f}" for view in views if (values := view.curves[name])] for name in SHOWN}
    return "".join(f"; {name} {', '.join(each)}" for name, each in told.items() if each)
