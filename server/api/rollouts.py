"""Rollouts kept for people to read, and held-out prompts through training."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from copd_engine.events import RolloutPart
from server import queries
from server.api.artifacts import POLICY_NAME
from server.api.deps import LARGEST_ID, Db, RowId, RunDep, ServicesDep, problems
from server.api.problems import ApiError
from server.api.runs import NO_RUN
from server.api.schemas.rollouts import ProbeHistory, RolloutPage, RolloutView
from server.queries.rollouts import Place, Sort

router = APIRouter(prefix="/runs/{run_id}", tags=["rollouts"], responses=NO_RUN)
CURSOR = r"^-?[0-9]{1,20}(\.[0-9]{1,20})?(e[-+]?[0-9]{1,3})?,[0-9]{1,10},[0-9]{1,10},[0-9]{1,19}$"
Names = Annotated[list[Annotated[str, Query(pattern=POLICY_NAME)]] | None, Query(max_length=66)]
Step = Annotated[int | None, Query(ge=0, lt=2**31)]
Reward = Annotated[float | None, Query(ge=-1e9, le=1e9, allow_inf_nan=False)]


@router.get("/rollouts")
def list_rollouts(
    run: RunDep,
    db: Db,
    policy: Names = None,
    domain: Names = None,
    part: Annotated[list[RolloutPart] | None, Query(max_length=3)] = None,
    first_step: Step = None,
    last_step: Step = None,
    reward_min: Reward = None,
    reward_max: Reward = None,
    sort: Annotated[Sort, Query(description="`gap`: first where teachers agree least; only rollouts with a teacher")] = "newest",
    after: Annotated[str | None, Query(max_length=80, pattern=CURSOR, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> RolloutPage:
    """What was kept of the run's rollouts. Rewards are means over the completions of a prompt."""
    wanted = queries.RolloutFilter(policy or (), domain or (), part or (), first_step, last_step, reward_min, reward_max)
    return queries.rollouts(db, run.id, wanted, sort=sort, after=None if after is None else _place(after), limit=limit)


def _place(after: str) -> Place:
    value, size, step, id_ = after.split(",")
    return Place(float(value), int(size), int(step), min(int(id_), LARGEST_ID))


@router.get("/rollouts/{rollout_id}", responses=problems(s404="there is no such run or rollout, or its file is gone"))
def get_rollout(rollout_id: RowId, run: RunDep, db: Db, services: ServicesDep) -> RolloutView:
    """One rollout token by token, with what student and teachers thought of each."""
    try:
        found = queries.rollout(db, services.store, run.id, rollout_id)
    except (OSError, ValueError) as error:
        raise ApiError(404, f"the file of rollout {rollout_id} cannot be read any more") from error
    if found is None:
        raise ApiError(404, f"this run has no rollout {rollout_id}")
    return found


@router.get("/probes/history", responses=problems(s404="there is no such run, or no answer to this prompt was kept"))
def get_probe_history(
    run: RunDep,
    db: Db,
    domain: Annotated[str, Query(pattern=POLICY_NAME)],
    index: Annotated[int, Query(ge=0, lt=2**31, description="the held-out prompt's number")],
    limit: Annotated[int, Query(ge=2, le=500, description="at most so many steps")] = 200,
) -> ProbeHistory:
    """What each policy answered to one held-out prompt, step by step."""
    history = queries.probe_history(db, run.id, domain, index, limit)
    if history is None:
        raise ApiError(404, f"no answer to held-out prompt {index} of {domain} was kept")
    return history
