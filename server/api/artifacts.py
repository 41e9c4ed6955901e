"""What a run leaves: checkpoints, probes, result, exports and media."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response, StreamingResponse

from copd_engine.plan import Ref
from server import commands, media, queries
from server.api.deps import JSON_ONLY, Db, IdentityDep, RowId, RunDep, ServicesDep, problems
from server.api.log import POLICY_NAME
from server.api.problems import ApiError
from server.api.runs import NO_RUN, Printable
from server.api.schemas.results import (
    CheckpointList,
    CheckpointPatch,
    CheckpointView,
    ExportList,
    ExportRequest,
    ExportView,
    ProbeList,
    ResultCard,
    SweepRequest,
    SweepView,
)
from server.commands.locked import spec_of
from server.db.held import judged

router = APIRouter(prefix="/runs/{run_id}", tags=["artifacts"], responses=NO_RUN)
PolicyName = Annotated[str, Path(pattern=POLICY_NAME)]
StepNumber = Annotated[int, Path(ge=0, lt=2**31)]


@router.get("/checkpoints")
def list_checkpoints(run: RunDep, db: Db) -> CheckpointList:
    """What the store holds, why each stays under the run's own policy, and which round made it."""
    return queries.checkpoint_list(db, run)


@router.patch(
    "/checkpoints/{policy}/{step}",
    dependencies=[JSON_ONLY],
    responses=problems(s404="there is no such run, or it holds no such checkpoint"),
)
def pin_checkpoint(
    body: CheckpointPatch, policy: PolicyName, step: StepNumber, run: RunDep, db: Db, identity: IdentityDep
) -> CheckpointView:
    """Pins a checkpoint, so that no policy removes it, or lets go of it."""
    commands.pin(db, run.id, Ref(policy, step), identity.name, pinned=body.pinned)
    if (view := queries.checkpoint(db, run.id, Ref(policy, step))) is None:
        raise ApiError(404, f"the run holds no checkpoint {policy}@{step}")
    return view


@router.post("/checkpoints/sweep", dependencies=[JSON_ONLY])
def sweep_checkpoints(
    body: SweepRequest,
    run: RunDep,
    db: Db,
    identity: IdentityDep,
    dry_run: Annotated[bool, Query(description="tell what would go and what stays, and why, but change nothing")] = False,
) -> SweepView:
    """Removes the checkpoints that nothing keeps. What the run still needs and what is pinned always stays; in any state of the run."""
    keep = body.over(spec_of(run).checkpoint.keep)
    found = judged(db, run, keep) if dry_run else commands.sweep(db, run.id, keep, identity.name)
    return queries.swept(db, run.id, found, dry_run=dry_run)


@router.get("/probes")
def list_probes(run: RunDep, db: Db, policy: Annotated[list[Printable] | None, Query(max_length=66)] = None) -> ProbeList:
    """Held-out prompts with the newest answer of each policy side by side; by default of the base and the merged model."""
    return ProbeList(probes=queries.probes(db, run.id, policy))


@router.get("/result")
def get_result(run: RunDep, db: Db) -> ResultCard:
    """Accuracy per policy and domain as it stands, what it cost, and what a person changed."""
    return queries.result(db, run)


@router.get("/exports")
def list_exports(run: RunDep, db: Db) -> ExportList:
    return ExportList(exports=queries.exports(db, run.id))


@router.post(
    "/export",
    status_code=202,
    dependencies=[JSON_ONLY],
    responses=problems(s404="there is no such run, or no such checkpoint (yet)"),
)
def request_export(body: ExportRequest, run: RunDep, db: Db, identity: IdentityDep) -> ExportView:
    """Asks for a policy as a plain Hugging Face folder; also of a finished run."""
    row = commands.request_export(db, run.id, body.policy, body.step, identity.name)
    return queries.export_view(db, row)


@router.get(
    "/exports/{export_id}/download",
    response_class=StreamingResponse,
    responses={
        **problems(s404="no such export", s409="not ready yet"),
        200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}},
    },
)
def download_export(export_id: RowId, run: RunDep, db: Db, services: ServicesDep) -> Response:
    """The exported folder as one zip, streamed."""
    row = queries.export(db, run.id, export_id)
    if row is None:
        raise ApiError(404, f"this run has no export {export_id}")
    if row.path is None:
        raise ApiError(409, "this export is not ready yet; `changed` events on the run's stream say when it is")
    name = queries.export_name(row)
    stream = media.zipped(services.store.below(f"runs/{run.id}"), row.path, name)
    return StreamingResponse(stream, media_type="application/zip", headers={"Content-Disposition": f'attachment; filename="{name}.zip"'})


@router.get(
    "/media/{name}",
    response_class=Response,
    responses={200: {"content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in sorted(set(media.TYPES.values()))}}},
)
def get_media(name: Annotated[str, Path(max_length=500)], run: RunDep, services: ServicesDep) -> Response:
    """An image or video of a held-out prompt. It never changes: named by its content."""
    found = media.read(services.store.below(f"runs/{run.id}"), name)
    if found is None:
        raise ApiError(404, "there is no such image or video")
    content, media_type = found
    return Response(content, media_type=media_type, headers={"Cache-Control": "private, max-age=31536000, immutable"})
