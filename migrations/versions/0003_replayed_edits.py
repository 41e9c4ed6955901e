"""Edits that came with a recipe: they bind where it says, and nowhere else."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("edits", sa.Column("replayed", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.alter_column("edits", "replayed", server_default=None)


def downgrade() -> None:
    op.drop_column("edits", "replayed")
