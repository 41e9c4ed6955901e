"""Starting, stopping and removing runs."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import func
from sqlalchemy.orm import Session

from copd_engine.plan import plan
from copd_engine.recipe import Recipe, RecipeEdit
from copd_engine.spec import FieldError, RunSpec, SpecError
from server.commands.controls import FIRST_EDIT, add_recipe_edits
from server.commands.errors import Refused
from server.commands.locked import locked_run, spec_of
from server.commands.once import IdempotencyToken, made_before, remember
from server.db.models import Run
from server.db.segments import row_of
from server.db.session import transaction
from server.db.transition import HELD_BACK, log, transition
from server.notices import run_changed
from server.states import COMMANDS, EDITABLE, STOPPING, RunState, Trigger, allowed_commands

ID_ALPHABET = "abcdefghjkmnpqrstvwxyz23456789"  # without characters that people mistake for each other
ID_LENGTH = 8
MAX_TAGS = 32


def new_run_id() -> str:
    return "".join(secrets.choice(ID_ALPHABET) for _ in range(ID_LENGTH))


def create_run(
    session: Session, spec: RunSpec, source: str, author: str, *, once: IdempotencyToken | None = None, edits: Sequence[RecipeEdit] = ()
) -> str:
    """Stores the run with its plan, queued. Returns its id, or with `once` the id of the run an equal request made before.

    edits: of the recipe that is replayed, checked.
    Raises IdempotencyConflict when the key of `once` was used with another body.
    """
    with transaction(session):
        if once is not None and (earlier := made_before(session, once)) is not None:
            return earlier
        run_id = new_run_id()
        session.add(
            Run(
                id=run_id, name=spec.name, notes=spec.notes, tags=spec.tags, method=spec.method, priority=spec.priority,
                spec=spec.model_dump(mode="json"), source=source, created_by=author,
            )
        )  # fmt: skip
        session.flush()
        recipe = Recipe(spec=spec, edits=tuple(edits))
        add_recipe_edits(session, run_id, recipe, author)
        session.add_all(row_of(run_id, position, segment) for position, segment in enumerate(plan(spec, recipe.structure(FIRST_EDIT))))
        log(session, run_id, author, "submitted" + f", with {len(edits)} edits of a recipe" * bool(edits))
        if once is not None:
            remember(session, once, run_id)
    run_changed(run_id, "run", "segments", "log")
    return run_id


def command(session: Session, run_id: str, trigger: Trigger, author: str, if_match: int | None = None) -> RunState:
    """Pauses, resumes or cancels; retries have a command of their own. Returns the new state; the scheduler carries on from there.

    Raises NotFound, TransitionError, VersionConflict.
    """
    if trigger not in COMMANDS or trigger is Trigger.retry:
        raise ValueError(f"{trigger} is not a command that is given here")
    with transaction(session):
        run = locked_run(session, run_id, if_match)
        state, resumes_policies = RunState(run.state), trigger is Trigger.resume and bool(run.paused_policies)
        if resumes_policies:
            _hold_back(session, run, (), author)
        if not resumes_policies or trigger in allowed_commands(state):  # else the run goes on already, and now with all
            state = transition(session, run, trigger, author)
        run.control_version += 1
    run_changed(run_id, "run", "log")
    return state


def command_policies(session: Session, run_id: str, trigger: Trigger, policies: Collection[str], author: str) -> RunState:
    """Pauses or resumes the training of some policies while the others go on. Returns the run's state, which stays.

    Raises NotFound, SpecError for a policy that does not train, and Refused.
    """
    with transaction(session):
        run = locked_run(session, run_id)
        state, learners = RunState(run.state), spec_of(run).policies()
        if unknown := sorted(set(policies) - learners.keys()):
            raise SpecError([FieldError("policy", f"'{unknown[0]}' does not train in this run; {', '.join(learners)} do")])
        if state not in EDITABLE:
            raise Refused(f"a run that is {state} trains no policy that could {trigger}")
        before = set(run.paused_policies)
        _hold_back(session, run, before | set(policies) if trigger is Trigger.pause else before - set(policies), author)
        run.control_version += 1
    run_changed(run_id, "run", "log")
    return state


def _hold_back(session: Session, run: Run, policies: Collection[str], author: str) -> None:
    """Pauses these policies and no others."""
    learners, before = spec_of(run).policies(), run.paused_policies
    run.paused_policies = [name for name in learners if name in policies]
    run.waiting_for = None
    for verb, names in (("paused", set(policies) - set(before)), ("resumed", set(before) - set(policies))):
        if names:
            changed = [name for name in learners if name in names]
            log(session, run.id, author, f"{verb} {' and '.join(changed)}", data={HELD_BACK: run.paused_policies})


def describe(session: Session, run_id: str, changes: Mapping[str, Any], author: str) -> None:
    """Changes what people call the run: name, notes, tags. Raises NotFound."""
    with transaction(session):
        run = locked_run(session, run_id)
        for field, value in changes.items():
            if (old := getattr(run, field)) != value:
                log(session, run_id, author, f"changed its {field}", data={"path": field, "old": old, "value": value})
                setattr(run, field, value)
    run_changed(run_id, "run", "log")


def retag(session: Session, run_id: str, add: Sequence[str], remove: Collection[str], author: str) -> RunState:
    """Gives a run tags and takes others from it. Returns its state. Raises NotFound, and Refused where it would have too many."""
    with transaction(session):
        run = locked_run(session, run_id)
        tags = [tag for tag in dict.fromkeys([*run.tags, *add]) if tag not in remove]
        if len(tags) > MAX_TAGS:
            raise Refused(f"a run has at most {MAX_TAGS} tags; this one would have {len(tags)}")
        if tags != run.tags:
            log(session, run_id, author, "changed its tags", data={"path": "tags", "old": run.tags, "value": tags})
            run.tags = tags
        state = RunState(run.state)
    run_changed(run_id, "run", "log")
    return state


def force(session: Session, run_id: str, author: str) -> RunState:
    """Ends the wait of a stopping run: its attempts are terminated now. Raises NotFound, Refused."""
    with transaction(session):
        run = locked_run(session, run_id)
        state = RunState(run.state)
        if state not in STOPPING:
            raise Refused(f"a run that is {state} waits for no attempt; only {', '.join(sorted(STOPPING))} can be forced")
        run.deadline = func.now()
        log(session, run_id, author, "forced: attempts are terminated now")
    run_changed(run_id, "run", "log")
    return state
