"""How fast the page draws, and what it costs the browser. `python -m benchmarks.dashboard`.

A real PostgreSQL, Valkey, recorder and API process; steps are put into a run's stream as a worker puts them, and Chromium's own counters
and performance trace are read. Server, recorder and browser share the machine: what they wait for each other is in the numbers.
"""

from __future__ import annotations

import gzip
import math
import os
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from copd_engine.events import Points, Value
from server.api.page import static_folder
from server.db.models import Attempt
from server.stream_ids import stream_order
from tests.browser.chromium import find_chromium
from tests.server.api import token_of
from tests.server.api_process import api_process
from tests.server.backend import running_backend
from tests.server.simulation import World, small_spec, world_over
from worker import bus

EXPERTS = ("text", "image", "video", "code")
"""Four of them teach each other over 12 edges: charts of 12 curves."""
DOMAIN = "digits"
GAP = "How much does each teacher disagree with its student?"
POINTS = 1_000
MEASURED_EVERY = 20
UPDATES = 40
LIVE_SECONDS = 20.0
STEPS_PER_SECOND = 4.0
SETTLED_SECONDS = 0.5
"""Longer than the page waits before it draws, and the drawing."""
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
CATEGORIES = ["toplevel", "devtools.timeline"]
SCRIPTS = "performance.getEntriesByType('resource').map(each => each.name).filter(name => name.endsWith('.js'))"
DESKTOP = {"width": 1440, "height": 900}
ONE_CHART = {"width": 800, "height": 330}

EARS = """
window.seen = { arrived: {}, drawn: {}, chart: null };
const add = EventSource.prototype.addEventListener;
EventSource.prototype.addEventListener = function (type, listener, options) {
  return add.call(this, type, type !== "points" ? listener : (message) => {
    window.seen.arrived[JSON.parse(message.data).step] ??= performance.now();
    listener(message);
  }, options);
};
(function look() {
  if (document.querySelector(".js-plotly-plot .main-svg")) window.seen.chart = performance.now();
  else requestAnimationFrame(look);
})();
"""
"""Notes when a step arrives and when the first chart is there."""
WATCH = """card => {
  const plot = card.querySelector(".js-plotly-plot");
  plot.on("plotly_afterplot", () => {
    const last = Math.max(...plot.data.map(trace => trace.x.at(-1) ?? 0));
    for (const step in window.seen.arrived) if (step <= last) window.seen.drawn[step] ??= performance.now();
  });
}"""


@dataclass
class Training:
    """A run that trains: its steps go through the stream into the tables, as fast or as slow as it is told."""

    world: World
    run: str
    attempt: int
    step: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def advance(self) -> None:
        """One step of every expert."""
        self.step += 1
        with self.world.redis.pipeline(transaction=False) as pipe:
            for number, expert in enumerate(EXPERTS):
                event = Points(seq=self.step * len(EXPERTS) + number, policy=expert, step=self.step, values=values(expert, self.step))
                frame = bus.Frame(time=time.time(), attempt=self.attempt, segment=f"rlvr.{expert}@0", event=event.model_dump(mode="json"))
                pipe.xadd(bus.run_stream(self.run), {bus.STREAM_FIELD: frame.model_dump_json(exclude_defaults=True)})
            pipe.execute()

    def record(self) -> None:
        """The recorder's work, until it is over."""
        while not self.over.is_set():
            self.world.recorder.step()


def values(expert: str, step: int) -> list[Value]:
    def wave(shift: int, height: float) -> float:
        return height * math.sin(step / 40 + shift) + height / 3 * math.sin(step * (shift + 2))

    own = EXPERTS.index(expert)
    peers = [(number, peer) for number, peer in enumerate(EXPERTS) if peer != expert]
    return [
        Value(name="reward", value=0.5 + wave(own, 0.2)),
        Value(name="zero_advantage", value=0.3 + wave(own, 0.1)),
        Value(name="tokens_per_second", value=900 + wave(own, 90)),
        *(Value(name="gap", peer=peer, value=-0.5 + wave(own + number, 0.1)) for number, peer in peers),
        *(measured_at(own, wave) if step % MEASURED_EVERY == 0 else []),
    ]


