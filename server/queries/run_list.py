"""Many runs: which of them, in which order, and from where on. However many there are, a page costs the same statements."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import redis
from sqlalchemy import ColumnElement, Float, Select, case, cast, func, or_, select, tuple_
from sqlalchemy.orm import Session

from server.api.problems import of_field
from server.api.schemas.runs import RunList, TagCount
from server.db.models import Run
from server.queries.runs import summaries
from server.queries.system import reports_if_reachable
from server.states import RunState

MOST_TAGS = 500


class RunSort(StrEnum):
    """What a list of runs can be sorted by. Runs that are equal in it stand by id, those without a number at the end."""

    created = "created"
    by_name = "name"
    state = "state"
    progress = "progress"
    accuracy = "accuracy"
    duration = "duration"


URGENCY = (
    RunState.running, RunState.pausing, RunState.cancelling, RunState.failing, RunState.paused, RunState.queued, RunState.failed,
    RunState.cancelled, RunState.completed,
)  # fmt: skip
"""States by how much a person may want to look: what moves, what waits, what went wrong, what is over."""


@dataclass(frozen=True)
class Wanted:
    """Which runs, and in which order."""

    states: Collection[RunState] = ()
    """Any of these; empty: any."""
    methods: Collection[str] = ()
    """Likewise."""
    tags: Sequence[str] = ()
    """All of these."""
    text: str = ""
    """Part of the name, or the beginning of the id."""
    sort: RunSort = RunSort.created
    descending: bool = True


def run_list(db: Session, client: redis.Redis, wanted: Wanted, *, limit: int, after: str = "", offset: int = 0) -> RunList:
    """One page of runs: those behind the run `after`, without the first `offset` of these. Raises ApiError when `after` is no run."""
    filters = _filters(wanted)
    total = db.scalar(select(func.count()).select_from(Run).where(*filters)) or 0
    place = tuple_(_key(wanted), Run.id)
    order = [each.desc() if wanted.descending else each.asc() for each in (_key(wanted), Run.id)]
    # The ids first, since a run's row holds its spec, too wide to be sorted.
    query = _after(db, select(Run.id).where(*filters), place, wanted, after).order_by(*order).offset(offset).limit(limit + 1)
    ids = list(db.scalars(query))
    page = ids[:limit]
    found = {run.id: run for run in db.scalars(select(Run).where(Run.id.in_(page)))}
    runs = summaries(db, [found[each] for each in page if each in found], reports_if_reachable(client))
    return RunList(runs=runs, total=total, next=page[-1] if len(ids) > limit else None)


def tag_counts(db: Session) -> list[TagCount]:
    """Every tag with how many runs have it, those that most have first."""
    each = select(func.unnest(Run.tags).label("tag")).subquery()
    many = func.count()
    query = select(each.c.tag, many).group_by(each.c.tag).order_by(many.desc(), each.c.tag).limit(MOST_TAGS)
    return [TagCount(tag=tag, runs=runs) for tag, runs in db.execute(query)]


def _filters(wanted: Wanted) -> list[ColumnElement[bool]]:
    filters: list[ColumnElement[bool]] = []
    if wanted.states:
        filters.append(Run.state.in_(wanted.states))
    if wanted.methods:
        filters.append(Run.method.in_(wanted.methods))
    if wanted.tags:
        filters.append(Run.tags.contains(list(wanted.tags)))
    if wanted.text:
        filters.append(or_(Run.name.icontains(wanted.text, autoescape=True), Run.id.startswith(wanted.text, autoescape=True)))
    return filters


def _key(wanted: Wanted) -> ColumnElement[Any]:
    """What the runs are sorted by. Never null, so that (key, id) can be compared: what has no number gets one beyond all others."""
    nowhere = cast("-Infinity" if wanted.descending else "Infinity", Float(53))
    if wanted.sort is RunSort.by_name:
        return func.lower(Run.name)
    if wanted.sort is RunSort.state:
        return case({state.value: rank for rank, state in enumerate(URGENCY)}, value=Run.state, else_=len(URGENCY))
    if wanted.sort is RunSort.progress:
        return Run.trained.expression
    if wanted.sort is RunSort.accuracy:
        return func.coalesce(Run.capability, nowhere)
    if wanted.sort is RunSort.duration:
        return func.coalesce(cast(func.extract("epoch", func.coalesce(Run.ended_at, func.now()) - Run.started_at), Float(53)), nowhere)
    return Run.created_at.expression


def _after(db: Session, query: Select[Any], place: Any, wanted: Wanted, after: str) -> Select[Any]:
    """Only what stands behind the run `after`, wherever it stands now."""
    if not after:
        return query
    last = select(_key(wanted), Run.id).where(Run.id == after)
    if (row := db.execute(last).one_or_none()) is None:
        raise of_field("after", f"there is no run '{after}'; pass `next` of the page before")
    return query.where(place < tuple_(*row) if wanted.descending else place > tuple_(*row))
