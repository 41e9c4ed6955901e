"""Attempts at segments: what ran where, and how it ended."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field


class AttemptView(BaseModel):
    id: int
    segment: str
    worker: str
    state: Literal["sent", "running", "done", "stopped", "failed", "lost", "superseded"]
    start_step: int
    stored_step: int | None
    sent_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    error: str | None = Field(None, description="why it failed or was lost, in one sentence")
    provenance: dict[str, Any] | None = Field(
        None, description="code, packages, hardware, fingerprint, hash of the spec, and fingerprints of the data it read; known at its end"
    )


class AttemptList(BaseModel):
    attempts: list[AttemptView]
