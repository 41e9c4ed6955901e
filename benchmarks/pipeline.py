"""How fast numbers reach the tables, and how soon a segment follows the one before. `python -m benchmarks.pipeline`.

Real PostgreSQL, Valkey, scheduler and recorder, embedded and empty; workers are simulated and take no time of their own, so that what
is measured is orchestration alone. CPU seconds are this process's: on a busy machine they say more than the clock.
"""

from __future__ import annotations

import gc
import os
import statistics
import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from copd_engine.events import Event, Points, Value
from server.db import points
from server.db.models import Attempt, Series
from server.scheduler.loop import Scheduler
from tests.server.api import serving, sign_in
from tests.server.backend import Backend, running_backend
from tests.server.simulation import Believing, World, small_spec, world_over
from worker import bus

SERIES_PER_EVENT = 20
EVENTS = 10_000
ROUNDS = 20
CHART_POINTS = 1_000_000
CHART_REQUESTS = 100


def ingest(world: World) -> list[tuple[str, str]]:
    """Events as a worker sends them, from the stream to committed rows. Sending is not in the time."""
    seconds, cpu = ingest_seconds(world, EVENTS, SERIES_PER_EVENT)
    count = EVENTS * SERIES_PER_EVENT
    return [
        ("points recorded", f"{count:,}"),
        ("points per second", f"{count / seconds:,.0f}"),
        ("points per CPU second of the recorder", f"{count / cpu:,.0f}"),
    ]


def ingest_seconds(world: World, events: int, series: int) -> tuple[float, float]:
    """Sends events of so many series each, then records them: seconds of that, by the clock and of the recorder's CPU."""
    run = world.submit()
    with world.backend.sessions.begin() as session:
        attempt = Attempt(run_id=run, segment_key="rlvr.image@0", worker="w1", state="running", start_step=0)
        session.add(attempt)
        session.flush()
        number = attempt.id
    values = [Value(name=f"series-{i}", value=i / 7, se=0.1) for i in range(series)]
    send(world, run, number, [Points(seq=step, policy="image", step=step, values=values) for step in range(1, events + 1)])
    newest: Any = world.redis.xrevrange(bus.run_stream(run), count=1)
    last = newest[0][0].decode()
    began, cpu = time.perf_counter(), time.process_time()
    while world.run(run).stream_position != last:
        world.recorder.step()
    return time.perf_counter() - began, time.process_time() - cpu


def send(world: World, run: str, attempt: int, events: Sequence[Event]) -> None:
    with world.redis.pipeline(transaction=False) as pipe:
        for event in events:
            frame = bus.Frame(time=time.time(), attempt=attempt, segment="rlvr.image@0", event=event.model_dump(mode="json"))
            pipe.xadd(bus.run_stream(run), {bus.STREAM_FIELD: frame.model_dump_json(exclude_defaults=True)})
        pipe.execute()


def gaps(world: World) -> list[tuple[str, str]]:
    """From a result's wake-up to the next job on the same worker's queue, with the scheduler in its own thread."""
    sent, over = threading.Event(), threading.Event()
    jobs = world.inboxes

    def hand_over(worker: str, job: object) -> None:
        jobs[worker] = job  # pyright: ignore[reportArgumentType]
        sent.set()

    scheduler = Scheduler(world.term, world.redis, world.archive, hand_over)
    scheduler._lookout.trust = Believing()  # the Valkey is younger than a lease  # noqa: SLF001
    run = world.submit(small_spec(rounds=ROUNDS, checkpoint={"every": 0}))
    world.add_worker("w1")
    thread = threading.Thread(target=lambda: [scheduler.step() for _ in iter(over.is_set, True)])
    cpu, seconds = time.process_time(), list[float]()
    thread.start()
    ended = 0.0
    while world.run(run).ended_at is None:
        if sent.wait(0.5):
            if ended:
                seconds.append(time.perf_counter() - ended)
            sent.clear()
            world.finish("w1")
            ended = time.perf_counter()
    over.set()
    thread.join()
    cpu = time.process_time() - cpu
    ordered = sorted(1000 * gap for gap in seconds)
    return [
        ("segments", f"{len(ordered) + 1}"),
        ("end → successor sent, median", f"{statistics.median(ordered):.1f} ms"),
        ("end → successor sent, p95", f"{ordered[int(0.95 * len(ordered))]:.1f} ms"),
        ("CPU per segment, scheduler and simulated worker", f"{1000 * cpu / (len(ordered) + 1):.1f} ms"),
    ]


def charts(world: World) -> list[tuple[str, str]]:
    milliseconds, size = chart_milliseconds(world)
    ordered = sorted(milliseconds)
    return [
        (f"curve of {CHART_POINTS:,} points, median", f"{statistics.median(ordered):.0f} ms"),
        (f"curve of {CHART_POINTS:,} points, p95", f"{ordered[int(0.95 * len(ordered))]:.0f} ms"),
        ("its size", f"{size / 1024:.1f} KiB"),
    ]


def chart_milliseconds(world: World) -> tuple[list[float], int]:
    """One curve of a million points, as the page asks for it: times of the API's whole answer, thinned to 1,000 points, and its bytes."""
    run = long_run(world)
    milliseconds, size = list[float](), 0
    with serving(world.backend) as client:
        sign_in(client, world.backend)
        for _ in range(CHART_REQUESTS):
            began = time.perf_counter()
            answer = client.get(f"/api/v1/runs/{run}/series", params={"name": "reward"}, headers={"accept-encoding": "gzip"})
            milliseconds.append(1000 * (time.perf_counter() - began))
            shown = answer.raise_for_status().json()["series"][0]
            if (min(shown["value"]), max(shown["value"]), shown["total"]) != (-9.0, 9.0, CHART_POINTS):
                raise AssertionError("the curve lost its smallest or largest point")
            size = int(answer.headers["content-length"])
    return milliseconds, size


def long_run(world: World) -> str:
    """A run with one curve, packed as the recorder packs it, with a smallest and a largest point of its own."""
    run = world.submit()
    values = np.sin(np.arange(CHART_POINTS) / 5_000)
    values[CHART_POINTS // 3], values[CHART_POINTS // 2] = -9.0, 9.0
    with world.backend.sessions.begin() as session:
        series = Series(run_id=run, name="reward", policy="image")
        session.add(series)
        session.flush()
        for start in range(0, CHART_POINTS, 100_000):
            rows = ((series.id, step, 1, values[step].item(), None, 1.8e9 + step) for step in range(start, start + 100_000))
            points.insert_rows(session, list(rows))
            points.pack(session, series.id)
    with world.backend.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE points"))
    return run


def fresh(backend: Backend) -> None:
    backend.empty()
    backend.redis.flushall()


def main() -> None:
    gc.freeze()  # as the scheduler's process does
    table = Table("measured", "value", title=f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start")
    with running_backend() as backend:
        for measure in (ingest, gaps, charts):
            fresh(backend)
            with world_over(backend) as world:
                for row in measure(world):
                    table.add_row(*row)
    Console().print(table)


if __name__ == "__main__":
    main()
