"""What a fork has from the run it comes from: numbers, samples and checkpoints up to a step of each policy, as its own."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Integer, Text, and_, column, func, insert, literal, select, union
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from copd_engine.plan import Ref
from copd_engine.store import MANIFEST, Store
from server.db import points
from server.db.models import Base, Checkpoint, RolloutRow, SampleRow, Series
from server.db.standing import refresh_capability

Reach = dict[str, int]
"""Policy → the step up to which it is kept."""


def copy_numbers(session: Session, parent: str, child: str, reach: Reach) -> None:
    """Every curve, held-out answer and kept rollout up to the steps of `reach`, under the attempts that made them."""
    _copy_rows(session, Series, [Series.name, Series.policy, Series.peer, Series.domain], parent, child, Series.policy.in_(reach))
    theirs, mine, limits = aliased(Series), aliased(Series), _limits(reach)
    same = [getattr(mine, name) == getattr(theirs, name) for name in ("name", "policy", "peer", "domain")]
    pairs = (
        select(theirs.id, mine.id, limits.c.step)
        .join(mine, and_(mine.run_id == child, *same))
        .join(limits, limits.c.policy == theirs.policy)
        .where(theirs.run_id == parent)
    )
    points.copy(session, [(series_id, copy_id, last) for series_id, copy_id, last in session.execute(pairs)])
    refresh_capability(session, child)
    for table in (SampleRow, RolloutRow):
        kept = and_(limits.c.policy == table.policy, table.step <= limits.c.step)
        _copy_rows(session, table, _own_columns(table), parent, child, select(limits.c.policy).where(kept).exists())


def copy_checkpoints(session: Session, store: Store, parent: str, child: str, reach: Reach) -> set[Ref]:
    """The checkpoints that the parent still has up to there, of each the one that counts, and the files of its samples and rollouts.

    Returns which checkpoints these are.
    """
    kept = set[Ref]()
    for row in held_checkpoints(session, parent, reach):
        copy_once(store, row, parent, child)
        session.add(copy_of(row, run_id=child))
        kept.add(Ref(row.policy, row.step))
    copy_readings(session, store, parent, child, reach)
    return kept


def copy_readings(session: Session, store: Store, parent: str, child: str, reach: Reach) -> None:
    """The files that people look at: rollouts up to the steps of `reach`, and pictures and clips. Those that are there already stay."""
    limits = _limits(reach)
    inside = (
        and_(limits.c.policy == RolloutRow.policy, RolloutRow.step <= limits.c.step, RolloutRow.run_id == parent),
        and_(limits.c.policy == SampleRow.policy, SampleRow.step <= limits.c.step, SampleRow.run_id == parent),
    )
    paths = (
        select(RolloutRow.path).join(limits, inside[0]),
        select(func.unnest(RolloutRow.media)).join(limits, inside[0]),
        select(func.unnest(SampleRow.media)).join(limits, inside[1]),
    )
    for path in session.scalars(union(*paths)).all():
        with contextlib.suppress(FileNotFoundError):  # nothing but something to look at
            store.copy_file(f"runs/{parent}/{path}", f"runs/{child}/{path}")


def held_checkpoints(session: Session, run_id: str, reach: Reach) -> list[Checkpoint]:
    """Those of a run that the store has up to there, of each policy and step the one that counts."""
    held = (
        select(Checkpoint)
        .where(Checkpoint.run_id == run_id, Checkpoint.deleted_at.is_(None), Checkpoint.policy.in_(reach))
        .ext(distinct_on(Checkpoint.policy, Checkpoint.step))
        .order_by(Checkpoint.policy, Checkpoint.step, Checkpoint.attempt_id.desc())
    )
    return [row for row in session.scalars(held) if row.step <= reach[row.policy]]


def copy_once(store: Store, row: Checkpoint, parent: str, child: str) -> None:
    """Copies a checkpoint's files unless that was done: what is published never changes."""
    if not store.exists(f"runs/{child}/{row.path}/{MANIFEST}"):
        store.copy(f"runs/{parent}/{row.path}", f"runs/{child}/{row.path}")


def copy_of(row: Any, **changes: Any) -> Any:
    """A row of the same table with other values in some columns."""
    values = {column.key: getattr(row, column.key) for column in row.__mapper__.column_attrs}
    return type(row)(**{**values, **changes})


def _limits(reach: Mapping[str, int]) -> Any:
    """`reach` as a table (policy, step)."""
    steps = func.unnest(literal(list(reach), ARRAY(Text)), literal(list(reach.values()), ARRAY(Integer)))
    return steps.table_valued(column("policy", Text), column("step", Integer)).render_derived("reach")


def _copy_rows(session: Session, table: type[Base], columns: list[InstrumentedAttribute[Any]], parent: str, child: str, where: Any) -> None:
    run_id: Any = getattr(table, "run_id")  # noqa: B009  # not every table has one
    rows = select(literal(child), *columns).where(run_id == parent, where)
    session.execute(insert(table).from_select(["run_id", *(each.key for each in columns)], rows))


def _own_columns(table: type[Base]) -> list[InstrumentedAttribute[Any]]:
    """All but the run, and a number that the copy gets anew."""
    return [getattr(table, each.key) for each in table.__mapper__.column_attrs if each.key not in ("run_id", "id")]
