"""What lies in the store: checkpoints, pinned ones, exports, and what is still to be removed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from server.db.models.base import Base


class Checkpoint(Base):
    """A checkpoint in the store. Several attempts may have made one of the same (policy, step); the highest counts.

    It goes in two steps: `deleted_at`, from which on nobody reads it, and once its files are gone `gone_at`.
    """

    __tablename__ = "checkpoints"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    policy: Mapped[str] = mapped_column(primary_key=True)
    step: Mapped[int] = mapped_column(primary_key=True)
    attempt_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    path: Mapped[str]
    digest: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger)
    has_state: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    deleted_at: Mapped[datetime | None]
    gone_at: Mapped[datetime | None]

    __table_args__ = (Index("checkpoints_to_remove", "run_id", postgresql_where=text("deleted_at IS NOT NULL AND gone_at IS NULL")),)


class Pin(Base):
    """A checkpoint that a person wants kept, whatever the policy says."""

    __tablename__ = "pins"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    policy: Mapped[str] = mapped_column(primary_key=True)
    step: Mapped[int] = mapped_column(primary_key=True)
    author: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Deletion(Base):
    """A run that is none, deleted or not yet made, of which there may be files. `cleared_at`: when they were first removed, or begun."""

    __tablename__ = "deletions"

    run_id: Mapped[str] = mapped_column(primary_key=True)
    requested_at: Mapped[datetime] = mapped_column(server_default=func.now())
    cleared_at: Mapped[datetime | None]


class Export(Base):
    """A model made ready to take away: a plain Hugging Face folder in the store."""

    __tablename__ = "exports"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), index=True)
    policy: Mapped[str]
    step: Mapped[int]
    segment_key: Mapped[str]
    path: Mapped[str | None]
    requested_by: Mapped[str]
    requested_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ready_at: Mapped[datetime | None]
