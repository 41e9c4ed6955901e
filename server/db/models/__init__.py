"""The tables. PostgreSQL holds the truth: specs, segments, attempts, edits, points, audit; see migrations/ for how they come to be."""

from server.db.models.artifacts import Checkpoint, Deletion, Export, Pin
from server.db.models.base import Base
from server.db.models.leader import Leader
from server.db.models.people import LoginTries, Token, User
from server.db.models.records import LogLine, Point, PointChunk, RolloutRow, SampleRow, Series
from server.db.models.runs import Attempt, Edit, EditBinding, IdempotencyKey, Run, SegmentRow
from server.db.models.usage import UsageRow
from server.db.models.webhooks import Webhook, WebhookMessage

__all__ = [
    "Attempt",
    "Base",
    "Checkpoint",
    "Deletion",
    "Edit",
    "EditBinding",
    "Export",
    "IdempotencyKey",
    "Leader",
    "LogLine",
    "LoginTries",
    "Pin",
    "Point",
    "PointChunk",
    "RolloutRow",
    "Run",
    "SampleRow",
    "SegmentRow",
    "Series",
    "Token",
    "UsageRow",
    "User",
    "Webhook",
    "WebhookMessage",
]
