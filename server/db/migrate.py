"""Brings the database to the newest revision. Safe to start many times at once: migrations/env.py takes an advisory lock."""

from __future__ import annotations

from importlib.resources import files

from alembic import command
from alembic.config import Config


def migration_config(database_url: str) -> Config:
    """Alembic's configuration without an .ini file: the revisions are a package, the database is given."""
    config = Config()
    config.set_main_option("script_location", str(files("migrations")))
    config.attributes["database_url"] = database_url
    return config


def migrate(database_url: str, revision: str = "head") -> None:
    command.upgrade(migration_config(database_url), revision)
