"""Runs side by side: the paper's table, where specs differ, curves in one figure, agreement matrices."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import StringConstraints

from server import figures, queries
from server.api.deps import Db, problems
from server.api.problems import ApiError
from server.api.runs import Printable
from server.api.schemas.compare import ComparedAgreement, Comparison
from server.api.schemas.series import Figure
from server.api.training import DEFAULT_LIMIT, LARGEST_STEP, Limit, Metric, Step

MOST_RUNS = 32
router = APIRouter(prefix="/compare", tags=["compare"], responses=problems(s404="one of the runs does not exist"))
RunId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Place = Annotated[int, Query(ge=0, lt=MOST_RUNS)]
PLACE_HELP = "for each run the place of its look, by default its place in `run`; given, a run looks the same when another comes or goes"


def chosen(
    db: Db,
    run: Annotated[list[RunId], Query(min_length=1, max_length=MOST_RUNS, description="ids")],
    place: Annotated[list[Place] | None, Query(max_length=MOST_RUNS, description=PLACE_HELP)] = None,
) -> list[queries.Chosen]:
    """The runs that the query names, at one moment. Raises 404 and 422."""
    return queries.chosen_runs(db, run, place)


ChosenDep = Annotated[list[queries.Chosen], Depends(chosen, scope="function")]


@router.get("")
def compare_runs(runs: ChosenDep, db: Db) -> Comparison:
    """The table of a paper over these runs, seeds taken together, and every field in which their specs differ."""
    return queries.comparison_of(db, runs)


@router.get("/figures/{name}", responses=problems(s404="no such run or figure"))
def get_compared_figure(
    runs: ChosenDep,
    db: Db,
    name: Annotated[str, Path(max_length=80)],
    x: figures.Axis = "step",
    policy: Annotated[Printable, Query(description="whose curve; overlap and reward of `merged` are means over the experts")] = "merged",
    start: Annotated[Step, Query(description="first step")] = 0,
    stop: Annotated[Step, Query(description="last step")] = LARGEST_STEP,
    limit: Limit = DEFAULT_LIMIT,
) -> Figure:
    """One curve for each run. On the axis of time every run begins at 0."""
    kinds = queries.figure_kinds([each.run for each in runs], policy)
    if (kind := next((each for each in kinds if each.name == name), None)) is None:
        raise ApiError(404, f"there is no figure '{name}'; these runs have {', '.join(each.name for each in kinds)}")
    return queries.compared_figure(db, runs, kind, policy, x, queries.Window(start, stop, limit))


@router.get("/agreement")
def compare_agreement(runs: ChosenDep, db: Db, metric: Metric = "overlap", domain: Printable | None = None) -> ComparedAgreement:
    """The agreement matrix of each run at every step at which it was measured. Without a domain: the mean over the domains."""
    return queries.compared_agreement(db, runs, metric, domain)
