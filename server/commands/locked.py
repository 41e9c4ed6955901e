"""The run row under a lock: commands and the scheduler change a run one after the other."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from copd_engine.spec import RunSpec
from server.commands.errors import NotFound, VersionConflict
from server.db.models import Run


def locked_run(session: Session, run_id: str, if_match: int | None = None) -> Run:
    """The run, locked until the transaction ends. Raises NotFound, or VersionConflict when `if_match` is not its control version."""
    run = session.scalars(
        select(Run).where(Run.id == run_id).with_for_update(key_share=True).execution_options(populate_existing=True)
    ).one_or_none()
    if run is None:
        raise NotFound(f"there is no run '{run_id}'")
    if if_match is not None and if_match != run.control_version:
        raise VersionConflict(run.control_version)
    return run


def spec_of(run: Run) -> RunSpec:
    """The spec the run was submitted with. It was checked then; fields added since take their defaults."""
    return RunSpec.model_validate(run.spec, strict=False)
