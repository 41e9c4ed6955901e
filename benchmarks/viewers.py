"""How soon a step's numbers reach those who watch, and how fast the list of many runs is. `python -m benchmarks.viewers`.

A real PostgreSQL, Valkey and API process; events are put into a run's stream as a worker puts them, and all viewers are connections of this
process, which shares the machine with the server: what they wait for each other is in the numbers.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from copd_engine.events import Points, Value
from server.commands import create_run
from tests.server.api import token_of
from tests.server.api_process import api_process
from tests.server.backend import Backend, running_backend
from tests.server.simulation import small_spec
from worker import bus

CASES = ((50, 20.0), (500, 2.0))
"""Viewers, and events per second."""
SECONDS = 15.0
RUNS = 10_000
REQUESTS = 50
EVALUATIONS = 8
COPIED_RUNS = """
    INSERT INTO runs (id, name, notes, tags, method, priority, spec, source, state, control_version, acknowledged_version, stream_position,
                      paused_policies, created_by, created_at, started_at, ended_at, trained)
    SELECT 'copy' || i, 'copy ' || i, '', '{}', method, 0, spec, source, 'completed', 1, 1, '0-0', '{}', 'ann',
           created_at - i * interval '1 minute', created_at, created_at + i * interval '1 second', i % 100 / 100.0
    FROM runs, generate_series(2, :runs) AS i WHERE id = :first"""
COPIED_SEGMENTS = """
    INSERT INTO segments (run_id, key, position, kind, policy, round, part, step, steps, start, teachers, domain, needs, state)
    SELECT 'copy' || i, key, position, kind, policy, round, part, step, steps, start, teachers, domain, needs, 'done'
    FROM segments, generate_series(2, :runs) AS i WHERE run_id = :first"""
CURVES = """
    WITH made AS (INSERT INTO series (run_id, name, policy, peer, domain)
        SELECT id, 'capability', 'merged', '', domain FROM runs, unnest(ARRAY['text', 'image', 'video']) AS domain RETURNING id)
    INSERT INTO points (series_id, step, attempt_id, value, se, time)
    SELECT id, step, 1, (id * 37 + step) % 1000 / 1000.0, 0.02, now() FROM made, generate_series(1, :evaluations) AS step"""
ACCURACIES = """
    UPDATE runs SET capability = mean FROM (SELECT run_id, avg(value) AS mean FROM series JOIN points ON series_id = series.id
        WHERE step = (SELECT max(step) FROM points) GROUP BY run_id) AS known WHERE known.run_id = runs.id"""
"""Many runs at once, each with a plan and the curves of its merged model; one by one they would take minutes."""


@contextmanager
def signed_in(backend: Backend) -> Iterator[httpx.Client]:
    """A client, with a token, of the API as a process of its own."""
    with api_process() as (_, client):
        client.headers["authorization"] = f"Bearer {token_of(backend)}"
        yield client


class Viewing:
    """Some viewers of one run, and when each of them got which step."""

    def __init__(self, backend: Backend, client: httpx.Client, viewers: int, rate: float) -> None:
        self._backend, self._client, self._viewers, self._rate = backend, client, viewers, rate
        self._sent: dict[int, float] = {}
        self.seconds = list[float]()
        self._connected = asyncio.Semaphore(0)

    async def measure(self, run: str) -> list[tuple[str, str]]:
        events = round(self._rate * SECONDS)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        async with (
            httpx.AsyncClient(base_url=self._client.base_url, headers=self._client.headers, limits=limits, timeout=120) as client,
            asyncio.TaskGroup() as group,  # a viewer that fails ends the rest
        ):
            watching = [group.create_task(self._watch(client, run, events)) for _ in range(self._viewers)]
            for _ in watching:
                await self._connected.acquire()
            for step in range(1, events + 1):
                self._send(run, step)
                await asyncio.sleep(1 / self._rate)
        resets = sum(task.result() for task in watching)
        ordered = sorted(1000 * each for each in self.seconds)
        who = f"{self._viewers} viewers, {self._rate:g} events/s"
        return [
            (f"{who}: event → received, median", f"{statistics.median(ordered):.1f} ms"),
            (f"{who}: p99", f"{ordered[int(0.99 * len(ordered))]:.1f} ms"),
            (f"{who}: received of sent", f"{len(ordered):,} of {self._viewers * events:,}, {resets} resets"),
        ]

    def _send(self, run: str, step: int) -> None:
        values = [Value(name=f"series-{i}", value=step / 7) for i in range(20)]
        event = Points(seq=step, policy="image", step=step, values=values).model_dump(mode="json")
        frame = bus.Frame(time=time.time(), attempt=1, segment="rlvr.image@0", event=event)
        self._sent[step] = time.perf_counter()
        self._backend.redis.xadd(bus.run_stream(run), {bus.STREAM_FIELD: frame.model_dump_json(exclude_defaults=True)})

    async def _watch(self, client: httpx.AsyncClient, run: str, events: int) -> int:
        """Takes events until it has the last one. Returns how many resets there were among them."""
        name, resets = "", 0
        async with client.stream("GET", f"/api/v1/runs/{run}/events") as stream:
            async for line in stream.aiter_lines():
                field, _, value = line.partition(": ")
                if field == "event":
                    name = value
                    resets += name == "reset"
                    if name == "ping":
                        self._connected.release()
                elif field == "data" and name == "points":
                    step = json.loads(value)["step"]
                    self.seconds.append(time.perf_counter() - self._sent[step])
                    if step == events:
                        break
        return resets


def watched(backend: Backend, client: httpx.Client) -> Iterator[tuple[str, str]]:
    for viewers, rate in CASES:
        with backend.sessions() as session:
            run = create_run(session, small_spec(name=f"watched by {viewers}"), "simulated", "ann")
        yield from asyncio.run(Viewing(backend, client, viewers, rate).measure(run))


def listed(backend: Backend, client: httpx.Client) -> Iterator[tuple[str, str]]:
    """The first page of many runs, as `copd list` asks for it, and as the page does: in each order, and from the middle."""
    with backend.sessions() as session:
        first = create_run(session, small_spec(name="run-0", rounds=1), "simulated", "ann")
        session.execute(text(COPIED_RUNS), {"runs": RUNS, "first": first})
        session.execute(text(COPIED_SEGMENTS), {"runs": RUNS, "first": first})
        session.execute(text(CURVES), {"evaluations": EVALUATIONS})
        session.execute(text(ACCURACIES))
        session.commit()
    with backend.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    views = {"newest": {}, **{f"by {sort}": {"sort": sort} for sort in ("name", "state", "progress", "accuracy", "duration")}}
    views |= {"from the middle, by accuracy": {"sort": "accuracy", "offset": RUNS // 2}, "found by name": {"q": "copy 77"}}
    for view, params in views.items():
        milliseconds, answer = list[float](), {"runs": []}
        for _ in range(REQUESTS):
            began = time.perf_counter()
            answer = client.get("/api/v1/runs", params=params).raise_for_status().json()
            milliseconds.append(1000 * (time.perf_counter() - began))
        ordered = sorted(milliseconds)
        what = f"{len(answer['runs'])} of {RUNS:,} runs, {view}"
        yield f"{what}, median", f"{statistics.median(ordered):.0f} ms"
        yield f"{what}, p95", f"{ordered[int(0.95 * len(ordered))]:.0f} ms"


def main() -> None:
    table = Table("measured", "value", title=f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start")
    with running_backend() as backend, signed_in(backend) as client:
        for part in (watched, listed):
            for row in part(backend, client):
                table.add_row(*row)
    Console().print(table)


if __name__ == "__main__":
    main()