def measured_at(own: int, wave: Callable[[int, float], float]) -> list[Value]:
    """What a run knows at the ends of its phases only."""
    peers = [(number, peer) for number, peer in enumerate(EXPERTS) if number != own]
    return [
        Value(name="capability", domain=DOMAIN, value=0.6 + wave(own, 0.1), se=0.02),
        *(Value(name="overlap", peer=peer, value=0.9 + wave(own + number, 0.03)) for number, peer in peers),
        *(Value(name="symmetric_kl", peer=peer, value=0.2 + wave(own + number, 0.05)) for number, peer in peers),
    ]


@contextmanager
def training(world: World) -> Iterator[Training]:
    """With POINTS steps behind it."""
    experts = {name: {"domain": DOMAIN} for name in EXPERTS}
    run = world.submit(small_spec(name="watched", experts=experts, rounds=100))
    with world.backend.sessions.begin() as session:
        session.execute(text("UPDATE runs SET state = 'running' WHERE id = :run"), {"run": run})
        first = f"rlvr.{EXPERTS[0]}@0"
        started = text("UPDATE segments SET state = 'running', started_at = now() WHERE run_id = :run AND key = :key")
        session.execute(started, {"run": run, "key": first})
        attempt = Attempt(run_id=run, segment_key=first, worker="w1", state="running", start_step=0)
        session.add(attempt)
        session.flush()
        trained = Training(world, run, attempt.id)
    thread = threading.Thread(target=trained.record)
    thread.start()
    try:
        for _ in range(POINTS):
            trained.advance()
        newest: Any = world.redis.xrevrange(bus.run_stream(run), count=1)
        while stream_order(world.run(run).stream_position) < stream_order(newest[0][0].decode()):
            time.sleep(0.1)
        yield trained
    finally:
        trained.over.set()
        thread.join()


class Tab:
    """A page of the browser, and the debugger's ear on it."""

    def __init__(self, browser: Browser, token: str, size: Any) -> None:
        context = browser.new_context(viewport=size, extra_http_headers={"authorization": f"Bearer {token}"})
        context.add_init_script(EARS)
        self.page: Page = context.new_page()
        self.cdp: CDPSession = context.new_cdp_session(self.page)
        self.cdp.send("Performance.enable")

    def metric(self, name: str) -> float:
        metrics = self.cdp.send("Performance.getMetrics")["metrics"]
        return next(each["value"] for each in metrics if each["name"] == name)

    def open(self, url: str) -> None:
        self.page.goto(url)
        self.page.locator(".js-plotly-plot .main-svg").first.wait_for()

    def tasks(self, seconds: float, work: Any) -> list[dict[str, Any]]:
        """Those of pages' main threads, by the performance trace, while `work` goes on."""
        events = list[dict[str, Any]]()
        self.cdp.on("Tracing.dataCollected", lambda told: events.extend(told["value"]))
        over = list[bool]()
        self.cdp.on("Tracing.tracingComplete", lambda _: over.append(True))
        self.cdp.send("Tracing.start", {"transferMode": "ReportEvents", "traceConfig": {"includedCategories": CATEGORIES}})
        work(seconds)
        self.cdp.send("Tracing.end")
        while not over:
            self.page.wait_for_timeout(50)
        names = {(each["pid"], each["tid"]): each["args"]["name"] for each in events if each["name"] == "thread_name"}
        return [
            each
            for each in events
            if each["name"] == "ThreadControllerImpl::RunTask" and names.get((each["pid"], each["tid"])) == "CrRendererMain"
        ]


