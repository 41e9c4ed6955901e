"""Runs that go on from a round of another; policies that pause alone; turns between runs; how long the last pause took."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("runs", sa.Column("forked_from", sa.Text(), nullable=True))
    op.add_column("runs", sa.Column("forked_round", sa.Integer(), nullable=True))
    op.create_foreign_key("runs_forked_from_fkey", "runs", "runs", ["forked_from"], ["id"], ondelete="SET NULL")
    op.create_index("ix_runs_forked_from", "runs", ["forked_from"])
    op.add_column("runs", sa.Column("paused_policies", sa.ARRAY(sa.Text()), nullable=False, server_default="{}"))
    op.alter_column("runs", "paused_policies", server_default=None)
    op.add_column("runs", sa.Column("served_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("runs", sa.Column("pause_seconds", sa.Float(), nullable=True))


def downgrade() -> None:
    for column in ("pause_seconds", "served_at", "paused_policies"):
        op.drop_column("runs", column)
    op.drop_index("ix_runs_forked_from", "runs")
    op.drop_constraint("runs_forked_from_fkey", "runs")
    op.drop_column("runs", "forked_round")
    op.drop_column("runs", "forked_from")
