"""Runs: submit, list, read, describe, and command."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Response

from copd_engine.preflight import check_available
from copd_engine.recipe import Recipe, parse_recipe
from server import commands, queries
from server.api.deps import JSON_ONLY, Db, IdentityDep, Redis, RunDep, ServicesDep, problems
from server.api.problems import ApiError, of_field
from server.api.schemas.parts import Tag
from server.api.schemas.runs import ControlPatch, ControlPreview, RetriedRun, RetryRequest, Run, RunList, RunMetaPatch
from server.api.spec_body import SPEC_BODY, SpecSource
from server.states import RunState, Trigger

router = APIRouter(prefix="/runs", tags=["runs"])
MAX_LIST = 1000
Printable = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")]
IdempotencyKey = Annotated[str | None, Header(max_length=255, pattern=r"^[\x21-\x7e]+$")]
NO_RUN = problems(s404="there is no such run")


@router.post(
    "",
    status_code=201,
    openapi_extra=SPEC_BODY,
    responses={
        **problems(s409="the Idempotency-Key was used with another body", s413="too large", s415="neither YAML nor JSON"),
        201: {"headers": {"Location": {"schema": {"type": "string"}}, "ETag": {"schema": {"type": "string"}}}},
    },
)
def create_run(
    source: SpecSource,
    response: Response,
    db: Db,
    redis: Redis,
    services: ServicesDep,
    identity: IdentityDep,
    idempotency_key: IdempotencyKey = None,
) -> Run:
    """Submits a spec, or a recipe (`{spec, edits}`) to replay. The same Idempotency-Key with the same body answers with the same run."""
    recipe = parse_recipe(source.text)
    check_available(recipe.spec, services.settings.reach)
    once = commands.IdempotencyToken("POST /runs", idempotency_key, source.digest) if idempotency_key else None
    run_id = commands.create_run(db, recipe.spec, source.text, identity.name, once=once, edits=recipe.edits)
    response.headers["Location"] = f"/api/v1/runs/{run_id}"
    return _run(db, redis, run_id, response)


@router.get("")
def list_runs(
    db: Db,
    redis: Redis,
    state: Annotated[list[RunState] | None, Query(description="any of these")] = None,
    tag: Annotated[list[Tag] | None, Query(max_length=32, description="all of these")] = None,
    q: Annotated[Printable, Query(description="part of the name")] = "",
    limit: Annotated[int, Query(ge=1, le=MAX_LIST)] = 50,
    after: Annotated[Printable, Query(description="`next` of the page before")] = "",
) -> RunList:
    """Runs, newest first."""
    return queries.run_list(db, redis, states=state or [], tags=tag or [], text=q, limit=limit, after=after)


@router.get("/{run_id}", responses=NO_RUN)
def get_run(run: RunDep, response: Response, db: Db, redis: Redis) -> Run:
    """One run with its controls and edits. The ETag is its control version."""
    return _run(db, redis, run.id, response)


@router.get("/{run_id}/recipe", responses=NO_RUN)
def get_recipe(run: RunDep, db: Db) -> Recipe:
    """The spec and all edits so far, with where each took effect: submitted as it is, it gives the same weights."""
    return queries.recipe(db, run)


@router.patch("/{run_id}", responses=NO_RUN, dependencies=[JSON_ONLY])
def describe_run(patch: RunMetaPatch, run: RunDep, response: Response, db: Db, redis: Redis, identity: IdentityDep) -> Run:
    """Changes name, notes or tags; what is missing or null stays."""
    commands.describe(db, run.id, patch.model_dump(exclude_none=True), identity.name)
    return _run(db, redis, run.id, response)


def _command(name: Literal["pause", "resume", "cancel"], help_: str) -> None:
    """One route per command. Doing what is already being done is not an error; what the state forbids is a 409."""

    def route(run: RunDep, response: Response, db: Db, redis: Redis, identity: IdentityDep) -> Run:
        commands.command(db, run.id, Trigger(name), identity.name)
        return _run(db, redis, run.id, response)

    route.__name__ = f"{name}_run"
    refused = problems(s409="not in this state; `allowed` says what is")
    router.post(f"/{{run_id}}/{name}", responses={**NO_RUN, **refused}, description=help_)(route)


_command("pause", "Stops the run at its next optimizer step; `pausing` until every attempt has stored its state.")
_command("resume", "Goes on from where the run stopped.")
_command("cancel", "Ends the run; what it has stored stays.")


@router.post("/{run_id}/retry", responses={**NO_RUN, **problems(s409="the run has not failed")}, dependencies=[JSON_ONLY])
def retry_run(wanted: RetryRequest, run: RunDep, response: Response, db: Db, redis: Redis, identity: IdentityDep) -> RetriedRun:
    """Goes on with a failed run from its last good checkpoints; with edits, where the body has some."""
    notice = commands.retry(db, run.id, wanted.set, identity.name, reseed=wanted.reseed)
    return RetriedRun(**dict(_run(db, redis, run.id, response)), notice=notice)


@router.post("/{run_id}/force", responses={**NO_RUN, **problems(s409="the run is not waiting for attempts to end")})
def force_run(run: RunDep, response: Response, db: Db, redis: Redis, identity: IdentityDep) -> Run:
    """Ends the wait of `pausing`, `failing` or `cancelling` now: the attempts are terminated, then killed."""
    commands.force(db, run.id, identity.name)
    return _run(db, redis, run.id, response)


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
        return queries.control_preview(db, run.id, patch.set, identity.name, _version(if_match))
    commands.edit_controls(db, run.id, patch.set, identity.name, _version(if_match))
    return _run(db, redis, run.id, response)


def _version(if_match: str | None) -> int:
    """The control version of If-Match: `"7"`, `W/"7"` or 7. Raises 428 when it is missing."""
    if if_match is None:
        raise ApiError(428, "send the run's control_version as If-Match, so that no edit overwrites one you have not seen")
    text = if_match.strip().removeprefix("W/").strip('"')
    if not (text.isdecimal() and text.isascii() and len(text) < 10):
        raise of_field("If-Match", 'must be one control version, such as "7"', 412)
    return int(text)


def _run(db: Db, redis: Redis, run_id: str, response: Response) -> Run:
    view = queries.run_view(db, redis, run_id)
    response.headers["ETag"] = f'"{view.control_version}"'
    return view
