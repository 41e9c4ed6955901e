"""What a fork has from the run it comes from: numbers, samples and checkpoints up to a step of each policy, as its own."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Integer, Text, and_, column, func, insert, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from copd_engine.plan import Ref
from copd_engine.store import MANIFEST, Store
from server.db import points
from server.db.models import Base, Checkpoint, SampleRow, Series

Reach = dict[str, int]
"""Policy → the step up to which it is kept."""


def copy_numbers(session: Session, parent: str, child: str, reach: Reach) -> None:
    """Every curve and every held-out answer up to the steps of `reach`, under the attempts that made them."""
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
    kept = and_(limits.c.policy == SampleRow.policy, SampleRow.step <= limits.c.step)
    _copy_rows(session, SampleRow, _without_run(SampleRow), parent, child, select(limits.c.policy).where(kept).exists())


def copy_checkpoints(session: Session, store: Store, parent: str, child: str, reach: Reach) -> set[Ref]:
    """The checkpoints that the parent still has up to there, of each the one that counts, and the pictures and clips of its samples.

    Returns which checkpoints these are.
    """
    kept = set[Ref]()
    for row in held_checkpoints(session, parent, reach):
        copy_once(store, row, parent, child)
        session.add(copy_of(row, run_id=child))
        kept.add(Ref(row.policy, row.step))
    media = select(func.unnest(SampleRow.media)).where(SampleRow.run_id == child).distinct()
    for path in session.scalars(media).all():
        with contextlib.suppress(FileNotFoundError):  # nothing but a picture beside a prompt
            store.write(f"runs/{child}/{path}", store.read(f"runs/{parent}/{path}"))
    return kept


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


def _without_run(table: type[Base]) -> list[InstrumentedAttribute[Any]]:
    return [getattr(table, each.key) for each in table.__mapper__.column_attrs if each.key != "run_id"]
