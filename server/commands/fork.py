"""Going on from an earlier round: a new run that has the first rounds of another, and trains on from their end with edits or without.

A fork is a recipe of which the first part is done already: the other run's spec, the edits that had taken effect by that round's end, and
what was edited then. Submitted from scratch, its recipe gives the same weights. Rolling back is forking and ending the run one came from,
which keeps all it has: no number is ever lost.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from copd_engine.plan import BASE, MERGED, TRAINING, Kind, Ref, Segment, plan
from copd_engine.spec import FieldError, SpecError
from copd_engine.store import Store
from server.commands.controls import FIRST_EDIT, make_edits, reseeded
from server.commands.errors import Refused
from server.commands.inherit import Reach, copy_checkpoints, copy_numbers, copy_of, copy_once, copy_readings, held_checkpoints
from server.commands.locked import locked_run, spec_of
from server.commands.once import IdempotencyToken, made_before, remember
from server.commands.runs import new_run_id
from server.commands.structure import stored_edits
from server.db.models import Attempt, Deletion, Edit, EditBinding, Run, SegmentRow
from server.db.segments import row_of, segment_of, structure_edits
from server.db.session import transaction
from server.db.standing import refresh_trained
from server.db.transition import log, transition
from server.notices import run_changed
from server.states import RunState, Trigger, allowed_commands

MAX_NAME = 120
REQUIRED = TRAINING | {Kind.merge, Kind.measure}
"""What must be done of a round before a run can go on from its end; evaluations are done again where they are missing."""


class Fork(NamedTuple):
    """What is wanted of a new run that goes on from another's."""

    keep_rounds: int | None
    """How many rounds it keeps; None: all that have ended."""
    changes: Mapping[str, Any]
    """Edits, as `edit_controls` takes them: they act from the first step and round of its own."""
    reseed: bool = False
    name: str | None = None
    roll_back: bool = False
    """Whether the other run ends."""


def fork(session: Session, store: Store, run_id: str, wanted: Fork, author: str, *, once: IdempotencyToken | None = None) -> str:
    """Makes the new run, queued. Returns its id, or with `once` the id of the run an equal request made before.

    store: the root of the checkpoint store, where the new run gets checkpoints of its own.
    Raises NotFound, IdempotencyConflict, SpecError naming every wrong path or value (a round that has not ended, or after which nothing is
    left to train), and Refused while the round's numbers are on their way or when its checkpoints are gone.
    """
    child_id = new_run_id()
    with transaction(session):
        session.add(Deletion(run_id=child_id, cleared_at=func.now()))  # a kill leaves this note, and the scheduler removes the files
    with _files_go_with_an_error(store, child_id):
        _copy_ahead(session, store, run_id, child_id, wanted, once)
    with transaction(session), _files_go_with_an_error(store, child_id):  # not with one of the commit, which may have come through
        session.execute(delete(Deletion).where(Deletion.run_id == child_id))  # locked until the commit: the files stay meanwhile
        if once is not None and (earlier := made_before(session, once)) is not None:
            store.delete(f"runs/{child_id}")  # an equal request was made while this one copied
            return earlier
        parent = locked_run(session, run_id)  # nobody removes its checkpoints meanwhile
        _fork(session, store, parent, child_id, wanted, author)
        if once is not None:
            remember(session, once, child_id)
    run_changed(run_id, "run", "log")
    run_changed(child_id, "run", "edits", "segments", "checkpoints", "log")
    return child_id


