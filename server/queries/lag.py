"""How far what is stored is behind what was sent."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import redis
from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.models import Run
from server.states import STOPPING, RunState
from server.stream_ids import stream_time
from worker.bus import run_stream

LIVE = (RunState.running.value, *(state.value for state in STOPPING))
MOST_COUNTED = 10_000
"""Entries counted per run: beyond it, the lag is a fault anyway."""


@dataclass(frozen=True)
class Lag:
    runs: int
    """Runs that are live."""
    events: int
    seconds: float
    """Age of the oldest entry that is not stored."""


def recorder_lag(db: Session, client: redis.Redis) -> Lag:
    """Over all live runs. Raises redis.RedisError."""
    positions = {row.id: row.stream_position for row in db.execute(select(Run.id, Run.stream_position).where(Run.state.in_(LIVE)))}
    pipe = client.pipeline(transaction=False)
    for run, position in positions.items():
        pipe.xrange(run_stream(run), f"({position}", "+", count=MOST_COUNTED)
    waiting: list[Any] = [entries for entries in pipe.execute() if entries]
    oldest = min((stream_time(entries[0][0].decode()).timestamp() for entries in waiting), default=None)
    seconds = 0.0 if oldest is None else max(0.0, time.time() - oldest)
    return Lag(runs=len(positions), events=sum(map(len, waiting)), seconds=seconds)
