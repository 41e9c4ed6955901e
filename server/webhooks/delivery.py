"""Sends queued messages, each until it is taken or its tries are used up. Runs beside the scheduler, in the process that leads.

A try is noted before it is made and its outcome after: killed in between, it is made again. So each message arrives at least once, always
under the same id.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

import httpx
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from server.db.models import Webhook, WebhookMessage
from server.scheduler.leader import Term
from server.webhooks.addresses import RefusedAddressError, resolve
from server.webhooks.signing import UnknownSecretError, body_of, headers, secret_of

POLL_SECONDS = 1.0
SEND_SECONDS = 10.0
"""For all of a try: the name, the connection, the answer's first line and headers. Its body is never read."""
AT_ONCE = 8
WAITS = (5, 30, 300, 1800, 7200, 18000, 36000, 50400)
"""Seconds after each failed try until the next; after one more, a day and a half after the first, a message is given up."""
KEPT = timedelta(days=30)
"""How long what was sent or given up stays in the log of deliveries."""
PRUNE_SECONDS = 3600.0
logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log the URL of each request, and a URL may hold a secret


class Outgoing(NamedTuple):
    """One try."""

    message: str
    url: str
    body: bytes
    headers: dict[str, str]
    problem: str | None
    """Why it cannot even be made."""


class Outcome(NamedTuple):
    status: int | None
    error: str | None
    """None: it was taken."""


class Courier:
    """Takes what is due, at most one message of each webhook at a time, so that a receiver that hangs holds up no other."""

    def __init__(self, term: Term, key: bytes, allowed: Sequence[str]) -> None:
        """key: the server's, of which the secrets are made. allowed: internal networks that may be called."""
        self._term, self._key, self._allowed = term, key, allowed
        self._tls = ssl.create_default_context()
        self._prune_at = 0.0

    def step(self) -> int:
        """Makes one try of every message that is due, AT_ONCE at most. Returns how many. Raises what PostgreSQL raises."""
        due = self._begin()
        if due:
            for message, outcome in zip(due, asyncio.run(self._send_all(due)), strict=True):
                self._end(message.message, outcome)
        elif time.monotonic() >= self._prune_at:
            self._prune_at = time.monotonic() + PRUNE_SECONDS
            self._prune()
        return len(due)

    def _begin(self) -> list[Outgoing]:
        first = (
            select(WebhookMessage.id)
            .ext(distinct_on(WebhookMessage.webhook_id))
            .where(WebhookMessage.next_at <= func.now())
            .order_by(WebhookMessage.webhook_id, WebhookMessage.next_at, WebhookMessage.id)
            .limit(AT_ONCE)
        )
        with self._term.reading() as session:
            if not (chosen := list(session.scalars(first))):
                return []
        with self._term.transaction() as session:
            rows = session.execute(
                select(WebhookMessage, Webhook)
                .join(Webhook, Webhook.id == WebhookMessage.webhook_id)
                .where(WebhookMessage.id.in_(chosen), WebhookMessage.next_at <= func.now())
                .with_for_update(of=WebhookMessage)
            ).all()
            for message, _ in rows:
                message.tries += 1
                message.next_at = func.now() + _wait(message.tries)
            return [self._outgoing(message, webhook) for message, webhook in rows]

    def _outgoing(self, message: WebhookMessage, webhook: Webhook) -> Outgoing:
        body = body_of(message.payload)
        try:
            signed = headers(secret_of(self._key, webhook), message.id, int(time.time()), body)
        except UnknownSecretError as error:
            return Outgoing(message.id, webhook.url, body, {}, str(error))
        return Outgoing(message.id, webhook.url, body, signed, None)

    async def _send_all(self, due: Sequence[Outgoing]) -> list[Outcome]:
        async with httpx.AsyncClient(verify=self._tls, trust_env=False, follow_redirects=False, timeout=SEND_SECONDS) as client:
            return await asyncio.gather(*(self._send(client, message) for message in due))

    async def _send(self, client: httpx.AsyncClient, message: Outgoing) -> Outcome:
        if message.problem:
            return Outcome(None, message.problem)
        try:
            async with asyncio.timeout(SEND_SECONDS):
                return await self._post(client, message)
        except TimeoutError:
            return Outcome(None, f"no answer within {SEND_SECONDS:.0f} s")
        except RefusedAddressError as error:
            return Outcome(None, str(error))
        except UnicodeError:
            return Outcome(None, "the name is no host's name")
        except OSError as error:
            return Outcome(None, f"the name cannot be resolved ({error.strerror or type(error).__name__})")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Outcome(None, f"no answer ({type(error).__name__})")

    async def _post(self, client: httpx.AsyncClient, message: Outgoing) -> Outcome:
        """To the address that was looked at, under the name that was asked for: what the name leads to later does not matter."""
        target = await resolve(message.url, self._allowed)
        named = httpx.URL(message.url)
        sent = {**message.headers, "host": named.netloc.decode()}
        url, tls = named.copy_with(host=str(target.address)), {"sni_hostname": target.host}
        async with client.stream("POST", url, content=message.body, headers=sent, extensions=tls) as answer:
            return outcome_of(answer.status_code)

    def _end(self, message_id: str, outcome: Outcome) -> None:
        with self._term.transaction() as session:
            message = session.get(WebhookMessage, message_id, with_for_update=True)
            if message is None:  # its webhook was removed meanwhile
                return
            message.status, message.error = outcome.status, outcome.error
            if outcome.error is None:
                message.delivered_at, message.next_at = func.now(), None
            elif message.tries > len(WAITS):
                message.next_at = None
            else:
                message.next_at = func.now() + _wait(message.tries)

    def _prune(self) -> None:
        with self._term.transaction() as session:
            over = WebhookMessage.next_at.is_(None) & (WebhookMessage.created_at < func.now() - KEPT)
            session.execute(delete(WebhookMessage).where(over))


def deliver(courier: Courier, over: threading.Event) -> None:
    """Delivers until `over`. Raises what PostgreSQL raises, and LeadershipLostError."""
    while not over.is_set():
        if not courier.step():
            over.wait(POLL_SECONDS)


def outcome_of(status: int) -> Outcome:
    """Any 2xx takes the message; redirects are not followed."""
    if 200 <= status < 300:
        return Outcome(status, None)
    return Outcome(status, f"answered {status}" + ", and redirects are not followed" * (300 <= status < 400))


def _wait(tries: int) -> timedelta:
    return timedelta(seconds=WAITS[min(tries, len(WAITS)) - 1])
