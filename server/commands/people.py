"""What people do to users and tokens, and signing in. Each command is one transaction, its line in the log included."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server import auth, login_limit, passwords
from server.commands.errors import NotFound, Refused
from server.db.models import Token, User
from server.db.session import create_database_engine, session_factory, transaction
from server.db.transition import SCHEDULER, log
from server.roles import Role


def add_user(db: Session, name: str, role: Role, password: str | None, author: str) -> User:
    """Raises Refused when the name is taken."""
    hashed = passwords.hash_password(password) if password else None
    with transaction(db):
        auth.lock_people(db)
        if name == SCHEDULER or db.get(User, name) is not None:
            raise Refused(f"there is a user '{name}' already, perhaps a disabled one; names are never used again")
        user = User(name=name, role=role.value, password=hashed)
        db.add(user)
        log(db, None, author, f"added the user {name}, {role}", data={"user": name, "role": role.value, "password": password is not None})
        db.flush()
    return user


def change_user(
    db: Session, name: str, author: str, *, role: Role | None = None, disabled: bool | None = None, password: str | None = None
) -> User:
    """Changes what is given. Disabling revokes every way in the user has; a new password ends the sessions the old one may have begun.

    Raises NotFound, and Refused when no admin would be left.
    """
    hashed = passwords.hash_password(password) if password else None
    with transaction(db):
        auth.lock_people(db)
        if (user := db.get(User, name)) is None:
            raise NotFound(f"there is no user '{name}'")
        if role is not None and role != user.role:
            log(db, None, author, f"changed the role of {name}: {user.role} → {role}", data={"user": name, "old": user.role, "value": role})
            user.role = role.value
        if disabled is not None and disabled != (user.disabled_at is not None):
            log(db, None, author, f"{'disabled' if disabled else 'enabled'} the user {name}", data={"user": name})
            user.disabled_at = func.now() if disabled else None
            auth.revoke_all(db, name, "token", "session", "code")
        if hashed:
            log(db, None, author, f"set a password for {name}", data={"user": name})
            user.password = hashed
            auth.revoke_all(db, name, "session", "code")
        check_admin_left(db)
        db.refresh(user)
    return user


def check_admin_left(db: Session) -> None:
    """Raises Refused when what was just changed would leave nobody to administer."""
    db.flush()
    if not db.scalars(select(User.name).where(User.role == Role.admin, User.disabled_at.is_(None)).limit(1)).first():
        raise Refused("no admin would be left; make another user an admin first")


def create_token(db: Session, secret: bytes, author: str, *, name: str, role: Role, lifetime: timedelta | None) -> tuple[str, Token]:
    """The value, which nobody can read again, and the row."""
    with transaction(db):
        value, token = auth.issue(db, secret, "token", author, lifetime, role=role, name=name)
        log(db, None, author, f"created the token '{name}', {role}", data={"token": token.id, "role": role.value})
    db.refresh(token)
    return value, token


def revoke_token(db: Session, token_id: int, author: str, *, of_others: bool) -> None:
    """Raises NotFound when there is none, or it is somebody else's and `of_others` is not allowed."""
    with transaction(db):
        token = db.get(Token, token_id, with_for_update=True)
        if token is None or token.kind != "token" or token.revoked_at or not (of_others or token.user_name == author):
            raise NotFound(f"there is no token {token_id}")
        token.revoked_at = func.now()
        log(db, None, author, f"revoked the token '{token.name}' of {token.user_name}", data={"token": token.id, "user": token.user_name})


class NewSession(NamedTuple):
    value: str
    token: Token


def sign_in_by_code(db: Session, secret: bytes, code: str, address: str) -> NewSession | None:
    """A session for the user of the code; None when it is unknown, used or too old."""
    with transaction(db):
        redeemed = auth.redeem(db, secret, code)
        return new_session(db, secret, redeemed.user_name, Role(redeemed.role), address, "a link") if redeemed else None


def sign_in_by_password(db: Session, secret: bytes, name: str, password: str, address: str) -> NewSession | None:
    """None for an unknown or disabled user, one without a password, and a wrong password: in the same time. Raises TooManyTriesError."""
    tries = _counted(db, secret, name, address)
    stored = _password_of(db.get(User, name))
    db.commit()  # no connection is held while the password is looked at
    is_right = passwords.is_password(stored, password)
    with transaction(db):
        user = db.get(User, name, populate_existing=True, with_for_update={"key_share": True})
        if not is_right or _password_of(user) != stored:
            actor = user.name if user else "somebody"
            log(db, None, actor, "was refused at signing in by password", level="warning", data={"address": address})
            return None
        login_limit.forgive(db, tries)
        return new_session(db, secret, name, Role.admin, address, "password")


def change_own_password(db: Session, secret: bytes, login: Token, current: str, new: str, address: str) -> bool:
    """Gives the user of a login another password and ends all the user's sessions but this one. False where `current` is wrong.

    Raises TooManyTriesError, and Refused for a user who has none: whoever has a link only could otherwise stay for ever.
    """
    name = login.user_name
    tries = _counted(db, secret, name, address)
    if (stored := _password_of(db.get_one(User, name))) is None:
        raise Refused("you have no password, only links and tokens; an admin sets the first one (`copd users password`)")
    db.commit()  # no connection is held while the password is looked at
    if not passwords.is_password(stored, current):
        with transaction(db):
            log(db, None, name, "was refused a new password: the present one was wrong", level="warning", data={"address": address})
        return False
    hashed = passwords.hash_password(new)
    with transaction(db):
        user = db.get_one(User, name, populate_existing=True, with_for_update=True)
        if _password_of(user) != stored:
            raise Refused("the password was changed meanwhile; sign in again")
        user.password = hashed
        auth.revoke_all(db, name, "session", "code", but=login.id)
        login_limit.forgive(db, tries)
        log(db, None, name, "changed their own password", data={"address": address})
    return True


def sign_out(db: Session, secret: bytes, value: str, author: str) -> None:
    with transaction(db):
        auth.revoke(db, secret, "session", value)
        log(db, None, author, "signed out")


def can_anyone_sign_in(database_url: str) -> bool:
    """Whether a user who is not disabled has a password. Opens the database itself, for a command line."""
    engine = create_database_engine(database_url)
    try:
        with session_factory(engine)() as db:
            able = select(User.name).where(User.disabled_at.is_(None), User.password.is_not(None))
            return db.scalars(able.limit(1)).first() is not None
    finally:
        engine.dispose()


def _counted(db: Session, secret: bytes, name: str, address: str) -> login_limit.Keys:
    """Counts one more try of a password. Raises TooManyTriesError."""
    tries = login_limit.keys(secret, name, address)
    try:
        login_limit.count_try(db, tries)
    finally:
        db.commit()
    return tries


def _password_of(user: User | None) -> str | None:
    return user.password if user and user.disabled_at is None else None


def new_session(
    db: Session, secret: bytes, user: str, role: Role, address: str, means: str, lifetime: timedelta = auth.SESSION_LIFETIME
) -> NewSession:
    """A session of the user, and its line in the log. The caller commits."""
    value, token = auth.issue(db, secret, "session", user, lifetime, role=role)
    log(db, None, user, f"signed in by {means}", data={"address": address})
    return NewSession(value, token)
