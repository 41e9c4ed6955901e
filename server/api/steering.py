"""Steering runs: pause, resume, cancel, retry, fork, roll back, force, and edits of what may change while they train."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Response

from server import commands, queries
from server.api.deps import JSON_ONLY, Db, IdentityDep, Redis, RunDep, ServicesDep, problems
from server.api.problems import ApiError, of_field
from server.api.runs import NO_RUN, IdempotencyKey, Printable, run_answer
from server.api.schemas.runs import ControlPreview, RetriedRun, Run
from server.api.schemas.steering import BulkAnswer, BulkCommand, BulkTags, Commanded, ControlPatch, ForkRequest, RetryRequest
from server.states import TransitionError, Trigger

router = APIRouter(prefix="/runs", tags=["runs"])
NOT_NOW = problems(s409="not in this state; `allowed` says what is")
Policies = Annotated[list[Printable] | None, Query(max_length=64, description="these policies alone; by default the whole run")]


def _pausing(name: Literal["pause", "resume"], help_: str) -> None:
    """One route each to pause and to resume, a whole run or some of its policies."""

    def route(run: RunDep, response: Response, db: Db, redis: Redis, identity: IdentityDep, policy: Policies = None) -> Run:
        if policy:
            commands.command_policies(db, run.id, Trigger(name), policy, identity.name)
        else:
            commands.command(db, run.id, Trigger(name), identity.name)
        return run_answer(db, redis, run.id, response)

    route.__name__ = f"{name}_run"
    router.post(f"/{{run_id}}/{name}", responses={**NO_RUN, **NOT_NOW}, description=help_)(route)


_pausing(
    "pause",
    "Stops the run at its next optimizer step; `pausing` until every attempt has stored its state. With `policy`, only these stop, and "
    "the run goes on without them for as long as it can.",
)
_pausing("resume", "Goes on from where the run stopped; with `policy`, only these do.")


@router.post("/{run_id}/cancel", responses={**NO_RUN, **NOT_NOW})
def cancel_run(run: RunDep, response: Response, db: Db, redis: Redis, identity: IdentityDep) -> Run:
    """Ends the run; what it has stored stays."""
    commands.command(db, run.id, Trigger.cancel, identity.name)
    return run_answer(db, redis, run.id, response)


@router.post("/commands", dependencies=[JSON_ONLY])
def command_runs(wanted: BulkCommand, db: Db, identity: IdentityDep) -> BulkAnswer:
    """Pauses, resumes or cancels many runs. Each for itself: the answer says of every one what became of it."""
    return BulkAnswer(results=[_commanded(db, run_id, wanted.command, identity.name) for run_id in dict.fromkeys(wanted.runs)])


@router.post("/tags", dependencies=[JSON_ONLY])
def tag_runs(wanted: BulkTags, db: Db, identity: IdentityDep) -> BulkAnswer:
    """Gives many runs tags, and takes tags from them. Each for itself: the answer says of every one what became of it."""
    return BulkAnswer(results=[_tagged(db, run_id, wanted, identity.name) for run_id in dict.fromkeys(wanted.runs)])


def _tagged(db: Db, run_id: str, wanted: BulkTags, author: str) -> Commanded:
    try:
        return Commanded(run=run_id, state=commands.retag(db, run_id, wanted.add, wanted.remove, author))
    except (commands.NotFound, commands.Refused) as error:
        db.rollback()
        return Commanded(run=run_id, error=str(error))


def _commanded(db: Db, run_id: str, command: Trigger, author: str) -> Commanded:
    try:
        return Commanded(run=run_id, state=commands.command(db, run_id, command, author))
    except (commands.NotFound, TransitionError) as error:
        db.rollback()
        return Commanded(run=run_id, error=str(error))


@router.post("/{run_id}/retry", responses={**NO_RUN, **problems(s409="the run has not failed")}, dependencies=[JSON_ONLY])
def retry_run(wanted: RetryRequest, run: RunDep, response: Response, db: Db, redis: Redis, identity: IdentityDep) -> RetriedRun:
    """Goes on with a failed run from its last good checkpoints; with edits, where the body has some."""
    notice = commands.retry(db, run.id, wanted.set, identity.name, reseed=wanted.reseed)
    return RetriedRun(**dict(run_answer(db, redis, run.id, response)), notice=notice)


def _fork(name: Literal["fork", "roll_back"], path: str, help_: str) -> None:
    """One route for a fork, one for a fork that ends the run it comes from."""

    def route(
        wanted: ForkRequest, run: RunDep, response: Response, db: Db, redis: Redis, services: ServicesDep, identity: IdentityDep,
        idempotency_key: IdempotencyKey = None,
    ) -> Run:  # fmt: skip
        digest = hashlib.sha256(json.dumps(wanted.model_dump()).encode()).hexdigest()
        once = commands.IdempotencyToken(f"POST /runs/{run.id}/{path}", idempotency_key, digest) if idempotency_key else None
        how = commands.Fork(wanted.keep_rounds, wanted.set, wanted.reseed, wanted.name, roll_back=name == "roll_back")
        made = commands.fork(db, services.store, run.id, how, identity.name, once=once)
        response.headers["Location"] = f"/api/v1/runs/{made}"
        return run_answer(db, redis, made, response)

    route.__name__ = f"{name}_run"
    refused = problems(s409="the numbers of its last round are still being recorded, or the Idempotency-Key was used with another body")
    created = {201: {"headers": {"Location": {"schema": {"type": "string"}}, "ETag": {"schema": {"type": "string"}}}}}
    router.post(
        f"/{{run_id}}/{path}", status_code=201, responses={**NO_RUN, **refused, **created}, description=help_, dependencies=[JSON_ONLY]
    )(route)


_fork("fork", "fork", "Makes a new run that has the first rounds of this one, and trains on from their end, with edits or without.")
_fork("roll_back", "rollback", "Ends this run, and makes a new one of the same name that trains on from an earlier round's end.")


@router.post("/{run_id}/force", responses={**NO_RUN, **problems(s409="the run is not waiting for attempts to end")})
def force_run(run: RunDep, response: Response, db: Db, redis: Redis, identity: IdentityDep) -> Run:
    """Ends the wait of `pausing`, `failing` or `cancelling` now: the attempts are terminated, then killed."""
    commands.force(db, run.id, identity.name)
    return run_answer(db, redis, run.id, response)


@router.patch(
    "/{run_id}/controls",
    responses={**NO_RUN, **problems(s409="the run is over", s412="If-Match is stale", s428="If-Match is missing")},
    dependencies=[JSON_ONLY],
)
def edit_controls(
    patch: ControlPatch,
    run: RunDep,
    response: Response,
    db: Db,
    redis: Redis,
    identity: IdentityDep,
    if_match: Annotated[str | None, Header(description="the run's control_version")] = None,
    dry_run: Annotated[bool, Query(description="check, and tell what would change, but change nothing")] = False,
) -> Run | ControlPreview:
    """Changes values and structure of a live run, all of them or none."""
    if dry_run:
        reports = queries.reports_if_reachable(redis)
        return queries.control_preview(db, run.id, patch.set, identity.name, _version(if_match), reports)
    commands.edit_controls(db, run.id, patch.set, identity.name, _version(if_match))
    return run_answer(db, redis, run.id, response)


def _version(if_match: str | None) -> int:
    """The control version of If-Match: `"7"`, `W/"7"` or 7. Raises 428 when it is missing."""
    if if_match is None:
        raise ApiError(428, "send the run's control_version as If-Match, so that no edit overwrites one you have not seen")
    text = if_match.strip().removeprefix("W/").strip('"')
    if not (text.isdecimal() and text.isascii() and len(text) < 10):
        raise of_field("If-Match", 'must be one control version, such as "7"', 412)
    return int(text)
