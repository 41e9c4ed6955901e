"""Signing in by a provider of OpenID Connect: whom of our users a person is, and which role the provider gives."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from datetime import timedelta
from itertools import count

from sqlalchemy import select
from sqlalchemy.orm import Session

from server import auth, login_limit
from server.commands.errors import NotFound, Refused
from server.commands.people import NewSession, check_admin_left, new_session
from server.db.models import User
from server.db.session import create_database_engine, session_factory, transaction
from server.db.transition import SCHEDULER, log, printable
from server.oidc import DeniedError, Person
from server.roles import Role
from server.settings import Settings

LIFETIME = timedelta(hours=12)
"""Of a session: the provider is asked again each day whether the person still has the role."""
MEANS = "single sign-on"
LONGEST_NAME = 64


def sign_in(db: Session, secret: bytes, state: str, redeem: Callable[[], Person], roles: Mapping[str, Role], address: str) -> NewSession:
    """A session for the person whom `redeem` names. The role is set anew each time, by the values of the person's role claim.

    state: of the attempt, under which tries are counted, beside the address. Raises TooManyTriesError, Refused, DeniedError and AwayError.
    """
    tries = login_limit.keys(secret, state, address)
    try:
        login_limit.count_try(db, tries)
    finally:
        db.commit()  # no connection is held while the provider is asked
    person = None
    try:
        person = redeem()
        with transaction(db):
            user = _admitted(db, person, roles)
            login_limit.forgive(db, tries)
            return new_session(db, secret, user.name, Role.admin, address, MEANS, LIFETIME)
    except (Refused, DeniedError) as refusal:
        with transaction(db):
            user = _user_of(db, person.issuer, person.subject) if person else None
            data = {"address": address, "reason": printable(str(refusal)), **({"subject": person.subject} if person else {})}
            actor = user.name if user else "somebody"
            log(db, None, actor, f"was refused at signing in by {MEANS}", level="warning", data=data)
        raise


def link_user(settings: Settings, name: str, subject: str) -> None:
    """From now on the person whom the provider knows as `subject` signs in as this user. For a command line: opens the database itself.

    Raises NotFound, and Refused when either is linked already or there is no provider.
    """
    if not settings.oidc_issuer:
        raise Refused(f"{MEANS} is not set up here (COPD_OIDC_ISSUER)")
    engine = create_database_engine(settings.database_url)
    try:
        with session_factory(engine).begin() as db:
            author = auth.oldest_admin(db)
            auth.lock_people(db)
            if (user := db.get(User, name)) is None:
                raise NotFound(f"there is no user '{name}'")
            if user.subject is not None:
                raise Refused(f"{name} signs in by {MEANS} already")
            if other := _user_of(db, settings.oidc_issuer, subject):
                raise Refused(f"this subject is the user '{other.name}' already")
            user.issuer, user.subject = settings.oidc_issuer, subject
            log(db, None, author, f"lets {name} sign in by {MEANS}", data={"user": name, "issuer": user.issuer, "subject": subject})
    finally:
        engine.dispose()


def _admitted(db: Session, person: Person, roles: Mapping[str, Role]) -> User:
    """The person's user, made or brought up to date. Raises Refused."""
    auth.lock_people(db)
    user = _user_of(db, person.issuer, person.subject)
    if user is not None and user.disabled_at is not None:
        raise Refused(f"the user '{user.name}' is disabled here; an admin can enable it")
    given = [roles[group] for group in person.groups if group in roles]
    if not given:
        raise Refused("the provider gives you no role here; its administrator can add you to a group that has one")
    role = next(role for role in reversed(Role) if role in given)
    if user is None:
        return _added(db, person, role)
    if user.role != role:
        message = f"changed the role of {user.name}: {user.role} → {role}, as the provider says"
        log(db, None, user.name, message, data={"user": user.name, "old": user.role, "value": role.value})
        was, user.role = user.role, role.value
        if was == Role.admin:
            check_admin_left(db)
    return user


def _added(db: Session, person: Person, role: Role) -> User:
    name = valid_name(person.name) or "person"
    taken = db.get(User, name)
    if taken is not None and taken.subject is None:
        raise Refused(
            f"there is a user '{name}' here who does not sign in by {MEANS}, and is not taken over. If that is you, whoever runs the "
            f"server can join the two: python -m server link-user --user {name} --subject {shlex.quote(person.subject)}"
        )
    free = name if taken is None and name != SCHEDULER else _numbered(db, name)
    user = User(name=free, role=role.value, issuer=person.issuer, subject=person.subject)
    db.add(user)
    data = {"user": free, "role": role.value, "issuer": person.issuer, "subject": person.subject}
    log(db, None, free, f"added the user {free}, {role}, at the first {MEANS}", data=data)
    db.flush()
    return user


def valid_name(wished: str) -> str:
    """The wish as a user's name may be (server/api/schemas/people.py); empty where nothing of it can stay."""
    return re.sub(r"[^a-z0-9._@-]+", "-", wished.lower()).lstrip("._@-")[:LONGEST_NAME].rstrip("-")


def _numbered(db: Session, name: str) -> str:
    """The first free of name-2, name-3, …"""
    for number in count(2):
        ending = f"-{number}"
        if db.get(User, tried := name[: LONGEST_NAME - len(ending)] + ending) is None:
            return tried
    raise AssertionError("count has no end")


def _user_of(db: Session, issuer: str, subject: str) -> User | None:
    return db.scalar(select(User).where(User.issuer == issuer, User.subject == subject))
