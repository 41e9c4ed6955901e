"""Facts that attempts report, as idempotent writes: recorder and scheduler may both see the same fact, in any order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from copd_engine.control import Binding
from copd_engine.job import CheckpointRecord
from server.db.models import Checkpoint, EditBinding


def store_checkpoints(session: Session, run_id: str, attempt_id: int, records: Iterable[CheckpointRecord]) -> None:
    """What an attempt published, once. A row that was marked as deleted stays so."""
    rows = [{"run_id": run_id, "attempt_id": attempt_id, **record.model_dump()} for record in records]
    if rows:
        session.execute(insert(Checkpoint).values(rows).on_conflict_do_nothing())


def store_bindings(session: Session, run_id: str, attempt_id: int, bindings: Iterable[Binding]) -> None:
    """Where edits took effect. Of two attempts that bound the same edit the higher counts: it did not know of the lower's."""
    rows: dict[tuple[int, str], dict[str, Any]] = {
        (b.version, b.policy): {"run_id": run_id, "attempt_id": attempt_id, **b.model_dump()} for b in bindings
    }
    if rows:
        statement = insert(EditBinding).values([rows[key] for key in sorted(rows)])
        newer = {"step": statement.excluded.step, "attempt_id": statement.excluded.attempt_id, "bound_at": statement.excluded.bound_at}
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["run_id", "version", "policy"], set_=newer, where=EditBinding.attempt_id < statement.excluded.attempt_id
            )
        )
