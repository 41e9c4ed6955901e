"""Workers, and how the service itself is."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from worker.bus import Usage


class WorkerView(BaseModel):
    name: str
    state: Literal["starting", "loading", "idle", "busy", "stopping"]
    host: str
    pid: int
    device: str
    threads: int
    fingerprint: str
    versions: dict[str, str]
    run: str | None
    run_name: str | None
    segment: str | None
    attempt: int | None
    done: int
    total: int
    usage: Usage | None
    started_at: datetime
    seen_at: datetime


class WorkerList(BaseModel):
    workers: list[WorkerView]
    scheduler_alive: bool


class Health(BaseModel):
    status: Literal["ok", "unavailable"]
    checks: dict[str, str] = {}
