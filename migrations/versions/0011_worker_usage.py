"""How busy the workers' machines were, for a day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "worker_usage",
        sa.Column("time", sa.DateTime(timezone=True), server_default=sa.func.now(), primary_key=True),
        sa.Column("worker", sa.Text(), primary_key=True),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("cpu", sa.Float(53), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("memory_used", "memory_total", "disk_free")),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in ("process_memory", "gpu_memory_used", "gpu_memory_total")),
        sa.Column("gpu", sa.Float(53), nullable=True),
    )


def downgrade() -> None:
    op.drop_table("worker_usage")
