"""Workers, logins, and how the service itself is."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, StringConstraints

from server.api.schemas.parts import Body, Text


class WorkerView(BaseModel):
    name: str
    state: Literal["starting", "loading", "idle", "busy", "stopping", "gone"]
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
    started_at: datetime
    seen_at: datetime


class WorkerList(BaseModel):
    workers: list[WorkerView]
    scheduler_alive: bool


class LoginCode(Body):
    code: Annotated[Text, StringConstraints(min_length=1, max_length=200)]


class Session(BaseModel):
    user: str
    expires_at: datetime | None


class Health(BaseModel):
    status: Literal["ok", "unavailable"]
    checks: dict[str, str] = {}
