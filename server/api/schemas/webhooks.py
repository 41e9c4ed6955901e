"""Webhooks and their deliveries."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from server.api.schemas.parts import Body
from server.webhooks.addresses import url_problem
from server.webhooks.messages import WebhookEvent


def _url(url: str) -> str:
    if problem := url_problem(url):
        raise ValueError(problem)
    return url


Url = Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=r"^https?://[!-~]+$"), AfterValidator(_url)]


class WebhookCreate(Body):
    url: Annotated[Url, Field(description="https, or http to a network of COPD_WEBHOOK_NETWORKS")]
    events: Annotated[list[WebhookEvent], Field(min_length=1, max_length=20)]
    overlap_floor: Annotated[float, Field(ge=0, le=1, description="run.overlap_low is told when an overlap goes below it")] = 0.9


class WebhookView(BaseModel):
    id: int
    url: str
    events: list[WebhookEvent]
    overlap_floor: float
    created_by: str
    created_at: datetime


class NewWebhook(WebhookView):
    secret: str = Field(description="what signatures are checked with; shown this once")


class WebhookList(BaseModel):
    webhooks: list[WebhookView]


class DeliveryView(BaseModel):
    """One message and what became of it."""

    id: str = Field(description="the header webhook-id, the same at each try")
    event: str
    run: str | None
    created_at: datetime
    state: Literal["waiting", "delivered", "given_up"]
    tries: int
    next_at: datetime | None
    delivered_at: datetime | None
    status: int | None = Field(description="of the last answer")
    error: str | None = Field(description="why the last try failed")


class DeliveryList(BaseModel):
    deliveries: list[DeliveryView]