def updates(tab: Tab, trained: Training, url: str) -> Iterator[tuple[str, str, str]]:
    """One chart of 12 curves in sight; a step, the drawing, and then what that cost."""
    tab.page.goto(url)
    card = tab.page.get_by_role("region", name=GAP)
    card.scroll_into_view_if_needed()
    card.locator(".main-svg").first.wait_for()
    tab.page.wait_for_timeout(2000)
    card.evaluate(WATCH)
    curves = card.evaluate("card => card.querySelector('.js-plotly-plot').data.map(trace => trace.x.filter(x => x !== null).length)")
    spent = [tab.metric("ScriptDuration")]
    for _ in range(UPDATES):
        trained.advance()
        tab.page.wait_for_timeout(1000 * SETTLED_SECONDS)
        spent.append(tab.metric("ScriptDuration"))
    milliseconds = sorted(1000 * (after - before) for before, after in pairwise(spent))
    what = f"script per update, {len(curves)} curves × {min(curves):,} points"
    yield f"{what}, median", f"{statistics.median(milliseconds):.0f} ms", "≤ 50 ms"
    yield f"{what}, p95", f"{milliseconds[int(0.95 * len(milliseconds))]:.0f} ms", ""
    seen = tab.page.evaluate("window.seen")
    delays = sorted(seen["drawn"][step] - at for step, at in seen["arrived"].items() if step in seen["drawn"])
    yield f"a step's arrival → drawn ({len(delays)} of {len(seen['arrived'])}), median", f"{statistics.median(delays):.0f} ms", "≤ 300 ms"
    yield "a step's arrival → drawn, p95", f"{delays[int(0.95 * len(delays))]:.0f} ms", ""


def live(tab: Tab, trained: Training, url: str) -> Iterator[tuple[str, str, str]]:
    """The overview as it opens, while steps come. Shares are of processor time: by the clock a task also waits for server and recorder."""
    tab.open(url)
    tab.page.wait_for_timeout(3000)

    def go_on(seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            trained.advance()
            tab.page.wait_for_timeout(1000 / STEPS_PER_SECOND)

    began = time.monotonic()
    tasks = tab.tasks(LIVE_SECONDS, go_on)
    share = sum(each.get("tdur", 0) for each in tasks) / 1e6 / (time.monotonic() - began)
    yield f"share of a core, overview live at {STEPS_PER_SECOND:g} steps/s", f"{100 * share:.0f} %", "≤ 35 %"
    yield "longest task meanwhile, of processor time", f"{max(each.get('tdur', 0) for each in tasks) / 1000:.0f} ms", "≤ 150 ms"
    yield "longest task meanwhile, by the clock", f"{max(each.get('dur', 0) for each in tasks) / 1000:.0f} ms", ""


def opening(tab: Tab, url: str) -> Iterator[tuple[str, str, str]]:
    """Once to warm the server up, then as a browser that has nothing yet."""
    tab.open(url)
    tab.page.wait_for_timeout(2000)  # until what it asked for is answered
    tab.cdp.send("Network.clearBrowserCache")
    tab.open(url)
    tab.page.wait_for_timeout(1000)
    painted = tab.page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    yield "first paint", f"{painted:.0f} ms", "≤ 1,000 ms"
    yield "first chart", f"{tab.page.evaluate('window.seen.chart'):.0f} ms", "≤ 1,000 ms"
    names: set[str] = {url.rpartition("/")[2] for url in tab.page.evaluate(SCRIPTS)}
    sizes = {name: len(gzip.compress((static_folder() / "assets" / name).read_bytes())) for name in names}
    own = sum(size for name, size in sizes.items() if "plotly" not in name)
    yield "own JavaScript of the overview, gzipped", f"{own / 1000:.0f} kB", "≤ 250 kB"
    yield "Plotly, gzipped", f"{sum(sizes.values()) / 1000 - own / 1000:.0f} kB", ""


def measured() -> Iterator[tuple[str, str, str]]:
    with running_backend() as backend, world_over(backend) as world, training(world) as trained, api_process() as (_, client):
        url, token = f"{str(client.base_url).rstrip('/')}/runs/{trained.run}", token_of(backend)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_chromium(whole=True), args=ARGUMENTS)
            yield from opening(Tab(browser, token, DESKTOP), url)
            yield from live(Tab(browser, token, DESKTOP), trained, url)
            yield from updates(Tab(browser, token, ONE_CHART), trained, url)
            browser.close()


def main() -> None:
    table = Table("measured", "value", "wanted", title=f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start")
    for row in measured():
        print(*row, sep="; ", flush=True)
        table.add_row(*row)
    Console().print(table)


if __name__ == "__main__":
    main()
