"""Event streams end soon after the login they were opened with: revoked, expired, or of a disabled user."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog
from sqlalchemy.exc import OperationalError

from server import auth
from server.db.session import SessionFactory
from server.sse import Hub

CHECK_SECONDS = 2.0
log = structlog.get_logger()


@contextlib.asynccontextmanager
async def ended_logins_end_streams(hub: Hub, sessions: SessionFactory) -> AsyncIterator[None]:
    """Looks at the logins of all open streams again and again, as long as the block runs: one statement, whatever their number."""
    task = asyncio.create_task(_watch(hub, sessions), name="ended logins")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _watch(hub: Hub, sessions: SessionFactory) -> None:
    while True:
        await asyncio.sleep(CHECK_SECONDS)
        if logins := hub.logins():
            try:
                hub.end_streams(logins - await asyncio.to_thread(_valid, sessions, logins))
            except OperationalError as error:  # no answer is no reason to end them
                log.warning("logins of event streams wait for the database", reason=str(error))


def _valid(sessions: SessionFactory, logins: set[int]) -> set[int]:
    with sessions() as db:
        return auth.still_valid(db, logins)
