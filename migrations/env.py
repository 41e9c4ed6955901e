"""How Alembic reaches the database: the URL of the caller, or COPD_DATABASE_URL. One migration at a time, each whole or not at all."""

from __future__ import annotations

import os

from alembic import context
from sqlalchemy import create_engine, func, select
from sqlalchemy.pool import NullPool

from server.db.models import Base

MIGRATION_LOCK = 0x636F7064_0001
"""Advisory lock under which revisions are applied; a second start waits here and then finds nothing left to do."""


def run() -> None:
    url = context.config.attributes.get("database_url") or os.environ["COPD_DATABASE_URL"]
    with create_engine(url, poolclass=NullPool).connect() as connection:
        context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True, compare_server_default=True)
        with context.begin_transaction():
            connection.execute(select(func.pg_advisory_xact_lock(MIGRATION_LOCK)))
            context.run_migrations()


run()
