"""Webhooks, and the messages they are sent."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Float, ForeignKey, Identity, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from server.db.models.base import Base


class Webhook(Base):
    """A URL that is told of runs. Its secret is made of `salt` and the server's key, and kept nowhere."""

    __tablename__ = "webhooks"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    url: Mapped[str]
    events: Mapped[list[str]]
    overlap_floor: Mapped[float] = mapped_column(Float(53))
    salt: Mapped[str]
    secret_hash: Mapped[str]
    """By which a process whose key is another one notices it."""
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class WebhookMessage(Base):
    """One message of a webhook: the outbox while `next_at` is set, after that the log of what became of it."""

    __tablename__ = "webhook_messages"

    id: Mapped[str] = mapped_column(primary_key=True)
    webhook_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("webhooks.id", ondelete="CASCADE"))
    run_id: Mapped[str | None] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), index=True)
    event: Mapped[str]
    payload: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    tries: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime | None] = mapped_column(server_default=func.now())
    """When it is sent next; null once it was taken or given up."""
    delivered_at: Mapped[datetime | None]
    status: Mapped[int | None]
    error: Mapped[str | None]

    __table_args__ = (
        Index("webhook_messages_due", "next_at", postgresql_where=text("next_at IS NOT NULL")),
        Index("webhook_messages_by_webhook", "webhook_id", "created_at"),
    )
