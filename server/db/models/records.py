"""What runs have told: points of curves, samples, rollouts, and the log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Float, ForeignKey, Identity, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from server.db.models.base import Base


class Series(Base):
    """A curve: (name, policy, peer, domain) of one run. Peer and domain are '' where there is none, so that the key is unique."""

    __tablename__ = "series"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    name: Mapped[str]
    policy: Mapped[str]
    peer: Mapped[str] = mapped_column(default="")
    domain: Mapped[str] = mapped_column(default="")

    __table_args__ = (UniqueConstraint("run_id", "name", "policy", "peer", "domain"),)


class Point(Base):
    """One number. On (series, step) the higher attempt wins, so that a replay never doubles and never goes back.

    Only the newest of a series are here; older ones are in its chunks. server/db/points.py reads and writes both.
    """

    __tablename__ = "points"

    series_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    """No foreign key: its check took 40 % of the time of an insert. Who deletes a series deletes its points."""
    step: Mapped[int] = mapped_column(primary_key=True)
    attempt_id: Mapped[int] = mapped_column(BigInteger)
    value: Mapped[float | None] = mapped_column(Float(53))
    se: Mapped[float | None] = mapped_column(Float(53))
    time: Mapped[datetime]


class PointChunk(Base):
    """Points of one series, steps `first` to `last`; all its rows in `points` come after.

    A column is an array of `count` numbers as little-endian bytes, or one number if all are the same.
    """

    __tablename__ = "point_chunks"

    series_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    first: Mapped[int] = mapped_column(primary_key=True)
    last: Mapped[int]
    count: Mapped[int]
    steps: Mapped[bytes]
    """int32: the difference to the step before; to first - 1 at the beginning"""
    attempts: Mapped[bytes]
    """int64"""
    values: Mapped[bytes]
    """float64, NaN where there is none"""
    ses: Mapped[bytes]
    """The same."""
    times: Mapped[bytes]
    """int64, microseconds since 1970"""


class SampleRow(Base):
    """A held-out prompt with a policy's answer; media are blobs in the store."""

    __tablename__ = "samples"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    policy: Mapped[str] = mapped_column(primary_key=True)
    step: Mapped[int] = mapped_column(primary_key=True)
    domain: Mapped[str] = mapped_column(primary_key=True)
    index: Mapped[int] = mapped_column(primary_key=True)
    attempt_id: Mapped[int] = mapped_column(BigInteger)
    prompt: Mapped[str]
    answer: Mapped[str]
    completion: Mapped[str]
    reward: Mapped[float]
    reason: Mapped[str]
    media: Mapped[list[str]]


class RolloutRow(Base):
    """A prompt with a group of completions, kept for people to read; the whole of it is in a file of the store.

    On the unique key the higher attempt wins, so that a step that is repeated doubles nothing. Peer is '' where there is none.
    """

    __tablename__ = "rollouts"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    policy: Mapped[str]
    step: Mapped[int]
    part: Mapped[str]
    peer: Mapped[str] = mapped_column(default="")
    domain: Mapped[str]
    index: Mapped[int]
    attempt_id: Mapped[int] = mapped_column(BigInteger)
    prompt: Mapped[str]
    completion: Mapped[str]
    media: Mapped[list[str]]
    size: Mapped[int]
    tokens: Mapped[int]
    reward_min: Mapped[float] = mapped_column(Float(53))
    reward_mean: Mapped[float] = mapped_column(Float(53))
    reward_max: Mapped[float] = mapped_column(Float(53))
    gap: Mapped[float | None] = mapped_column(Float(53))
    path: Mapped[str]
    place: Mapped[int]

    __table_args__ = (
        UniqueConstraint("run_id", "policy", "step", "part", "peer", "domain", "index"),
        Index("rollouts_by_step", "run_id", "step", "id"),
        Index("rollouts_by_reward", "run_id", "reward_mean", "id"),
    )


class LogLine(Base):
    """The log: what people did (audit), what the scheduler decided, what workers said. Users, tokens and logins belong to no run."""

    __tablename__ = "log"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    run_id: Mapped[str | None] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    time: Mapped[datetime] = mapped_column(server_default=func.now())
    level: Mapped[str] = mapped_column(default="info")
    actor: Mapped[str]
    """A user's name, `scheduler`, or the worker's name."""
    message: Mapped[str]
    policy: Mapped[str | None]
    attempt_id: Mapped[int | None] = mapped_column(BigInteger)
    seq: Mapped[int | None]
    """The event's number in its attempt; with it a backfilled line is not doubled."""
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)

    __table_args__ = (
        Index("log_by_run", "run_id", "id"),
        Index("log_by_people", "id", postgresql_where=text("attempt_id IS NULL AND actor <> 'scheduler'")),
        UniqueConstraint("attempt_id", "seq"),
    )
