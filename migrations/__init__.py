"""Alembic revisions. `python -m server migrate` applies them; `alembic -c migrations/alembic.ini` is for writing new ones."""
