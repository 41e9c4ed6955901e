"""The adaptive schedule at work on a stored run: what was measured at a round's end becomes an edit of the next round's phase."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from copd_engine.adaptive import Overlaps, mean_overlap, next_phase, sentence
from copd_engine.plan import Kind
from copd_engine.structure import TEACH, spec_of_round
from server.commands.locked import spec_of
from server.commands.structure import apply_plan, first_free_round, stored_edits
from server.db.models import Attempt, Edit, Run, SegmentRow
from server.db.segments import structure_edits
from server.db.transition import SCHEDULER, log
from server.states import EDITABLE, RunState


def choose_phase(session: Session, run: Run) -> bool:
    """Edits the phase of the first round of which nothing has been sent, where `opd.adaptive` asks for another. Returns whether it did.

    Nothing happens before the round before is measured, and nothing where that phase was chosen already, by a person say: it stands for
    that round. The run's row is locked.
    """
    spec = spec_of(run)
    if spec.opd.adaptive is None or RunState(run.state) not in EDITABLE:
        return False
    session.flush()
    edits, free = stored_edits(session, run.id), first_free_round(session, run.id)
    if free == 0 or any(edit.path == TEACH and edit.round == free for edit in edits):
        return False
    held = spec_of_round(spec, structure_edits(edits), free - 1)
    overlap = mean_overlap(held, _overlaps(session, run.id, free - 1))
    chosen = None if overlap is None else next_phase(held, free - 1, overlap, run.control_version + 1)
    if overlap is None or chosen is None:
        return False
    edit = Edit(
        run_id=run.id, version=chosen.version, kind="structure", path=chosen.path, old=not chosen.value, value=chosen.value,
        round=chosen.round, author=SCHEDULER,
    )  # fmt: skip
    session.add(edit)
    apply_plan(session, run, [*edits, edit])
    run.control_version = edit.version
    data = {"version": edit.version, "path": edit.path, "old": edit.old, "value": edit.value}
    log(session, run.id, SCHEDULER, sentence(held, overlap, chosen), data=data)
    return True


def _overlaps(session: Session, run_id: str, round_: int) -> Overlaps:
    """What the round's finished measures found."""
    query = (
        select(SegmentRow.policy, Attempt.overlap)
        .join(Attempt, (Attempt.run_id == SegmentRow.run_id) & (Attempt.segment_key == SegmentRow.key))
        .where(SegmentRow.run_id == run_id, SegmentRow.round == round_, SegmentRow.kind == Kind.measure.value, Attempt.state == "done")
    )
    return {policy: overlap for policy, overlap in session.execute(query) if overlap is not None}
