"""Indexes for what the scheduler and the recorder ask for at each look: with them it costs what is under way, not what there ever was."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0004"


def upgrade() -> None:
    op.create_index("attempts_unrecorded", "attempts", ["run_id"], postgresql_where=sa.text("recorded_seq < events"))
    op.create_index("runs_unacknowledged", "runs", ["id"], postgresql_where=sa.text("acknowledged_version < control_version"))


def downgrade() -> None:
    op.drop_index("runs_unacknowledged", "runs")
    op.drop_index("attempts_unrecorded", "attempts")
