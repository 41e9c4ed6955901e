"""One leader among schedulers. Leadership is an advisory lock; what it may write is fenced by an epoch checked in each transaction."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, func, select, text, update
from sqlalchemy.orm import Session

from server.db.models import Leader
from server.db.session import SessionFactory, session_factory

LEADER_LOCK = 0x636F7064_0002
STANDBY_SECONDS = 1.0
LOCK_IS_HELD = text("""
    SELECT EXISTS (SELECT 1 FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND classid::bigint = :high AND objid::bigint = :low)""")


class LeadershipLostError(Exception):
    """Another scheduler leads now; this one must not write any more."""


class Term:
    """The time during which this process leads. All its writes go through `transaction`."""

    def __init__(self, sessions: SessionFactory, lock: Connection, epoch: int) -> None:
        self._sessions, self._lock, self.epoch = sessions, lock, epoch

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session to read in. What was read may be old by the time it is used: `transaction` looks again."""
        with self._sessions() as session:
            yield session

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A transaction that commits only under this epoch: a later leader waits for it, or it sees the later epoch and fails.

        Raises LeadershipLostError.
        """
        with self._sessions.begin() as session:
            epoch = session.execute(select(Leader.epoch).where(Leader.id == 1).with_for_update(read=True)).scalar_one()
            if epoch != self.epoch:
                raise LeadershipLostError(f"epoch {self.epoch} is over, {epoch} began")
            yield session

    def check(self) -> None:
        """Raises sqlalchemy.exc.OperationalError when the connection that holds the lock is gone."""
        self._lock.execute(text("SELECT 1"))


@contextmanager
def lead(engine: Engine, stopping: threading.Event) -> Iterator[Term | None]:
    """Waits until this process leads; None when `stopping` was set before that."""
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as lock:
        lock.detach()  # closing it then really ends the session, and with it the lock
        while not lock.execute(select(func.pg_try_advisory_lock(LEADER_LOCK))).scalar_one():
            if stopping.wait(STANDBY_SECONDS):
                yield None
                return
        holder = f"{socket.gethostname()}:{os.getpid()}"
        begin = update(Leader).where(Leader.id == 1).values(epoch=Leader.epoch + 1, holder=holder, since=func.now())
        epoch = lock.execute(begin.returning(Leader.epoch)).scalar_one()
        yield Term(session_factory(engine), lock, epoch)


def is_led(session: Session) -> bool:
    """Whether some scheduler leads now."""
    return bool(session.execute(LOCK_IS_HELD, {"high": LEADER_LOCK >> 32, "low": LEADER_LOCK & 0xFFFFFFFF}).scalar_one())
