"""Checkpoints and exports."""

from __future__ import annotations

from pydantic import BaseModel


class Checkpoint(BaseModel):
    policy: str
    step: int
    digest: str
    bytes: int
    pinned_by: str | None = None


class KeptCheckpoint(Checkpoint):
    reasons: list[str]


class Sweep(BaseModel):
    """What a sweep removed, or with `dry_run` would remove."""

    dry_run: bool
    removed: list[Checkpoint]
    removed_bytes: int
    kept: list[KeptCheckpoint]
    kept_bytes: int


class Export(BaseModel):
    id: int
    policy: str
    step: int
    state: str
