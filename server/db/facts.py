"""Facts that attempts report, as idempotent writes: recorder and scheduler may both see the same fact, in any order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from copd_engine.control import Binding
from copd_engine.job import CheckpointRecord
from server.db.models import Attempt, Checkpoint, Edit, EditBinding
from server.db.transition import log
from server.words import change_text


def store_checkpoints(session: Session, run_id: str, attempt_id: int, records: Iterable[CheckpointRecord]) -> None:
    """What an attempt published, once. A row that was marked as deleted stays so."""
    rows = [{"run_id": run_id, "attempt_id": attempt_id, **record.model_dump()} for record in records]
    if rows:
        session.execute(insert(Checkpoint).values(rows).on_conflict_do_nothing())


def store_bindings(session: Session, run_id: str, attempt_id: int, bindings: Iterable[Binding]) -> None:
    """Where edits took effect, and that in the log. Of two attempts that bound the same edit the higher counts: it did not know of the
    lower's. The run's row is locked."""
    rows: dict[tuple[int, str], dict[str, Any]] = {
        (b.version, b.policy): {"run_id": run_id, "attempt_id": attempt_id, **b.model_dump()} for b in bindings
    }
    if not rows:
        return
    known = _effects(session, run_id)
    statement = insert(EditBinding).values([rows[key] for key in sorted(rows)])
    newer = {"step": statement.excluded.step, "attempt_id": statement.excluded.attempt_id, "bound_at": statement.excluded.bound_at}
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["run_id", "version", "policy"], set_=newer, where=EditBinding.attempt_id < statement.excluded.attempt_id
        )
    )
    for version, policy, step in sorted(_effects(session, run_id) - known):
        edit, attempt = session.get_one(Edit, (run_id, version)), session.get_one(Attempt, attempt_id)
        told = f"{change_text(edit.path, edit.old, edit.value)} is effective at step {step} of {policy}"
        log(session, run_id, attempt.worker, told, policy=policy, attempt_id=attempt_id, data={"version": version, "step": step})


def _effects(session: Session, run_id: str) -> set[tuple[int, str, int]]:
    """Version, policy and step of all edits that have taken effect. An attempt that repeats the step repeats them."""
    query = select(EditBinding.version, EditBinding.policy, EditBinding.step)
    rows = session.execute(query.where(EditBinding.run_id == run_id, EditBinding.attempt_id > 0))
    return {(version, policy, step) for version, policy, step in rows}
