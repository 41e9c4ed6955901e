"""Control documents, from PostgreSQL to Redis, and who acknowledges them when no attempt can."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import redis
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, defer

from copd_engine.control import ControlDocument, Desired, ValueEdit
from server.db.models import Edit, Run
from server.db.session import is_one_of
from server.scheduler.stopping import has_live_attempt
from server.states import TERMINAL, RunState
from worker.bus import control_key

DESIRED: Mapping[RunState, Desired] = {
    RunState.pausing: "pause",
    RunState.paused: "pause",
    RunState.failing: "pause",  # peers finish their step and store their state
    RunState.cancelling: "cancel",
}
"""What attempts of a run in a state are to do; `run` in all others, for a finished run may still export."""
DOCUMENT_SECONDS = 3600
"""How long an unrepeated document stays in Redis."""


def control_document(run: Run, edits: Sequence[Edit]) -> ControlDocument:
    values = tuple(ValueEdit(version=e.version, path=e.path, value=e.value, replayed=e.replayed) for e in edits if e.kind == "value")
    desired = DESIRED.get(RunState(run.state), "run")
    return ControlDocument(version=run.control_version, desired=desired, edits=values, paused=tuple(run.paused_policies))


def current_stamps(session: Session) -> dict[str, tuple[int, str]]:
    """Of every run that has a live attempt: its version and state. A document is the same as long as they are."""
    rows = session.execute(select(Run.id, Run.control_version, Run.state).where(has_live_attempt(Run.id)))
    return {run: (version, state) for run, version, state in rows}


def current_documents(session: Session, of: Collection[str]) -> dict[str, ControlDocument]:
    """The documents of these runs."""
    if not of:
        return {}
    runs = list(session.scalars(select(Run).where(is_one_of(Run.id, of)).options(defer(Run.spec), defer(Run.source))))
    edits = defaultdict[str, list[Edit]](list)
    for edit in session.scalars(select(Edit).where(is_one_of(Edit.run_id, of)).order_by(Edit.version)):
        edits[edit.run_id].append(edit)
    return {run.id: control_document(run, edits[run.id]) for run in runs}


def publish(client: redis.Redis, documents: Mapping[str, ControlDocument]) -> None:
    """Sets what Redis lacks or has otherwise. Raises redis.RedisError."""
    if not documents:
        return
    keys = [control_key(run) for run in documents]
    wanted = [document.model_dump_json().encode() for document in documents.values()]
    held: Any = client.mget(keys)
    pipe = client.pipeline(transaction=False)
    for key, now, then in zip(keys, wanted, held, strict=True):
        if now != then:
            pipe.set(key, now, ex=DOCUMENT_SECONDS)
        else:
            pipe.expire(key, DOCUMENT_SECONDS)
    pipe.execute()


def unacknowledged(session: Session) -> list[str]:
    """Runs with news but without an attempt that could acknowledge it."""
    behind = Run.acknowledged_version < Run.control_version
    over = Run.state.in_([state.value for state in TERMINAL])
    return list(session.scalars(select(Run.id).where(behind, ~over, ~has_live_attempt(Run.id))))


def acknowledge_for_the_absent(session: Session, runs: Sequence[str]) -> None:
    """Acknowledges every version of runs without a live attempt: whatever starts next starts with it."""
    session.execute(update(Run).where(is_one_of(Run.id, runs), ~has_live_attempt(Run.id)).values(acknowledged_version=Run.control_version))
    heard = select(Run.acknowledged_version).where(Run.id == Edit.run_id).scalar_subquery()
    session.execute(
        update(Edit)
        .where(is_one_of(Edit.run_id, runs), Edit.acknowledged_at.is_(None), Edit.version <= heard)
        .values(acknowledged_at=func.now())
        .execution_options(synchronize_session=False)
    )