@contextlib.contextmanager
def _files_go_with_an_error(store: Store, child_id: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        store.delete(f"runs/{child_id}")
        raise


def _copy_ahead(session: Session, store: Store, run_id: str, child_id: str, wanted: Fork, once: IdempotencyToken | None) -> None:
    """Copies the checkpoints while the run goes on, so that little is left to do under its lock. What is wrong is found and said there."""
    with transaction(session):
        session.execute(select(Deletion).where(Deletion.run_id == child_id).with_for_update())
        parent = session.get(Run, run_id)
        if parent is not None and (once is None or made_before(session, once) is None):
            with contextlib.suppress(SpecError, Refused, FileNotFoundError):
                kept = _kept_rounds(session, parent, wanted.keep_rounds)
                reach = _reach(_done_segments(session, parent, kept).values())
                for row in held_checkpoints(session, run_id, reach):
                    copy_once(store, row, run_id, child_id)
                copy_readings(session, store, run_id, child_id, reach)


def whole_rounds(session: Session, run_id: str) -> int:
    """How many rounds of the run have ended: the most that a fork can keep."""
    kinds = [kind.value for kind in REQUIRED]
    query = select(SegmentRow.round, SegmentRow.state).where(SegmentRow.run_id == run_id, SegmentRow.kind.in_(kinds))
    rows = list(session.execute(query))
    open_rounds = [round_ for round_, state in rows if state != "done"]
    return min(open_rounds, default=max((round_ for round_, _ in rows), default=-1) + 1)


def _fork(session: Session, store: Store, parent: Run, child_id: str, wanted: Fork, author: str) -> None:
    kept = _kept_rounds(session, parent, wanted.keep_rounds)
    done = _done_segments(session, parent, kept)
    reach = _reach(done.values())
    child = _new_run(session, parent, child_id, kept, wanted, author)
    _keep_edits(session, parent, child, kept, reach)
    _plan(session, child, done)
    changes = reseeded(session, child, wanted.changes) if wanted.reseed else wanted.changes
    if changes:
        make_edits(session, child, changes, author)
        session.flush()
    _refuse_nothing_to_do(session, child, kept)
    copy_numbers(session, parent.id, child_id, reach)
    _refuse_lost_checkpoints(session, child, kept, copy_checkpoints(session, store, parent.id, child_id, reach))
    if wanted.roll_back and Trigger.cancel in allowed_commands(RunState(parent.state)):
        transition(session, parent, Trigger.cancel, author, because=f"rolled back to the end of round {kept}, as run {child_id}")
        parent.control_version += 1


def _kept_rounds(session: Session, parent: Run, wanted: int | None) -> int:
    """The rounds that are kept. Raises SpecError when they have not ended, and Refused while their numbers are still on their way."""
    ended = whole_rounds(session, parent.id)
    kept = ended if wanted is None else wanted
    if kept > ended:
        there = f"the first {ended} have" if ended > 1 else "only the first has" if ended else "none has"
        raise SpecError([FieldError("keep_rounds", f"round {kept} has not ended; {there}, so give at most {ended}")])
    inside = select(SegmentRow.key).where(SegmentRow.run_id == parent.id, SegmentRow.round < kept)
    behind = select(Attempt.id).where(Attempt.run_id == parent.id, Attempt.segment_key.in_(inside), Attempt.recorded_seq < Attempt.events)
    if session.scalars(behind.limit(1)).one_or_none() is not None:
        raise Refused(f"the last numbers of round {kept} are still being recorded; ask again in a moment")
    return kept


def _done_segments(session: Session, parent: Run, kept: int) -> dict[str, SegmentRow]:
    """What the first rounds have done, and the evaluations of the base, by key.

    The last round's measures are done again under `opd.adaptive`, for they decide what comes next.
    """
    query = select(SegmentRow).where(SegmentRow.run_id == parent.id, SegmentRow.state == "done", SegmentRow.kind != Kind.export.value)
    decides = kept - 1 if spec_of(parent).opd.adaptive is not None else None
    rows = [row for row in session.scalars(query) if row.policy == BASE or row.round < kept]
    return {row.key: row for row in rows if not (row.kind == Kind.measure and row.round == decides)}


def _reach(rows: Iterable[SegmentRow]) -> Reach:
    """Policy → the step up to which it is kept."""
    reach: Reach = {}
    for segment in map(segment_of, rows):
        if segment.kind in REQUIRED or segment.policy in (BASE, MERGED):
            reach[segment.policy] = max(segment.end.step, reach.get(segment.policy, 0))
    return reach


def _new_run(session: Session, parent: Run, child_id: str, kept: int, wanted: Fork, author: str) -> Run:
    name = wanted.name or (parent.name if wanted.roll_back else f"{parent.name[: MAX_NAME - 20]}, from round {kept}")
    child = Run(
        id=child_id, name=name, notes=parent.notes, tags=parent.tags, method=parent.method, priority=parent.priority, spec=parent.spec,
        source=parent.source, fingerprint=parent.fingerprint if kept else None, forked_from=parent.id, forked_round=kept,
        created_by=author,
    )  # fmt: skip
    session.add(child)
    session.flush()
    how = "rolled back" if wanted.roll_back else "forked"
    log(session, child_id, author, f"{how} from run {parent.id} ({parent.name}) at the end of round {kept}")
    if not wanted.roll_back:
        log(session, parent.id, author, f"forked at the end of round {kept}, as run {child_id}")
    return child


def _keep_edits(session: Session, parent: Run, child: Run, kept: int, reach: Reach) -> None:
    """Edits that had taken effect by then, with where they had; one that had for some policies only will for the others as ever."""
    bindings = list(session.scalars(select(EditBinding).where(EditBinding.run_id == parent.id)))
    version = FIRST_EDIT
    for edit in stored_edits(session, parent.id):
        mine = [b for b in bindings if b.version == edit.version]
        inside = [b for b in mine if b.step <= reach.get(b.policy, 0)]
        if not _was_in_effect(edit, kept, inside):
            continue
        session.add(copy_of(edit, run_id=child.id, version=version))
        session.flush()
        session.add_all(copy_of(binding, run_id=child.id, version=version) for binding in (mine if edit.replayed else inside))
        version += 1
    child.control_version = version - 1


def _was_in_effect(edit: Edit, kept: int, inside: Sequence[EditBinding]) -> bool:
    if edit.kind == "structure":
        return edit.round is not None and edit.round < kept
    return edit.kind == "dispatch" or bool(inside)


def _plan(session: Session, child: Run, done: Mapping[str, SegmentRow]) -> None:
    """The new run's plan, of which everything that `done` holds is done."""
    segments = plan(spec_of(child), structure_edits(stored_edits(session, child.id)))
    session.add_all(_kept_row(child.id, position, segment, done.get(segment.key)) for position, segment in enumerate(segments))
    refresh_trained(session, child.id)


def _kept_row(run_id: str, position: int, segment: Segment, done: SegmentRow | None) -> SegmentRow:
    row = row_of(run_id, position, segment)
    if done is not None:
        row.state, row.started_at, row.ended_at = "done", done.started_at, done.ended_at
    return row


def _refuse_nothing_to_do(session: Session, child: Run, kept: int) -> None:
    kinds = [kind.value for kind in TRAINING]
    left = select(SegmentRow.key).where(SegmentRow.run_id == child.id, SegmentRow.state == "planned", SegmentRow.kind.in_(kinds))
    if session.scalars(left.limit(1)).one_or_none() is None:
        raise SpecError([FieldError("keep_rounds", f"after round {kept} nothing is left to train; keep fewer rounds, or raise rounds")])


def _refuse_lost_checkpoints(session: Session, child: Run, kept: int, held: Collection[Ref]) -> None:
    """Some methods merge at their end only, and keep no other round's checkpoints for good."""
    rows = session.scalars(select(SegmentRow).where(SegmentRow.run_id == child.id, SegmentRow.state == "planned"))
    segments = [segment_of(row) for row in rows]
    given = {*held, *(segment.end for segment in segments)}
    models = {BASE, *spec_of(child).teachers}
    reads = {ref for segment in segments for ref in (segment.start, *segment.teachers) if ref.policy not in models}
    if lost := sorted(str(ref) for ref in reads - given):
        raise Refused(f"the store no longer holds {', '.join(lost)}, of the end of round {kept}; keep another number of rounds")
