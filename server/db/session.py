"""Connections to PostgreSQL. Everything in the server talks to it synchronously; the API does so from worker threads."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from sqlalchemy import ARRAY, ColumnElement, Engine, Text, any_, create_engine, literal
from sqlalchemy.orm import InstrumentedAttribute, Session, sessionmaker

SessionFactory = sessionmaker[Session]
CONNECT_SECONDS = 5


def create_database_engine(url: str, *, pool_size: int = 5, check: bool = True) -> Engine:
    """An engine; with `check`, connections are tried before use, so that a restarted PostgreSQL costs a reconnect, not an error."""
    return create_engine(
        url,
        pool_pre_ping=check,
        pool_size=pool_size,
        max_overflow=10,
        connect_args={"connect_timeout": CONNECT_SECONDS, "options": "-c timezone=UTC"},
    )


def session_factory(engine: Engine) -> SessionFactory:
    """Sessions whose objects stay readable after a commit."""
    return sessionmaker(engine, expire_on_commit=False)


def is_one_of(column: InstrumentedAttribute[str], values: Collection[str]) -> ColumnElement[bool]:
    """`column` IN `values`, however many: they are one parameter, where IN has one for each and PostgreSQL takes 65,535."""
    return column == any_(literal(list(values), ARRAY(Text)))


@contextmanager
def transaction(session: Session) -> Iterator[None]:
    """Commits what happens inside, together with what the session read before; rolls everything back on an error."""
    try:
        yield
        session.commit()
    except BaseException:
        session.rollback()
        raise
