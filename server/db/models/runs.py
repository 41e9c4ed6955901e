"""Runs, the segments of their plans, attempts at these, and edits."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Float, ForeignKey, ForeignKeyConstraint, Identity, Index, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from server.db.models.base import Base


class Run(Base):
    __tablename__ = "runs"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    notes: Mapped[str] = mapped_column(default="")
    tags: Mapped[list[str]] = mapped_column(default=list)
    method: Mapped[str]
    priority: Mapped[int] = mapped_column(default=0)
    spec: Mapped[dict[str, Any]]
    source: Mapped[str]
    """The spec as submitted, comments and all."""
    state: Mapped[str] = mapped_column(default="queued", index=True)
    state_since: Mapped[datetime] = mapped_column(server_default=func.now())
    deadline: Mapped[datetime | None]
    """When attempts are terminated, in a state that waits for them to end."""
    error: Mapped[dict[str, Any] | None]
    """First cause: `message`, and where known `segment`, `attempt` and `traceback`."""
    waiting_for: Mapped[str | None]
    """One sentence, when the run cannot go on right now."""
    fingerprint: Mapped[str | None]
    """Of the worker that got the first segment; all others go to workers of the same, so that the bits stay the same."""
    control_version: Mapped[int] = mapped_column(default=1)
    """Rises with every command and edit; If-Match and the control document carry it."""
    acknowledged_version: Mapped[int] = mapped_column(default=0)
    stream_position: Mapped[str] = mapped_column(default="0-0")
    """The stream id up to which the recorder has stored the run's events."""
    forked_from: Mapped[str | None] = mapped_column(ForeignKey("runs.id", ondelete="SET NULL"), index=True)
    """The run whose first `forked_round` rounds are this one's too."""
    forked_round: Mapped[int | None]
    paused_policies: Mapped[list[str]] = mapped_column(default=list)
    """Policies of which nothing is trained until they are resumed, while the others go on."""
    served_at: Mapped[datetime | None]
    """When a segment of it was last sent: runs of one priority take turns."""
    pause_seconds: Mapped[float | None]
    """From the last request to pause to `paused`."""
    capability: Mapped[float | None] = mapped_column(Float(53))
    """Newest accuracy of the merged model, the mean over the domains; server/db/standing.py keeps it."""
    trained: Mapped[float] = mapped_column(Float(53), default=0.0, server_default="0")
    """The share of the training steps that lie in segments that are done; likewise."""
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        Index("runs_by_age", "created_at", "id"),
        Index("runs_unacknowledged", "id", postgresql_where=text("acknowledged_version < control_version")),
    )


class SegmentRow(Base):
    """One node of a run's plan; `state` is planned, running, done or failed."""

    __tablename__ = "segments"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    """Its place in plan(); segments a re-plan drops are deleted, unsent as they are."""
    kind: Mapped[str]
    policy: Mapped[str]
    round: Mapped[int]
    part: Mapped[int]
    step: Mapped[int]
    steps: Mapped[int]
    start: Mapped[str]
    teachers: Mapped[list[str]]
    domain: Mapped[str | None]
    needs: Mapped[list[str]]
    state: Mapped[str] = mapped_column(default="planned")
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    __table_args__ = (Index("segments_by_state", "state", "run_id"),)


class Attempt(Base):
    """One try at a segment on one worker; `state` is sent, running, done, stopped, failed, lost or superseded."""

    __tablename__ = "attempts"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    run_id: Mapped[str]
    segment_key: Mapped[str]
    worker: Mapped[str]
    state: Mapped[str] = mapped_column(default="sent")
    start_step: Mapped[int]
    stored_step: Mapped[int | None]
    """The last step of which the store holds the full state."""
    recorded_seq: Mapped[int] = mapped_column(default=0)
    """Events 1 … recorded_seq of the attempt are all in these tables."""
    events: Mapped[int | None]
    """How many events the attempt has in all, known at its end."""
    sent_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    seconds: Mapped[dict[str, Any]] = mapped_column(default=dict)
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    overlap: Mapped[dict[str, Any] | None]
    """Of a finished measure: peer → overlap, the mean over the domains."""
    provenance: Mapped[dict[str, Any] | None]
    """What ran where, on what, as copd_engine.provenance.Provenance; known at its end, and not of a lost one."""
    error: Mapped[dict[str, Any] | None]

    __table_args__ = (
        ForeignKeyConstraint(["run_id", "segment_key"], ["segments.run_id", "segments.key"], ondelete="CASCADE"),
        Index("attempts_by_segment", "run_id", "segment_key"),
        Index("attempts_by_state", "state"),
        Index("attempts_unrecorded", "run_id", postgresql_where=text("recorded_seq < events")),
    )


class Edit(Base):
    """A change of one field while the run lives: who, when, from, to; structure edits also from which round."""

    __tablename__ = "edits"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    """The run's control version that brought it; one field per version."""
    kind: Mapped[str]
    """value, structure or dispatch"""
    path: Mapped[str]
    old: Mapped[Any] = mapped_column(JSONB)
    value: Mapped[Any] = mapped_column(JSONB)
    round: Mapped[int | None]
    replayed: Mapped[bool] = mapped_column(default=False)
    """Came with a recipe: it holds where its bindings say and binds nowhere else."""
    author: Mapped[str]
    requested_at: Mapped[datetime] = mapped_column(server_default=func.now())
    acknowledged_at: Mapped[datetime | None]


class EditBinding(Base):
    """A value edit has taken effect for a policy from this step on. `attempt_id` is 0 where a recipe says so and the step is to come."""

    __tablename__ = "bindings"

    run_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    policy: Mapped[str] = mapped_column(primary_key=True)
    step: Mapped[int]
    attempt_id: Mapped[int] = mapped_column(BigInteger)
    bound_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (ForeignKeyConstraint(["run_id", "version"], ["edits.run_id", "edits.version"], ondelete="CASCADE"),)


class IdempotencyKey(Base):
    """A request already answered: the same key with the same body gets the same run, with another body a 409."""

    __tablename__ = "idempotency_keys"

    route: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    body_hash: Mapped[str]
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
