"""Users with roles; tokens belong to them, those that are there to the first user, an admin. The log is no longer of runs alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
FIRST_USER = "local"


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "login_tries",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.add_column("tokens", sa.Column("user_name", sa.Text(), nullable=True))
    op.add_column("tokens", sa.Column("role", sa.Text(), nullable=True))
    op.execute(f"INSERT INTO users (name, role) SELECT '{FIRST_USER}', 'admin' WHERE EXISTS (SELECT FROM tokens)")  # noqa: S608  # a constant
    op.execute(f"UPDATE tokens SET user_name = '{FIRST_USER}', role = 'admin'")  # noqa: S608  # likewise
    op.alter_column("tokens", "user_name", nullable=False)
    op.alter_column("tokens", "role", nullable=False)
    op.create_foreign_key("tokens_user_name_fkey", "tokens", "users", ["user_name"], ["name"])
    op.create_index("ix_tokens_user_name", "tokens", ["user_name"])
    op.alter_column("log", "run_id", nullable=True)
    of_people = sa.text("attempt_id IS NULL AND actor <> 'scheduler'")
    op.create_index("log_by_people", "log", ["id"], postgresql_where=of_people)


def downgrade() -> None:
    op.drop_index("log_by_people", "log")
    op.execute("DELETE FROM log WHERE run_id IS NULL")
    op.alter_column("log", "run_id", nullable=False)
    op.drop_index("ix_tokens_user_name", "tokens")
    op.drop_constraint("tokens_user_name_fkey", "tokens", type_="foreignkey")
    op.drop_column("tokens", "role")
    op.drop_column("tokens", "user_name")
    op.drop_table("login_tries")
    op.drop_table("users")
