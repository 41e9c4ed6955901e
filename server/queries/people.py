"""Users, tokens, and what people did."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from server import auth
from server.api.schemas.people import AuditEntry, AuditPage, TokenList, TokenView, UserList, UserView
from server.db.models import LogLine, Token, User
from server.db.transition import SCHEDULER
from server.roles import Role


def users(db: Session) -> UserList:
    return UserList(users=[user_view(user) for user in db.scalars(select(User).order_by(User.name))])


def user_view(user: User) -> UserView:
    return UserView(
        name=user.name,
        role=Role(user.role),
        has_password=user.password is not None,
        disabled=user.disabled_at is not None,
        created_at=user.created_at,
    )


def tokens(db: Session, user: str | None) -> TokenList:
    """API tokens that are good now, of one user or of all, newest first."""
    query = select(Token).where(Token.kind == "token", *auth.valid()).order_by(Token.id.desc())
    rows = db.scalars(query if user is None else query.where(Token.user_name == user))
    return TokenList(tokens=[token_view(row) for row in rows])


def token_view(row: Token) -> TokenView:
    return TokenView(
        id=row.id,
        name=row.name,
        user=row.user_name,
        role=Role(row.role),
        created_at=row.created_at,
        expires_at=row.expires_at,
        used_at=row.used_at,
    )


def audit(db: Session, *, before: int | None, limit: int) -> AuditPage:
    """What people did to runs, users and tokens, and every login; newest first."""
    query = select(LogLine).where(LogLine.attempt_id.is_(None), LogLine.actor != SCHEDULER)
    if before is not None:
        query = query.where(LogLine.id < before)
    rows = list(db.scalars(query.order_by(LogLine.id.desc()).limit(limit)))
    entries = [AuditEntry(id=r.id, time=r.time, actor=r.actor, run=r.run_id, message=r.message, data=r.data) for r in rows]
    return AuditPage(entries=entries, next=entries[-1].id if len(entries) == limit else None)
