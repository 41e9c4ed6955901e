"""What is told, and to whom: a message is queued in the very transaction it tells of, so that neither is there without the other."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.models import Attempt, Run, SegmentRow, Webhook, WebhookMessage
from server.states import RunState


class WebhookEvent(StrEnum):
    completed = "run.completed"
    failed = "run.failed"
    overlap_low = "run.overlap_low"
    """The overlap of two experts, measured at the end of a phase, went below the webhook's floor."""
    numerical_failure = "run.numerical_failure"
    """A loss or a gradient was not finite."""


TEST = "test"
_OF_STATE = {RunState.completed: WebhookEvent.completed, RunState.failed: WebhookEvent.failed}


def tell_state(session: Session, run: Run) -> None:
    """The run is in a new state."""
    if event := _OF_STATE.get(RunState(run.state)):
        cause = {name: run.error.get(name) for name in ("message", "segment")} if event is WebhookEvent.failed and run.error else None
        for webhook in _listening(session, event):
            queue(session, webhook, event, run, {"error": cause} if cause else {})


def tell_numerical_failure(session: Session, run: Run, segment: SegmentRow, message: str) -> None:
    """A step of the segment gave a loss or a gradient that is not finite."""
    for webhook in _listening(session, WebhookEvent.numerical_failure):
        told = {"policy": segment.policy, "segment": segment.key, "message": message}
        queue(session, webhook, WebhookEvent.numerical_failure, run, told)


def tell_overlap(session: Session, run: Run, segment: SegmentRow, attempt: Attempt) -> None:
    """An expert's overlap with its peers has been measured: told of those that went below the floor since the measurement before."""
    if not attempt.overlap or not (webhooks := _listening(session, WebhookEvent.overlap_low)):
        return
    before = _overlap_before(session, segment)
    for webhook in webhooks:
        floor = webhook.overlap_floor
        low = {peer: value for peer, value in attempt.overlap.items() if value < floor <= before.get(peer, 1.0)}
        if low:
            told = {"policy": segment.policy, "step": segment.step, "floor": floor, "overlap": low}
            queue(session, webhook, WebhookEvent.overlap_low, run, told)


def queue(session: Session, webhook: Webhook, event: str, run: Run | None, data: dict[str, Any]) -> WebhookMessage:
    """Adds a message, to be sent at once. Returns its row."""
    about = {"run": {"id": run.id, "name": run.name, "method": run.method, "state": run.state}} if run else {}
    payload = {"type": str(event), "timestamp": datetime.now(UTC).isoformat(), "data": about | data}
    message = WebhookMessage(
        id=f"msg_{secrets.token_hex(12)}", webhook_id=webhook.id, run_id=run.id if run else None, event=str(event), payload=payload
    )
    session.add(message)
    return message


def _listening(session: Session, event: WebhookEvent) -> list[Webhook]:
    return list(session.scalars(select(Webhook).where(Webhook.events.contains([event.value])).order_by(Webhook.id)))


def _overlap_before(session: Session, segment: SegmentRow) -> Mapping[str, float]:
    """Peer → overlap, of the policy's measurement before this one."""
    measured = (
        select(Attempt.overlap)
        .join(SegmentRow, (SegmentRow.run_id == Attempt.run_id) & (SegmentRow.key == Attempt.segment_key))
        .where(SegmentRow.run_id == segment.run_id, SegmentRow.policy == segment.policy, SegmentRow.key != segment.key)
        .where(Attempt.overlap.is_not(None), SegmentRow.step <= segment.step)
        .order_by(SegmentRow.step.desc(), SegmentRow.position.desc())
        .limit(1)
    )
    return session.scalars(measured).one_or_none() or {}
