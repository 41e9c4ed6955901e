"""Whom a provider of OpenID Connect knows a user as."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("users", sa.Column("issuer", sa.Text(), nullable=True))
    op.add_column("users", sa.Column("subject", sa.Text(), nullable=True))
    op.create_unique_constraint("users_by_subject", "users", ["issuer", "subject"])


def downgrade() -> None:
    op.drop_constraint("users_by_subject", "users")
    op.drop_column("users", "subject")
    op.drop_column("users", "issuer")
