"""What ran where, per attempt; and indexes for what scheduler and recorder ask for at each look, so that it costs what is under way."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("attempts", sa.Column("provenance", postgresql.JSONB(), nullable=True))
    op.create_index("attempts_unrecorded", "attempts", ["run_id"], postgresql_where=sa.text("recorded_seq < events"))
    op.create_index("runs_unacknowledged", "runs", ["id"], postgresql_where=sa.text("acknowledged_version < control_version"))


def downgrade() -> None:
    op.drop_index("runs_unacknowledged", "runs")
    op.drop_index("attempts_unrecorded", "attempts")
    op.drop_column("attempts", "provenance")
