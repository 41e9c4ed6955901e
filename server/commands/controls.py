"""Editing a run while it trains: values bind to a policy's next step, structure re-plans the rounds that have not begun, priority acts at
once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func
from sqlalchemy.orm import Session

from copd_engine.control import DISPATCH_FIELDS, check_value_edit, value_paths
from copd_engine.plan import round_count
from copd_engine.recipe import Recipe
from copd_engine.spec import FieldError, RunSpec, SpecError
from copd_engine.structure import STRUCTURE_PATHS, field_of, spec_of_round, structure_paths
from server.commands.adaptive import choose_phase
from server.commands.errors import Refused
from server.commands.locked import locked_run, spec_of
from server.commands.structure import apply_plan, first_free_round, stored_edits
from server.db.models import Edit, EditBinding, Run
from server.db.segments import structure_edits
from server.db.session import transaction
from server.db.transition import log
from server.notices import run_changed
from server.states import EDITABLE, RunState
from server.words import change_text

FIRST_EDIT = 2
"""The control version of a recipe's first edit; 1 is the run's own."""
SEEDS = 2**31


def edit_controls(session: Session, run_id: str, changes: Mapping[str, Any], author: str, if_match: int) -> list[Edit]:
    """Changes fields by dotted path, all of them or none. Returns the edits, one control version each.

    Raises NotFound, VersionConflict, Refused, and SpecError naming every wrong path or value.
    """
    with transaction(session):
        edits = make_edits(session, locked_run(session, run_id, if_match), changes, author)
    run_changed(run_id, "run", "edits", "segments", "log")
    return edits


def make_edits(session: Session, run: Run, changes: Mapping[str, Any], author: str) -> list[Edit]:
    """`edit_controls` inside the caller's transaction, on a run whose row is locked. Raises Refused and SpecError."""
    if RunState(run.state) not in EDITABLE:
        raise Refused(f"a run that is {run.state} cannot be edited; submit it again with changes")
    edits = _edits(session, run, changes, author)
    session.add_all(edits)
    if any(edit.kind == "structure" for edit in edits):
        apply_plan(session, run, [*stored_edits(session, run.id), *edits])
    for edit in edits:
        if edit.kind == "dispatch":  # the scheduler reads the run's row at its next look
            setattr(run, edit.path, edit.value)
            edit.acknowledged_at = func.now()
    run.control_version += len(edits)
    for edit in edits:
        log(
            session,
            run.id,
            author,
            _sentence(edit),
            data={"version": edit.version, "path": edit.path, "old": edit.old, "value": edit.value},
        )
    if any(edit.path == "rounds" for edit in edits):
        choose_phase(session, run)  # the last round was measured, perhaps, when no round was to follow it
    return edits


def add_recipe_edits(session: Session, run_id: str, recipe: Recipe, author: str) -> None:
    """Stores a new run's recipe: its edits, and where they will take effect. `author` is who submitted it."""
    run, known = session.get_one(Run, run_id), list[Edit]()
    for version, given in enumerate(recipe.edits, FIRST_EDIT):
        edit = Edit(
            run_id=run_id, version=version, kind=given.kind, path=given.path, old=current_value(recipe.spec, known, given.path),
            value=given.value, round=given.round, replayed=True, author=author,
        )  # fmt: skip
        if edit.kind == "dispatch":
            setattr(run, edit.path, edit.value)
        known.append(edit)
    session.add_all(known)
    run.control_version = FIRST_EDIT + len(known) - 1
    session.flush()
    session.add_all(EditBinding(run_id=run_id, attempt_id=0, **binding.model_dump()) for binding in recipe.bindings(FIRST_EDIT))


def reseeded(session: Session, run: Run, changes: Mapping[str, Any]) -> dict[str, Any]:
    """`changes` and an edit of `seed` to the next one. Raises SpecError where they have one."""
    if "seed" in changes:
        raise SpecError([FieldError("reseed", "and an edit of seed: give one of the two")])
    seed = current_value(spec_of(run), stored_edits(session, run.id), "seed")
    return {**changes, "seed": (seed + 1) % SEEDS}


def current_spec(spec: RunSpec, edits: Sequence[Edit]) -> RunSpec:
    """The spec as its last round will see it: all structure edits applied."""
    return spec_of_round(spec, structure_edits(edits), spec.rounds + max((e.round or 0 for e in edits), default=0))


def current_value(spec: RunSpec, edits: Sequence[Edit], path: str) -> Any:
    """The value of an editable path as last requested; None when the run has no such path."""
    for edit in sorted(edits, key=lambda e: e.version, reverse=True):
        if edit.path == path:
            return edit.value
    if path in structure_paths(spec) or path in DISPATCH_FIELDS:
        return field_of(spec, path)
    return value_paths(current_spec(spec, edits)).get(path)


def _edits(session: Session, run: Run, changes: Mapping[str, Any], author: str) -> list[Edit]:
    """The edits as rows, checked. Structure goes first, so that a value of an edge it adds is known."""
    spec, earlier, problems = spec_of(run), stored_edits(session, run.id), list[FieldError]()
    free, edits = first_free_round(session, run.id), list[Edit]()
    order = {path: place for place, path in enumerate(STRUCTURE_PATHS)}  # rounds first: they may make room for the others
    for path, value in sorted(changes.items(), key=lambda change: order.get(change[0], len(order))):
        known = [*earlier, *edits]
        edit = Edit(
            run_id=run.id, version=run.control_version + len(edits) + 1, path=path, author=author, old=current_value(spec, known, path)
        )
        try:
            if path in STRUCTURE_PATHS:
                edit.kind, edit.round, edit.value = "structure", free, value
                _check_structure(spec, known, edit)
            else:
                edit.kind = "dispatch" if path in DISPATCH_FIELDS else "value"
                edit.value = check_value_edit(current_spec(spec, known), path, value)
        except SpecError as error:
            problems.extend(error.errors)
        else:
            edits.append(edit)
    if problems:
        raise SpecError(problems)
    return edits


def _check_structure(spec: RunSpec, known: Sequence[Edit], edit: Edit) -> None:
    """Raises SpecError when no round is left for the edit, or the spec would not be valid with it."""
    rounds, free = current_value(spec, known, "rounds"), edit.round or 0
    if edit.path == "rounds" and free > rounds:
        raise SpecError([FieldError("rounds", "the experts are done and their student has begun to learn; no round can come before that")])
    if edit.path != "rounds" and free >= round_count(current_spec(spec, known)):
        raise SpecError(
            [FieldError(edit.path, f"all {rounds} rounds have begun, so no round is left that it could change; raise rounds first")]
        )
    current_spec(spec, [*known, edit])
    if edit.path == "rounds" and edit.value < free:
        raise SpecError([FieldError("rounds", f"{free} rounds have begun; must be at least {free} (given: {edit.value})")])


def _sentence(edit: Edit) -> str:
    since = "" if edit.kind != "structure" else f" from round {(edit.round or 0) + 1} on"
    return change_text(edit.path, edit.old, edit.value) + since
