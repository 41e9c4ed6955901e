"""What a million events of one run do to the memory of Redis, with a recorder that is away for a third of them.

`python -m benchmarks.redis_memory`. Real PostgreSQL, Valkey and recorder, embedded and empty; the events come from another process, through
the worker's own link and event files. Ends with every point counted.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from typing import Any

from rich.console import Console
from rich.table import Table
from sqlalchemy import func, select, text

from copd_engine.attempt import EventLog
from copd_engine.events import Points, Value
from copd_engine.job import SegmentData, SegmentJob
from copd_engine.plan import plan
from copd_engine.store import open_store
from server.db.models import Attempt, Point
from tests.server.backend import running_backend
from tests.server.simulation import World, small_spec, world_over
from worker import bus
from worker.connection import connect
from worker.link import Link

EVENTS, PER_ATTEMPT, SAMPLE = 1_000_000, 50_000, 50_000
PER_SECOND = 3_500
"""Far more than any run sends."""
AWAY = range(350_000, 680_000)
"""Events during which the recorder does not run."""
VALUES = [Value(name=name, value=0.123456789) for name in ("reward", "loss")]


def produce(redis_url: str, store_url: str, run: str, attempts: list[int]) -> None:
    """Attempts one after the other, each event into its file and the run's stream."""
    store, redis, began, step = open_store(store_url).below(f"runs/{run}"), connect(redis_url), time.monotonic(), 0
    spec = small_spec()
    for attempt in attempts:
        job = SegmentJob(run=run, attempt=attempt, spec=spec, segment=SegmentData.of(plan(spec)[0]))
        with Link(redis, "w1", job, on_lost=lambda _: None) as link:
            log = EventLog(store, f"{job.folder}/events.jsonl", link.emit)
            for _ in range(PER_ATTEMPT):
                step += 1
                log.emit(Points(policy="image", step=step, values=VALUES))
                if step % 500 == 0:
                    time.sleep(max(0.0, began + step / PER_SECOND - time.monotonic()))
            log.close()


def measure(world: World) -> list[tuple[str, ...]]:
    """One row per SAMPLE events sent."""
    run = world.submit()
    with world.backend.sessions.begin() as session:
        made = [
            Attempt(run_id=run, segment_key="rlvr.image@0", worker="w1", state="running", start_step=0)
            for _ in range(EVENTS // PER_ATTEMPT)
        ]
        session.add_all(made)
        session.flush()
        attempts = [attempt.id for attempt in made]
    settings, rows, sent = world.backend.settings, list[tuple[str, ...]](), 0
    process = multiprocessing.get_context("spawn").Process(target=produce, args=(settings.redis_url, settings.store_url, run, attempts))
    process.start()
    while process.is_alive():
        is_away = sent in AWAY
        if is_away:
            time.sleep(0.05)
        else:
            world.recorder.step()
        info: Any = world.redis.xinfo_stream(bus.run_stream(run)) if world.redis.exists(bus.run_stream(run)) else {}
        sent = info.get("entries-added", 0)
        if sent >= SAMPLE * (len(rows) + 1):
            memory: Any = world.redis.info("memory")
            state = "away" if is_away else "at work"
            rows.append((f"{sent:,}", state, f"{info['length']:,}", f"{memory['used_memory'] / 1e6:.0f} MB"))
    process.join()
    assert process.exitcode == 0
    return [*rows, *counted(world, run)]


def counted(world: World, run: str) -> list[tuple[str, ...]]:
    """The attempts end; what the stream had lost is taken from their files."""
    ended = "UPDATE attempts SET state = 'done', events = :events, ended_at = now() - interval '10 s'"
    with world.backend.engine.begin() as connection:
        connection.execute(text(ended), {"events": PER_ATTEMPT})
    gaps = len(world.incomplete())
    while world.incomplete():
        world.record()
    memory: Any = world.redis.info("memory")
    with world.backend.sessions() as session:
        points = session.scalars(select(func.count()).select_from(Point)).one()
    length = world.redis.xlen(bus.run_stream(run))
    return [
        (
            f"end: {points:,} points stored",
            f"{gaps} of {EVENTS // PER_ATTEMPT} attempts from files",
            f"{length:,}",
            f"{memory['used_memory'] / 1e6:.0f} MB",
        )
    ]


def main() -> None:
    table = Table(
        "events sent", "recorder", "stream entries", "memory of Valkey", title=f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )
    with running_backend() as backend:
        backend.empty()
        with world_over(backend) as world:
            for row in measure(world):
                table.add_row(*row)
    Console().print(table)


if __name__ == "__main__":
    main()
