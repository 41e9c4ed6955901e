"""Users, tokens and webhooks."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel


class User(BaseModel):
    name: str
    role: str
    has_password: bool
    disabled: bool
    created_at: datetime


class Token(BaseModel):
    id: int
    name: str
    user: str
    role: str
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None
    value: str | None = None
    """Only in the answer that made it."""


class Webhook(BaseModel):
    id: int
    url: str
    events: list[str]
    overlap_floor: float
    created_by: str
    created_at: datetime
    secret: str | None = None
    """Only in the answer that made it."""


class Delivery(BaseModel):
    """One message of a webhook. `id` is its header webhook-id; state: waiting, delivered or given_up."""

    id: str
    event: str
    run: str | None
    created_at: datetime
    state: str
    tries: int
    next_at: datetime | None
    delivered_at: datetime | None
    status: int | None
    error: str | None
