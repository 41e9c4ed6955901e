"""A repeated request makes one run: an Idempotency-Key is remembered with the run that the first one made."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.commands.errors import IdempotencyConflict
from server.db.models import IdempotencyKey


class IdempotencyToken(NamedTuple):
    """What makes a repeated request the same request: the route, the caller's key, and a hash of the body."""

    route: str
    key: str
    body_hash: str


def made_before(session: Session, once: IdempotencyToken) -> str | None:
    """The run an equal request made. Equal requests at the same time wait here for each other."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"{once.route}\n{once.key}", 0))))
    earlier = session.get(IdempotencyKey, (once.route, once.key))
    if earlier is None:
        return None
    if earlier.body_hash != once.body_hash:
        raise IdempotencyConflict(f"the Idempotency-Key '{once.key}' was used before with another body; choose a new key")
    return earlier.run_id


def remember(session: Session, once: IdempotencyToken, run_id: str) -> None:
    session.add(IdempotencyKey(route=once.route, key=once.key, body_hash=once.body_hash, run_id=run_id))
