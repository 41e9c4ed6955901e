"""Webhooks: telling other systems what happens to runs. For admins (access.py)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from server.api.deps import JSON_ONLY, Db, IdentityDep, RowId, ServicesDep, problems
from server.api.problems import of_field
from server.api.schemas.webhooks import DeliveryList, DeliveryView, NewWebhook, WebhookCreate, WebhookList
from server.commands import webhooks as commands
from server.queries import webhooks as queries
from server.webhooks.addresses import RefusedAddressError, check_literal

router = APIRouter(prefix="/webhooks", tags=["webhooks"])
NO_WEBHOOK = problems(s404="there is no such webhook")
MessageId = Annotated[str, Path(pattern=r"^msg_[0-9a-f]{24}$")]


@router.get("")
def list_webhooks(db: Db) -> WebhookList:
    return queries.webhooks(db)


@router.post("", status_code=201, dependencies=[JSON_ONLY])
def add_webhook(body: WebhookCreate, db: Db, services: ServicesDep, identity: IdentityDep) -> NewWebhook:
    """Messages are signed as Standard Webhooks has it; the secret is in this answer only."""
    try:
        check_literal(body.url, services.settings.webhook_networks)
    except RefusedAddressError as error:
        raise of_field("url", str(error)) from None
    secret, webhook = commands.add_webhook(
        db, services.secret, identity.name, url=body.url, events=body.events, overlap_floor=body.overlap_floor
    )
    return NewWebhook(**queries.webhook_view(webhook).model_dump(), secret=secret)


@router.delete("/{webhook_id}", status_code=204, responses=NO_WEBHOOK)
def remove_webhook(webhook_id: RowId, db: Db, identity: IdentityDep) -> None:
    """Ends it, and drops what it has not delivered."""
    commands.remove_webhook(db, webhook_id, identity.name)


@router.post("/{webhook_id}/test", status_code=202, responses=NO_WEBHOOK)
def send_test_message(webhook_id: RowId, db: Db, identity: IdentityDep) -> DeliveryView:
    """Queues a message of type `test`; its delivery tells what came of it."""
    return queries.delivery_view(commands.send_test(db, webhook_id, identity.name))


@router.get("/{webhook_id}/deliveries", responses=NO_WEBHOOK)
def list_deliveries(webhook_id: RowId, db: Db, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> DeliveryList:
    """Its messages of the last 30 days and what became of them, newest first."""
    return queries.deliveries(db, webhook_id, limit=limit)


@router.post("/{webhook_id}/deliveries/{message_id}/again", status_code=202, responses=problems(s404="there is no such message"))
def send_message_again(webhook_id: RowId, message_id: MessageId, db: Db, identity: IdentityDep) -> DeliveryView:
    """Sends a message once more, under the same id, whatever became of it."""
    return queries.delivery_view(commands.send_again(db, webhook_id, message_id, identity.name))
