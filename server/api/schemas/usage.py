"""How busy the workers' machines were."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field


class WorkerUsage(BaseModel):
    """One worker's machine over time: lists of one length, oldest first; shares in [0, 1]."""

    worker: str
    host: str
    is_there: bool = Field(description="whether it reports now; if not, the last `time` is when it was last seen")
    seconds: float = Field(description="how long a stretch of time each entry tells of, by its highest figures")
    time: list[datetime]
    cpu: list[float]
    memory: list[float]
    gpu: list[float | None] | None = Field(description="null: it has none, or none that can tell")
    gpu_memory: list[float | None] | None


class UsageList(BaseModel):
    workers: list[WorkerUsage] = Field(description="by name")
