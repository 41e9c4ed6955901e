"""How busy the workers' machines were."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Float, func
from sqlalchemy.orm import Mapped, mapped_column

from server.db.models.base import Base


class UsageRow(Base):
    """One look at a worker's machine, as its report told it then; `time` is PostgreSQL's. Rows older than a day are removed."""

    __tablename__ = "worker_usage"

    time: Mapped[datetime] = mapped_column(primary_key=True, server_default=func.now())
    worker: Mapped[str] = mapped_column(primary_key=True)
    host: Mapped[str]
    cpu: Mapped[float] = mapped_column(Float(53))
    """Share of all cores, in [0, 1]."""
    memory_used: Mapped[int] = mapped_column(BigInteger)
    memory_total: Mapped[int] = mapped_column(BigInteger)
    disk_free: Mapped[int] = mapped_column(BigInteger)
    process_memory: Mapped[int | None] = mapped_column(BigInteger)
    """Of the process that trains; None while there is none."""
    gpu_memory_used: Mapped[int | None] = mapped_column(BigInteger)
    gpu_memory_total: Mapped[int | None] = mapped_column(BigInteger)
    gpu: Mapped[float | None] = mapped_column(Float(53))
    """Share of the time in which it computed, in [0, 1]."""
