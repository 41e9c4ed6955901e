"""How often one may try a password: counted in PostgreSQL, so that it holds over restarts and for all server processes together.

A try is counted before the password is looked at, so that many at once are no way around it.
"""

from __future__ import annotations

import ipaddress
import math
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import case, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from server import auth
from server.db.models import LoginTries

WINDOW = timedelta(minutes=15)
PER_USER = 10
PER_ADDRESS = 30
OLD_AT_ONCE = 100


class TooManyTriesError(Exception):
    """No more tries for now; `seconds` until the next."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many tries to sign in; the next one is possible in {seconds} s")
        self.seconds = seconds


class Keys(NamedTuple):
    """What a try is counted under. Hashed: a password typed into the wrong field must not lie in the database."""

    user: str
    address: str


def keys(secret: bytes, user: str, address: str) -> Keys:
    """address: of the client; of IPv6 its network counts, for one machine has 2^64 of them."""
    return Keys(auth.digest(secret, "tries of user", user), auth.digest(secret, "tries from", _network(address)))


def count_try(db: Session, keys: Keys) -> None:
    """Raises TooManyTriesError. The caller commits in either case."""
    now = datetime.now(UTC)
    old = select(LoginTries.key).where(LoginTries.since < now - WINDOW).limit(OLD_AT_ONCE).with_for_update(skip_locked=True)
    db.execute(delete(LoginTries).where(LoginTries.key.in_(old)))
    limits = {keys.user: PER_USER, keys.address: PER_ADDRESS}
    waits = [_count(db, key, limits[key], now) for key in sorted(limits)]  # sorted: two tries at once take the rows in the same order
    if (wait := max(waits)) > timedelta():
        raise TooManyTriesError(math.ceil(wait.total_seconds()))


def forgive(db: Session, keys: Keys) -> None:
    """After a right password: the user's tries are forgotten, and this one of the address. The caller commits."""
    db.execute(select(LoginTries.key).where(LoginTries.key.in_(keys)).order_by(LoginTries.key).with_for_update())
    db.execute(delete(LoginTries).where(LoginTries.key == keys.user))
    db.execute(update(LoginTries).where(LoginTries.key == keys.address, LoginTries.count > 0).values(count=LoginTries.count - 1))


def _count(db: Session, key: str, limit: int, now: datetime) -> timedelta:
    """Counts one more. Returns how long the key must wait, zero when it need not."""
    is_over = LoginTries.since < now - WINDOW
    one_more = insert(LoginTries).values(key=key, count=1, since=now)
    counted = one_more.on_conflict_do_update(
        index_elements=["key"],
        set_={"count": case((is_over, 1), else_=LoginTries.count + 1), "since": case((is_over, now), else_=LoginTries.since)},
    ).returning(LoginTries.count, LoginTries.since)
    count, since = db.execute(counted).one()
    return since + WINDOW - now if count > limit else timedelta()


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False))
