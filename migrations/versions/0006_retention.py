"""Pins, deleted runs, and checkpoints that go in two steps: first a mark, then the files. Those marked so far have lost theirs already."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("checkpoints", sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE checkpoints SET gone_at = deleted_at")
    to_remove = sa.text("deleted_at IS NOT NULL AND gone_at IS NULL")
    op.create_index("checkpoints_to_remove", "checkpoints", ["run_id"], postgresql_where=to_remove)
    op.create_table(
        "pins",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "policy", "step"),
    )
    op.create_table(
        "deletions",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("run_id"),
    )


def downgrade() -> None:
    op.drop_table("deletions")
    op.drop_table("pins")
    op.drop_index("checkpoints_to_remove", "checkpoints")
    op.drop_column("checkpoints", "gone_at")
