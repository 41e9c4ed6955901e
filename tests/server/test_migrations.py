"""Revisions: up, down, up again; equal to the models; safe when many start at once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.pool import NullPool

from server.db.migrate import migrate, migration_config
from server.db.models import Base
from tests.server.backend import Backend

pytestmark = pytest.mark.integration


@pytest.fixture
def empty_url(backend: Backend) -> Iterator[str]:
    """A database without any table, beside the others' one."""
    name = "migrations"
    with backend.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        yield backend.engine.url.set(database=name).render_as_string(hide_password=False)
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def tables(url: str) -> set[str]:
    engine = create_engine(url, poolclass=NullPool)
    return set(inspect(engine).get_table_names()) - {"alembic_version"}


def test_up_down_up(empty_url: str) -> None:
    migrate(empty_url)
    assert tables(empty_url) == set(Base.metadata.tables)
    command.downgrade(migration_config(empty_url), "base")
    assert tables(empty_url) == set()
    migrate(empty_url)
    migrate(empty_url)
    assert tables(empty_url) == set(Base.metadata.tables)


def test_revisions_and_models_are_the_same(backend: Backend) -> None:
    with backend.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_many_may_start_at_once(empty_url: str) -> None:
    command_line = [sys.executable, "-m", "server", "migrate"]
    starts = [subprocess.Popen(command_line, env={**os.environ, "COPD_DATABASE_URL": empty_url}) for _ in range(3)]
    assert [start.wait() for start in starts] == [0, 0, 0]
    assert tables(empty_url) == set(Base.metadata.tables)
    with create_engine(empty_url, poolclass=NullPool).connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM leader")).scalar_one() == 1
