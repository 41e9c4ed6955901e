"""Runs: submit, list, read and describe. What steers them is in steering.py."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from copd_engine.preflight import check_available
from copd_engine.recipe import Recipe, parse_recipe
from copd_engine.spec.run import Method
from server import commands, queries
from server.api.deps import JSON_ONLY, Db, IdentityDep, Redis, RunDep, ServicesDep, problems
from server.api.schemas.parts import Tag
from server.api.schemas.runs import Run, RunDeletion, RunList, RunMetaPatch, TagList
from server.api.spec_body import SPEC_BODY, SpecSource
from server.scheduler.archive import Archive
from server.states import RunState

router = APIRouter(prefix="/runs", tags=["runs"])
MAX_LIST = 1000
MAX_OFFSET = 10_000_000
SORT_HELP = "`progress`: share of the training steps in segments that are done; `duration`: from the start to the end, or to now"
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
    return run_answer(db, redis, run_id, response)


@router.get("")
def list_runs(
    db: Db,
    redis: Redis,
    state: Annotated[list[RunState] | None, Query(description="any of these")] = None,
    tag: Annotated[list[Tag] | None, Query(max_length=32, description="all of these")] = None,
    method: Annotated[list[Method] | None, Query(description="any of these")] = None,
    q: Annotated[Printable, Query(description="part of the name, or the beginning of the id")] = "",
    sort: Annotated[queries.RunSort, Query(description=SORT_HELP)] = queries.RunSort.created,
    *,
    descending: Annotated[bool, Query(description="newest, largest, or last in the alphabet first")] = True,
    limit: Annotated[int, Query(ge=1, le=MAX_LIST)] = 50,
    after: Annotated[Printable, Query(description="`next` of the page before")] = "",
    offset: Annotated[int, Query(ge=0, le=MAX_OFFSET, description="leave out so many, to begin anywhere in a long list")] = 0,
) -> RunList:
    """Runs, newest first, or in another order. Runs that are equal in it stand by id, those without a number at the end."""
    wanted = queries.Wanted(state or (), method or (), tag or (), q, sort, descending)
    return queries.run_list(db, redis, wanted, limit=limit, after=after, offset=offset)


@router.get("/tags")
def list_tags(db: Db) -> TagList:
    """Every tag that a run has."""
    return TagList(tags=queries.tag_counts(db))


@router.get("/{run_id}", responses=NO_RUN)
def get_run(run: RunDep, response: Response, db: Db, redis: Redis) -> Run:
    """One run with its controls and edits. The ETag is its control version."""
    return run_answer(db, redis, run.id, response)


@router.get("/{run_id}/recipe", responses=NO_RUN)
def get_recipe(run: RunDep, db: Db) -> Recipe:
    """The spec and all edits so far, with where each took effect: submitted as it is, it gives the same weights."""
    return queries.recipe(db, run)


@router.patch("/{run_id}", responses=NO_RUN, dependencies=[JSON_ONLY])
def describe_run(patch: RunMetaPatch, run: RunDep, response: Response, db: Db, redis: Redis, identity: IdentityDep) -> Run:
    """Changes name, notes or tags; what is missing or null stays."""
    commands.describe(db, run.id, patch.model_dump(exclude_none=True), identity.name)
    return run_answer(db, redis, run.id, response)


@router.delete("/{run_id}", responses={**NO_RUN, **problems(s409="the run is not over, or something of it is still under way")})
def delete_run(
    run: RunDep,
    db: Db,
    services: ServicesDep,
    identity: IdentityDep,
    dry_run: Annotated[bool, Query(description="tell what would go, but delete nothing")] = False,
) -> RunDeletion:
    """Deletes a run that is over with everything of it. Its rows go at once, its files within seconds; there is no way back."""
    size = Archive(services.store).size(run.id)
    rows = queries.deletion_preview(db, run) if dry_run else commands.delete_run(db, run.id, identity.name, size)
    return RunDeletion(dry_run=dry_run, rows=rows, bytes=size)


def run_answer(db: Db, redis: Redis, run_id: str, response: Response) -> Run:
    view = queries.run_view(db, redis, run_id)
    response.headers["ETag"] = f'"{view.control_version}"'
    return view
