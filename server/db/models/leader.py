"""Who may write as the scheduler."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, func
from sqlalchemy.orm import Mapped, mapped_column

from server.db.models.base import Base


class Leader(Base):
    """One row: the epoch of the scheduler that may write. Every scheduler transaction checks it."""

    __tablename__ = "leader"

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    epoch: Mapped[int] = mapped_column(BigInteger, default=0)
    holder: Mapped[str] = mapped_column(default="")
    since: Mapped[datetime] = mapped_column(server_default=func.now())
