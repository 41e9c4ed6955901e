"""Ways in: API tokens, browser sessions and one-use login codes. Kept as keyed hashes only; the key lies in a 0600 file of the home."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session

from server.db.models import Token
from server.db.session import create_database_engine, session_factory
from server.settings import Settings

Kind = Literal["token", "session", "code"]
CODE_LIFETIME = timedelta(minutes=15)
SESSION_LIFETIME = timedelta(days=30)
USED_RESOLUTION = timedelta(minutes=1)
"""`used_at` is written at most this often, so that reading with a token does not write each time."""


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


def digest(secret: bytes, kind: Kind, value: str) -> str:
    """The keyed hash under which a token is stored; one value is never good for two kinds."""
    return hmac.new(secret, f"{kind}:{value}".encode(), hashlib.sha256).hexdigest()


def issue(db: Session, secret: bytes, kind: Kind, name: str, lifetime: timedelta | None) -> str:
    """A new way in; the value is returned once and cannot be read again. The caller commits."""
    value = secrets.token_urlsafe(32)
    expires = datetime.now(UTC) + lifetime if lifetime else None
    db.add(Token(kind=kind, hash=digest(secret, kind, value), name=name, expires_at=expires))
    return value


def issue_now(settings: Settings, kind: Kind, name: str, lifetime: timedelta | None) -> str:
    """The same for a command line: opens the database, issues, commits."""
    engine = create_database_engine(settings.database_url)
    try:
        with session_factory(engine).begin() as db:
            return issue(db, load_secret(settings.home), kind, name, lifetime)
    finally:
        engine.dispose()


def identify(db: Session, secret: bytes, kind: Kind, value: str) -> Token | None:
    """The valid token or session of this value, or None. The caller commits the time of use."""
    token = db.scalar(select(Token).where(Token.hash == digest(secret, kind, value), *_valid(kind)))
    now = datetime.now(UTC)
    if token and (token.used_at is None or now - token.used_at > USED_RESOLUTION):
        token.used_at = now
    return token


def redeem(db: Session, secret: bytes, code: str) -> Token | None:
    """Takes a login code: of two at once, only one gets it. None when it is unknown, used or too old. The caller commits."""
    return db.scalar(
        update(Token)
        .where(Token.hash == digest(secret, "code", code), Token.used_at.is_(None), *_valid("code"))
        .values(used_at=datetime.now(UTC))
        .returning(Token)
    )


def revoke(db: Session, secret: bytes, kind: Kind, value: str) -> None:
    """Ends a token or session. The caller commits."""
    db.execute(update(Token).where(Token.hash == digest(secret, kind, value)).values(revoked_at=datetime.now(UTC)))


def _valid(kind: Kind) -> tuple[ColumnElement[bool], ...]:
    now = datetime.now(UTC)
    return (Token.kind == kind, Token.revoked_at.is_(None), or_(Token.expires_at.is_(None), Token.expires_at > now))
