"""What lists of runs are sorted by, kept in the row: the merged model's accuracy, and the share of the training that is done."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

CAPABILITY = """
    UPDATE runs SET capability = mean FROM (
        SELECT run_id, avg(newest.value) AS mean FROM series, LATERAL (
            SELECT value FROM points WHERE series_id = series.id ORDER BY step DESC LIMIT 1) AS newest
        WHERE name = 'capability' AND policy = 'merged' GROUP BY run_id) AS known
    WHERE runs.id = known.run_id"""
TRAINED = """
    UPDATE runs SET trained = share FROM (
        SELECT run_id, (coalesce(sum(steps) FILTER (WHERE state = 'done'), 0)::float8 / sum(steps)) AS share
        FROM segments WHERE kind IN ('rlvr', 'opd') AND steps > 0 GROUP BY run_id) AS known
    WHERE runs.id = known.run_id"""


def upgrade() -> None:
    op.add_column("runs", sa.Column("capability", sa.Float(53), nullable=True))
    op.add_column("runs", sa.Column("trained", sa.Float(53), server_default="0", nullable=False))
    op.execute(CAPABILITY)
    op.execute(TRAINED)


def downgrade() -> None:
    op.drop_column("runs", "trained")
    op.drop_column("runs", "capability")
