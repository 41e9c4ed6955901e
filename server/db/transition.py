"""Moving a run from state to state inside a transaction: the row, its deadline and its log line together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from copd_engine.plan import TRAINING
from server.db.models import Attempt, Checkpoint, LogLine, Run, SegmentRow
from server.states import STOPPING, TERMINAL, RunState, Trigger, after
from server.webhooks.messages import tell_state

SCHEDULER = "scheduler"
"""The actor of log lines about what the scheduler decided."""
HELD_BACK = "held_back"
"""Key of a log line's data: the policies that are paused from then on, of a run that goes on."""
SHORTEST_DEADLINE = 60.0
RECENT_ATTEMPTS = 5


def transition(
    session: Session, run: Run, trigger: Trigger, actor: str, *, because: str = "", data: dict[str, Any] | None = None
) -> RunState:
    """Applies `trigger` to a run whose row is locked. Raises TransitionError where the table has no such transition."""
    before, now = RunState(run.state), session.execute(select(func.now())).scalar_one()  # PostgreSQL's clock is the only one
    state = after(before, trigger)
    if state is RunState.paused:
        run.pause_seconds = (now - run.state_since).total_seconds() if before is RunState.pausing else 0.0
        if before is RunState.pausing:
            because = f"{run.pause_seconds:.1f} s after it was asked for, {_reached(session, run.id)}"
    run.state, run.state_since = state.value, now
    run.deadline = now + timedelta(seconds=_deadline_seconds(session, run.id)) if state in STOPPING else None
    run.waiting_for = None
    if state is RunState.running and run.started_at is None:
        run.started_at = now
    run.ended_at = now if state in TERMINAL else None
    level = "error" if state in (RunState.failing, RunState.failed) else "info"
    message = f"{before} → {state}" + (f": {because}" if because else "")
    tell_state(session, run)
    log(
        session,
        run.id,
        actor,
        message,
        level=level,
        data={"trigger": trigger.value, "from": before.value, "to": state.value, **(data or {})},
    )
    return state


def _reached(session: Session, run_id: str) -> str:
    """After which step each policy's training goes on: "after step 48 of image, 40 of text"."""
    steps = select(Checkpoint.policy, func.max(Checkpoint.step)).where(
        Checkpoint.run_id == run_id, Checkpoint.has_state, Checkpoint.deleted_at.is_(None)
    )
    known = session.execute(steps.group_by(Checkpoint.policy).order_by(Checkpoint.policy)).all()
    return f"after step {', '.join(f'{step} of {policy}' for policy, step in known)}" if known else "before the first step"


def log(session: Session, run_id: str | None, actor: str, message: str, *, level: str = "info", **columns: Any) -> None:
    """Adds a line to the run's log; without a run, what it tells of is users, tokens and logins. `columns`: policy, attempt_id, data."""
    session.add(LogLine(run_id=run_id, actor=actor, message=printable(message), level=level, **columns))


def printable(text: str) -> str:
    """`text` as PostgreSQL can keep it: no NUL, no lone surrogates."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def deadline_seconds(step_seconds: Sequence[float], store_seconds: Sequence[float]) -> float:
    """How long a stopping run may wait for its attempts: three recent steps and one state write, at least a minute."""
    return max(SHORTEST_DEADLINE, 3 * max(step_seconds, default=0.0) + max(store_seconds, default=0.0))


def _deadline_seconds(session: Session, run_id: str) -> float:
    recent = session.execute(
        select(Attempt.seconds, Attempt.counts)
        .join(SegmentRow, (SegmentRow.run_id == Attempt.run_id) & (SegmentRow.key == Attempt.segment_key))
        .where(Attempt.run_id == run_id, Attempt.ended_at.is_not(None), SegmentRow.kind.in_([kind.value for kind in TRAINING]))
        .order_by(Attempt.ended_at.desc())
        .limit(RECENT_ATTEMPTS)
    ).all()
    steps = [sum(seconds.values()) / counts["steps"] for seconds, counts in recent if counts.get("steps")]
    return deadline_seconds(steps, [seconds.get("store", 0.0) for seconds, _ in recent])
