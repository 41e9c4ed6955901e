"""Workers, and what they use of their machines."""

from __future__ import annotations

from pydantic import BaseModel


class GpuUsage(BaseModel):
    utilisation: float | None
    memory_used: int
    memory_total: int
    temperature: float | None


class Usage(BaseModel):
    """How busy a worker's machine is; shares in [0, 1], sizes in bytes."""

    cpu: float
    memory_used: int
    memory_total: int
    disk_free: int
    gpu: GpuUsage | None


class Worker(BaseModel):
    name: str
    state: str
    host: str
    pid: int
    device: str
    fingerprint: str
    run: str | None
    run_name: str | None
    segment: str | None
    attempt: int | None
    done: int
    total: int
    usage: Usage | None = None
    """None while nothing is known of its machine."""


class WorkerList(BaseModel):
    workers: list[Worker]
    scheduler_alive: bool
