"""Webhooks, and what became of their messages. Secrets are not among what is read."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.api.schemas.webhooks import DeliveryList, DeliveryView, WebhookList, WebhookView
from server.commands.errors import NotFound
from server.db.models import Webhook, WebhookMessage
from server.webhooks.messages import WebhookEvent


def webhooks(db: Session) -> WebhookList:
    return WebhookList(webhooks=[webhook_view(row) for row in db.scalars(select(Webhook).order_by(Webhook.id))])


def webhook_view(row: Webhook) -> WebhookView:
    return WebhookView(
        id=row.id,
        url=row.url,
        events=[WebhookEvent(event) for event in row.events],
        overlap_floor=row.overlap_floor,
        created_by=row.created_by,
        created_at=row.created_at,
    )


def deliveries(db: Session, webhook_id: int, *, limit: int) -> DeliveryList:
    """Newest first. Raises NotFound."""
    if db.get(Webhook, webhook_id) is None:
        raise NotFound(f"there is no webhook {webhook_id}")
    query = select(WebhookMessage).where(WebhookMessage.webhook_id == webhook_id)
    rows = db.scalars(query.order_by(WebhookMessage.created_at.desc(), WebhookMessage.id).limit(limit))
    return DeliveryList(deliveries=[delivery_view(row) for row in rows])


def delivery_view(row: WebhookMessage) -> DeliveryView:
    return DeliveryView(
        id=row.id,
        event=row.event,
        run=row.run_id,
        created_at=row.created_at,
        state="delivered" if row.delivered_at else "waiting" if row.next_at else "given_up",
        tries=row.tries,
        next_at=row.next_at,
        delivered_at=row.delivered_at,
        status=row.status,
        error=row.error,
    )
