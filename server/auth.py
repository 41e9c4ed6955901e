"""Ways in: API tokens, browser sessions and one-use login codes, each of one user.

Kept as keyed hashes only; the key lies in a 0600 file of the home.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import tempfile
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, NamedTuple

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from server.db.models import Token, User
from server.db.session import create_database_engine, session_factory
from server.roles import Role, lower
from server.settings import Settings

Kind = Literal["token", "session", "code"]
CODE_LIFETIME = timedelta(minutes=15)
SESSION_LIFETIME = timedelta(days=30)
USED_RESOLUTION = timedelta(minutes=1)
"""`used_at` is written at most this often, so that reading with a token does not write each time."""
FIRST_USER = "local"
"""The admin whom the first login of an empty database makes."""


class NoUserError(LookupError):
    """There is no such user, or no admin left to sign in."""


class Login(NamedTuple):
    """A valid way in, and what it allows now."""

    token: Token
    role: Role


def load_secret(home: Path) -> bytes:
    """The key of all hashes, made at the first use. Safe when several processes come first at once."""
    path = home / "secret"
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes()
    home.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=home, prefix=".secret.")  # mkstemp makes it 0600
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(32))
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileExistsError):
        os.link(name, path)  # unlike a rename, never replaces the key of a process that was first
    Path(name).unlink()
    return path.read_bytes()


def digest(secret: bytes, kind: str, value: str) -> str:
    """The keyed hash under which a token is stored; one value is never good for two kinds."""
    return hmac.new(secret, f"{kind}:{value}".encode(), hashlib.sha256).hexdigest()


def issue(
    db: Session, secret: bytes, kind: Kind, user: str, lifetime: timedelta | None, *, role: Role = Role.admin, name: str = ""
) -> tuple[str, Token]:
    """A new way in: its value, which is returned once and cannot be read again, and its row. `role` bounds what it may do, whatever its
    user may. The caller commits."""
    value = secrets.token_urlsafe(32)
    expires = datetime.now(UTC) + lifetime if lifetime else None
    token = Token(kind=kind, hash=digest(secret, kind, value), name=name, user_name=user, role=role.value, expires_at=expires)
    db.add(token)
    db.flush()
    return value, token


def issue_now(
    settings: Settings, kind: Kind, user: str | None, lifetime: timedelta | None, *, role: Role = Role.admin, name: str = ""
) -> str:
    """The same for a command line: opens the database, issues, commits. Without a user: for the oldest admin. Raises NoUserError."""
    engine = create_database_engine(settings.database_url)
    try:
        with session_factory(engine).begin() as db:
            owner = _known(db, user) if user else oldest_admin(db)
            return issue(db, load_secret(settings.home), kind, owner, lifetime, role=role, name=name)[0]
    finally:
        engine.dispose()


def oldest_admin(db: Session) -> str:
    """Who a login on the server's own machine is for. In an empty database it is made now. Raises NoUserError when all are disabled."""
    lock_people(db)
    oldest = select(User.name).where(User.role == Role.admin, User.disabled_at.is_(None)).order_by(User.created_at, User.name)
    if name := db.scalars(oldest.limit(1)).first():
        return name
    if db.scalars(select(User.name).limit(1)).first():
        raise NoUserError("there is no admin who is not disabled")
    db.add(User(name=FIRST_USER, role=Role.admin.value))
    db.flush()
    return FIRST_USER


def lock_people(db: Session) -> None:
    """Changes of users wait for each other until their transactions end: two admins must not take each other's role at once."""
    db.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("users", 0))))


def identify(db: Session, secret: bytes, kind: Kind, value: str) -> Login | None:
    """The valid token or session of this value, or None. The caller commits the time of use."""
    token = db.scalar(select(Token).where(Token.hash == digest(secret, kind, value), Token.kind == kind, *valid()))
    now = datetime.now(UTC)
    if token is None:
        return None
    if token.used_at is None or now - token.used_at > USED_RESOLUTION:
        token.used_at = now
    return Login(token, role_of(db, token))


def role_of(db: Session, token: Token) -> Role:
    """What it allows now: the lower of its own role and its user's."""
    return lower(Role(token.role), Role(db.get_one(User, token.user_name).role))


def still_valid(db: Session, tokens: Collection[int]) -> set[int]:
    """Those of the ids that are a way in now."""
    return set(db.scalars(select(Token.id).where(Token.id.in_(tokens), *valid())))


def redeem(db: Session, secret: bytes, code: str) -> Token | None:
    """Takes a login code: of two at once, only one gets it. None when it is unknown, used or too old. The caller commits."""
    return db.scalar(
        update(Token)
        .where(Token.hash == digest(secret, "code", code), Token.kind == "code", Token.used_at.is_(None), *valid())
        .values(used_at=datetime.now(UTC))
        .returning(Token)
    )


def revoke(db: Session, secret: bytes, kind: Kind, value: str) -> None:
    """Ends a token or session. The caller commits."""
    db.execute(update(Token).where(Token.hash == digest(secret, kind, value)).values(revoked_at=datetime.now(UTC)))


def revoke_all(db: Session, user: str, *kinds: Kind, but: int | None = None) -> None:
    """Ends every way in of these kinds that the user has, except the one of the id `but`. The caller commits."""
    theirs = update(Token).where(Token.user_name == user, Token.kind.in_(kinds), Token.revoked_at.is_(None), Token.id.is_distinct_from(but))
    db.execute(theirs.values(revoked_at=datetime.now(UTC)))


def _known(db: Session, user: str) -> str:
    if db.get(User, user) is None:
        raise NoUserError(f"there is no user '{user}'")
    return user


def valid() -> tuple[ColumnElement[bool], ...]:
    """What makes a token, session or code a way in now."""
    now = datetime.now(UTC)
    of_enabled = Token.user_name.in_(select(User.name).where(User.disabled_at.is_(None)))
    return (Token.revoked_at.is_(None), or_(Token.expires_at.is_(None), Token.expires_at > now), of_enabled)
