"""The tables. PostgreSQL holds the truth: specs, segments, attempts, edits, points, audit; see migrations/ for how they come to be."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Float, ForeignKey, ForeignKeyConstraint, Identity, Index, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

Timestamp = DateTime(timezone=True)


class Base(DeclarativeBase):
    type_annotation_map = {  # noqa: RUF012  # SQLAlchemy's own API
        datetime: Timestamp,
        str: Text,
        dict[str, Any]: JSONB(none_as_null=True),
        list[str]: ARRAY(Text),
    }


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


class User(Base):
    """A person, or a machine with a name of its own. Never deleted, for the log names it; a disabled one has no way in."""

    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("issuer", "subject", name="users_by_subject"),)

    name: Mapped[str] = mapped_column(primary_key=True)
    role: Mapped[str]
    password: Mapped[str | None]
    """An argon2 hash; without one only links, tokens and single sign-on lead in."""
    issuer: Mapped[str | None]
    subject: Mapped[str | None]
    """Whom this provider of OpenID Connect knows the user as; None for users who do not come by single sign-on."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    disabled_at: Mapped[datetime | None]


class LoginTries(Base):
    """Tries to sign in by password since `since`, of one user name or one address: `key` is their keyed hash."""

    __tablename__ = "login_tries"

    key: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]
    since: Mapped[datetime]


class Token(Base):
    """A way in, kept as a keyed hash only: an API token, a browser session, or a one-use login code (`kind`)."""

    __tablename__ = "tokens"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str]
    hash: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    """What it is for."""
    user_name: Mapped[str] = mapped_column(ForeignKey("users.name"), index=True)
    role: Mapped[str]
    """The most it may do; never more than its user may."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Webhook(Base):
    """A URL that is told of runs. Its secret is made of `salt` and the server's key, and kept nowhere."""

    __tablename__ = "webhooks"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    url: Mapped[str]
    events: Mapped[list[str]]
    overlap_floor: Mapped[float] = mapped_column(Float(53))
    salt: Mapped[str]
    secret_hash: Mapped[str]
    """By which a process whose key is another one notices it."""
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class WebhookMessage(Base):
    """One message of a webhook: the outbox while `next_at` is set, after that the log of what became of it."""

    __tablename__ = "webhook_messages"

    id: Mapped[str] = mapped_column(primary_key=True)
    webhook_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("webhooks.id", ondelete="CASCADE"))
    run_id: Mapped[str | None] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), index=True)
    event: Mapped[str]
    payload: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    tries: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime | None] = mapped_column(server_default=func.now())
    """When it is sent next; null once it was taken or given up."""
    delivered_at: Mapped[datetime | None]
    status: Mapped[int | None]
    error: Mapped[str | None]

    __table_args__ = (
        Index("webhook_messages_due", "next_at", postgresql_where=text("next_at IS NOT NULL")),
        Index("webhook_messages_by_webhook", "webhook_id", "created_at"),
    )


class IdempotencyKey(Base):
    """A request already answered: the same key with the same body gets the same run, with another body a 409."""

    __tablename__ = "idempotency_keys"

    route: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    body_hash: Mapped[str]
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Leader(Base):
    """One row: the epoch of the scheduler that may write. Every scheduler transaction checks it."""

    __tablename__ = "leader"

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    epoch: Mapped[int] = mapped_column(BigInteger, default=0)
    holder: Mapped[str] = mapped_column(default="")
    since: Mapped[datetime] = mapped_column(server_default=func.now())
