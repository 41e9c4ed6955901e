"""Rollouts kept for people to read: found by filter, page by page; one of them token by token; a held-out prompt through training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, func, or_, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from copd_engine.events import RolloutPart
from copd_engine.kept import Group, unpack
from copd_engine.store import Store
from server.api.schemas.rollouts import ProbeAnswer, ProbeHistory, RolloutPage, RolloutSummary, RolloutView
from server.db.models import RolloutRow, SampleRow
from server.recorder.batch import MAX_STEP

Sort = Literal["newest", "oldest", "worst", "best", "gap"]
ORDERS: dict[Sort, tuple[InstrumentedAttribute[Any], bool]] = {
    "newest": (RolloutRow.step, True),
    "oldest": (RolloutRow.step, False),
    "worst": (RolloutRow.reward_mean, False),
    "best": (RolloutRow.reward_mean, True),
    "gap": (RolloutRow.gap, False),
}
"""What each sorts by, and whether the highest comes first. Of equals that of the most answers comes first, for eight that failed say more
than one, then that of the highest step, and then of the highest id."""
HELDOUT: RolloutPart = "heldout"


@dataclass(frozen=True)
class Place:
    """Where a rollout stands in an order: what it is sorted by, its number of answers, its step, its id."""

    value: float
    size: int
    step: int
    id: int


@dataclass(frozen=True)
class RolloutFilter:
    """Which rollouts. Empty lists and None leave all; rewards are means over the group."""

    policies: Sequence[str] = ()
    domains: Sequence[str] = ()
    parts: Sequence[RolloutPart] = ()
    first_step: int | None = None
    last_step: int | None = None
    reward_min: float | None = None
    reward_max: float | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        listed = ((RolloutRow.policy, self.policies), (RolloutRow.domain, self.domains), (RolloutRow.part, self.parts))
        lower = ((RolloutRow.step, self.first_step), (RolloutRow.reward_mean, self.reward_min))
        upper = ((RolloutRow.step, self.last_step), (RolloutRow.reward_mean, self.reward_max))
        return [
            *(column.in_(values) for column, values in listed if values),
            *(column >= value for column, value in lower if value is not None),
            *(column <= value for column, value in upper if value is not None),
        ]


def rollouts(db: Session, run_id: str, wanted: RolloutFilter, *, sort: Sort, after: Place | None, limit: int) -> RolloutPage:
    """A page. after: the last one of the page before."""
    column, falls = ORDERS[sort]
    where = [RolloutRow.run_id == run_id, *wanted.conditions()]
    if sort == "gap":
        where.append(RolloutRow.gap.is_not(None))
    counted = select(func.count()).where(*where)
    total = db.scalar(counted) or 0
    if after is not None:
        value: float = after.value
        if column is RolloutRow.step:
            value = int(min(max(value, -1), MAX_STEP))  # whoever asks may have written it
        beyond = column < value if falls else column > value
        place = (min(after.size, MAX_STEP), min(after.step, MAX_STEP), after.id)
        where.append(or_(beyond, and_(column == value, tuple_(RolloutRow.size, RolloutRow.step, RolloutRow.id) < place)))
    order = (column.desc() if falls else column, RolloutRow.size.desc(), RolloutRow.step.desc(), RolloutRow.id.desc())
    query = select(RolloutRow).where(*where).order_by(*order)
    rows = list(db.scalars(query.limit(limit + 1)))
    shown = rows[:limit]
    last = shown[-1] if len(rows) > limit else None
    first = shown[0] if shown and after is None else None
    return RolloutPage(
        total=total,
        tied=db.scalar(counted.where(column == getattr(first, column.key), RolloutRow.size == first.size)) if first else None,
        rollouts=[_summary(row) for row in shown],
        next=None if last is None else f"{getattr(last, column.key)!r},{last.size},{last.step},{last.id}",
    )


def rollout(db: Session, store: Store, run_id: str, rollout_id: int) -> RolloutView | None:
    """One token by token; None when there is none. store: the root. Raises FileNotFoundError and ValueError where its file is gone."""
    row = db.scalar(select(RolloutRow).where(RolloutRow.run_id == run_id, RolloutRow.id == rollout_id))
    if row is None:
        return None
    group = _group(store, row)
    same = [getattr(RolloutRow, name) == getattr(row, name) for name in ("run_id", "part", "domain", "index", "step")]
    others = select(RolloutRow).where(*same, RolloutRow.id != row.id, RolloutRow.part == HELDOUT).order_by(RolloutRow.policy)
    return RolloutView(
        **{**_columns(row), "prompt": group.prompt},
        attempt=row.attempt_id,
        answer=group.answer,
        temperature=group.temperature,
        rewards=group.rewards,
        completions=group.completions,
        beside=[_summary(each) for each in db.scalars(others)],
    )


def probe_history(db: Session, run_id: str, domain: str, index: int, limit: int) -> ProbeHistory | None:
    """Every policy's answers to one held-out prompt; None when none was kept."""
    where = [SampleRow.run_id == run_id, SampleRow.domain == domain, SampleRow.index == index]
    steps = list(db.scalars(select(SampleRow.step).where(*where).distinct().order_by(SampleRow.step)))
    if not steps:
        return None
    shown = spread(steps, limit)
    rows = db.scalars(select(SampleRow).where(*where, SampleRow.step.in_(shown)).order_by(SampleRow.policy, SampleRow.step)).all()
    kept = select(RolloutRow.policy, RolloutRow.step, RolloutRow.id).where(
        RolloutRow.run_id == run_id, RolloutRow.part == HELDOUT, RolloutRow.domain == domain, RolloutRow.index == index
    )
    ids = {(policy, step): id_ for policy, step, id_ in db.execute(kept.where(RolloutRow.step.in_(shown)))}
    first = rows[0]
    names = ("policy", "step", "completion", "reward", "reason")
    return ProbeHistory(
        domain=domain,
        index=index,
        prompt=first.prompt,
        answer=first.answer,
        media=_urls(run_id, first.media),
        steps=shown,
        total_steps=len(steps),
        answers=[ProbeAnswer(**{name: getattr(row, name) for name in names}, rollout=ids.get((row.policy, row.step))) for row in rows],
    )


def spread(steps: Sequence[int], limit: int) -> list[int]:
    """At most `limit` >= 2 of the steps, evenly, the first and the last among them."""
    if len(steps) <= limit:
        return list(steps)
    return [steps[round(i * (len(steps) - 1) / (limit - 1))] for i in range(limit)]


def _group(store: Store, row: RolloutRow) -> Group:
    groups = unpack(store.below(f"runs/{row.run_id}").read(row.path))
    if row.place >= len(groups):
        raise ValueError(f"{row.path} has {len(groups)} groups, not {row.place + 1}")
    return groups[row.place]


def _summary(row: RolloutRow) -> RolloutSummary:
    return RolloutSummary(**_columns(row))


def _columns(row: RolloutRow) -> dict[str, Any]:
    own = ("id", "policy", "step", "part", "domain", "index", "prompt", "completion", "size", "tokens")
    numbers = ("reward_min", "reward_mean", "reward_max", "gap")
    return {**{name: getattr(row, name) for name in (*own, *numbers)}, "peer": row.peer or None, "media": _urls(row.run_id, row.media)}


def _urls(run_id: str, paths: Sequence[str]) -> list[str]:
    return [f"/api/v1/runs/{run_id}/{path}" for path in paths]
