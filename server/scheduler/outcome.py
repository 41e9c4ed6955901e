"""Commits how an attempt ended. Only the newest attempt of a segment counts, and only once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from copd_engine.control import Binding
from copd_engine.events import Bound, Event, Stored
from copd_engine.job import SegmentError, SegmentResult
from copd_engine.plan import TRAINING, Kind
from server.commands.adaptive import choose_phase
from server.commands.locked import locked_run
from server.commands.retry import NUMERICAL
from server.db.facts import store_bindings, store_checkpoints
from server.db.models import Attempt, Export, Run, SegmentRow
from server.db.standing import refresh_trained
from server.db.transition import SCHEDULER, log, printable, transition
from server.scheduler.judge import LIVE, MAX_LOST
from server.scheduler.stopping import settle
from server.states import STOPPING, RunState, Trigger, sources
from server.webhooks.messages import tell_numerical_failure, tell_overlap
from worker.bus import Changed

SEGMENT_STATE = {"done": "done", "stopped": "planned", "failed": "failed"}


def commit_result(session: Session, run_id: str, attempt_id: int, result: SegmentResult) -> list[Changed]:
    """Takes an attempt's result, and chooses the next round's phase where the result was the last that `opd.adaptive` waited for.

    Returns what changed: nothing when the attempt no longer counts.
    """
    run = locked_run(session, run_id)
    attempt = _live_attempt(session, attempt_id)
    if attempt is None:
        return []
    changed: list[Changed] = ["run", "segments", "checkpoints", "log"]
    attempt.state, attempt.events = result.outcome, result.events
    attempt.seconds, attempt.counts = dict(result.seconds), dict(result.counts)
    attempt.started_at, attempt.ended_at = attempt.started_at or attempt.sent_at, _now(session)
    attempt.overlap, attempt.provenance = dict(result.overlap) or None, result.provenance
    attempt.error = _error(result.error)
    store_checkpoints(session, run_id, attempt_id, result.checkpoints)
    store_bindings(session, run_id, attempt_id, result.bindings)
    segment = session.get_one(SegmentRow, (run_id, attempt.segment_key))
    segment.state = SEGMENT_STATE[result.outcome]
    if result.outcome != "stopped":
        segment.ended_at = attempt.ended_at
    if result.outcome == "done" and Kind(segment.kind) in TRAINING:
        refresh_trained(session, run_id)
    if result.export is not None:
        _export_is_ready(session, segment, attempt, result.export)
    if result.error is not None:
        _fail(session, run, segment, attempt, result.error.message, printable(result.error.traceback))
        if result.error.kind == NUMERICAL:
            tell_numerical_failure(session, run, segment, printable(result.error.message))
    tell_overlap(session, run, segment, attempt)
    if segment.kind == Kind.measure and segment.state == "done" and choose_phase(session, run):
        changed.append("edits")
    settle(session, run)
    return changed


def commit_failure(session: Session, run_id: str, segment_key: str, message: str) -> None:
    """Fails a run one of whose segments cannot even be sent."""
    run = locked_run(session, run_id)
    segment = session.get_one(SegmentRow, (run_id, segment_key))
    segment.state = "failed"
    _fail(session, run, segment, None, message, "")
    settle(session, run)


def commit_lost(session: Session, run_id: str, attempt_id: int, events: list[Event], *, why: str, counts: bool) -> bool:
    """Gives an attempt up and plans its segment again, from the last state it had stored.

    events: all it left behind. counts: whether it is one of the few losses a segment may have; none is held against a run that is
    stopping, for its attempts may have been told to end. Returns False when the attempt had ended already.
    """
    run = locked_run(session, run_id)
    attempt = _live_attempt(session, attempt_id)
    if attempt is None:
        return False
    counts = counts and RunState(run.state) not in STOPPING
    attempt.state, attempt.ended_at, attempt.events = "lost", _now(session), events[-1].seq if events else 0
    attempt.error = {"kind": "lost" if counts else "not counted", "message": why}
    store_checkpoints(session, run_id, attempt_id, (event.checkpoint for event in events if isinstance(event, Stored)))
    bound = (event for event in events if isinstance(event, Bound))
    store_bindings(session, run_id, attempt_id, (Binding(version=e.version, policy=e.policy, step=e.step) for e in bound))
    segment = session.get_one(SegmentRow, (run_id, attempt.segment_key))
    segment.state = "planned"
    log(session, run_id, SCHEDULER, f"{segment.key}: {why}", level="warning", policy=segment.policy, attempt_id=attempt_id)
    if counts and _lost_attempts(session, segment) >= MAX_LOST:
        segment.state = "failed"
        _fail(session, run, segment, attempt, f"{segment.key} was lost {MAX_LOST} times; the last time, {why}", "")
    settle(session, run)
    return True


def _live_attempt(session: Session, attempt_id: int) -> Attempt | None:
    attempt = session.get(Attempt, attempt_id, populate_existing=True)
    if attempt is None or attempt.state not in LIVE:
        return None
    newest = select(func.max(Attempt.id)).where(Attempt.run_id == attempt.run_id, Attempt.segment_key == attempt.segment_key)
    return attempt if session.scalars(newest).one() == attempt.id else None


def _fail(session: Session, run: Run, segment: SegmentRow, attempt: Attempt | None, message: str, traceback: str) -> None:
    """A segment cannot be carried out: its run fails, unless it is over or already stopping for a stronger reason."""
    actor, number = (attempt.worker, attempt.id) if attempt else (SCHEDULER, None)
    log(session, run.id, actor, f"{segment.key} failed: {message}", level="error", policy=segment.policy, attempt_id=number)
    if RunState(run.state) not in sources(Trigger.error):
        return
    run.error = {"message": printable(message), "segment": segment.key, "attempt": number, "traceback": traceback}
    transition(session, run, Trigger.error, SCHEDULER, because=message)
    if RunState(run.state) in STOPPING:
        run.control_version += 1  # a new document tells its peers to finish their step and stop


def _lost_attempts(session: Session, segment: SegmentRow) -> int:
    mine = (Attempt.run_id == segment.run_id) & (Attempt.segment_key == segment.key)
    return session.scalars(select(func.count()).where(mine, Attempt.state == "lost", Attempt.error["kind"].astext == "lost")).one()


def _export_is_ready(session: Session, segment: SegmentRow, attempt: Attempt, path: str) -> None:
    export = session.scalars(select(Export).where(Export.run_id == segment.run_id, Export.segment_key == segment.key)).one()
    export.path, export.ready_at = path, segment.ended_at
    told = f"exported {export.policy} at step {export.step}: it can be downloaded"
    log(session, segment.run_id, attempt.worker, told, policy=export.policy, attempt_id=attempt.id, data={"step": export.step})


def _error(error: SegmentError | None) -> dict[str, str] | None:
    if error is None:
        return None
    return {"kind": error.kind, "message": printable(error.message), "traceback": printable(error.traceback)}


def _now(session: Session) -> datetime:
    return session.execute(select(func.now())).scalar_one()
