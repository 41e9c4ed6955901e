"""What admins do to webhooks. Each command is one transaction, its line in the log included."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from urllib.parse import urlsplit

from sqlalchemy import func
from sqlalchemy.orm import Session

from server import auth
from server.commands.errors import NotFound
from server.db.models import Webhook, WebhookMessage
from server.db.session import transaction
from server.db.transition import log
from server.webhooks.messages import TEST, WebhookEvent, queue
from server.webhooks.signing import secret_from


def add_webhook(
    db: Session, key: bytes, author: str, *, url: str, events: Collection[WebhookEvent], overlap_floor: float
) -> tuple[str, Webhook]:
    """The secret, which nobody can read again, and the row. key: the server's own."""
    salt = secrets.token_hex(16)
    secret = secret_from(key, salt)
    told = sorted({event.value for event in events})
    with transaction(db):
        webhook = Webhook(
            url=url, events=told, overlap_floor=overlap_floor, salt=salt, secret_hash=auth.digest(key, "webhook", secret), created_by=author
        )
        db.add(webhook)
        db.flush()
        data = {"webhook": webhook.id, "host": urlsplit(url).hostname, "events": told}
        log(db, None, author, f"added the webhook {webhook.id} to {data['host']}", data=data)
    db.refresh(webhook)
    return secret, webhook


def remove_webhook(db: Session, webhook_id: int, author: str) -> None:
    """With all its messages, sent or not. Raises NotFound."""
    with transaction(db):
        webhook = _webhook(db, webhook_id)
        log(db, None, author, f"removed the webhook {webhook_id} to {urlsplit(webhook.url).hostname}", data={"webhook": webhook_id})
        db.delete(webhook)


def send_test(db: Session, webhook_id: int, author: str) -> WebhookMessage:
    """Queues a message of type `test`. Raises NotFound."""
    with transaction(db):
        message = queue(db, _webhook(db, webhook_id), TEST, None, {})
        log(db, None, author, f"sent a test to the webhook {webhook_id}", data={"webhook": webhook_id, "message": message.id})
    db.refresh(message)
    return message


def send_again(db: Session, webhook_id: int, message_id: str, author: str) -> WebhookMessage:
    """Queues a message anew, under its own id, whatever became of it. Raises NotFound."""
    with transaction(db):
        message = db.get(WebhookMessage, message_id, with_for_update=True)
        if message is None or message.webhook_id != webhook_id:
            raise NotFound(f"the webhook {webhook_id} has no message {message_id}")
        message.tries, message.next_at, message.delivered_at = 0, func.now(), None
        log(db, None, author, f"sent the message {message_id} again", data={"webhook": webhook_id, "message": message_id})
    db.refresh(message)
    return message


def _webhook(db: Session, webhook_id: int) -> Webhook:
    if (webhook := db.get(Webhook, webhook_id)) is None:
        raise NotFound(f"there is no webhook {webhook_id}")
    return webhook
