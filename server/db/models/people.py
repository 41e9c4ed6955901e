"""Users and their ways in."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from server.db.models.base import Base


class User(Base):
    """A person, or a machine with a name of its own. Never deleted, for the log names it; a disabled one has no way in."""

    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("issuer", "subject", name="users_by_subject"),)

    name: Mapped[str] = mapped_column(primary_key=True)
    role: Mapped[str]
    password: Mapped[str | None]
    """An argon2 hash; without one only links, tokens and single sign-on lead in."""
    issuer: Mapped[str | None]
    subject: Mapped[str | None]
    """Whom this provider of OpenID Connect knows the user as; None for users who do not come by single sign-on."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    disabled_at: Mapped[datetime | None]


class LoginTries(Base):
    """Tries to sign in by password since `since`, of one user name or one address: `key` is their keyed hash."""

    __tablename__ = "login_tries"

    key: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]
    since: Mapped[datetime]


class Token(Base):
    """A way in, kept as a keyed hash only: an API token, a browser session, or a one-use login code (`kind`)."""

    __tablename__ = "tokens"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str]
    hash: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    """What it is for."""
    user_name: Mapped[str] = mapped_column(ForeignKey("users.name"), index=True)
    role: Mapped[str]
    """The most it may do; never more than its user may."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
