"""The one curve that a run adds to a figure of several runs: a series as it is, or the mean of several where all of them have a point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from copd_engine.plan import BASE, MERGED
from server.db import points
from server.db.models import Run, Series
from server.db.points import Columns
from server.downsample import thin
from server.figures import Curve, RunCurve, pairs
from server.queries.series import TokenCounts, Window, cast_of, marks_of


@dataclass(frozen=True)
class Wish:
    """What is drawn: a figure's series, of one policy; of the merged model, overlap and reward are means over the experts."""

    name: str
    policy: str
    domain: str
    window: Window


def run_curves(db: Session, run: Run, place: int, wish: Wish) -> RunCurve:
    """The run's curve, thinned, or why it has none."""
    empty = RunCurve(run.id, run.name, place, None)
    if wish.name == "capability" and wish.domain not in run.spec["domains"]:
        return replace(empty, lacks=f"has no domain {wish.domain}")
    found = list(db.scalars(select(Series).where(Series.run_id == run.id, *_wanted(wish)).order_by(Series.id)))
    if not found or (wish.name == "overlap" and len(found) < len(pairs(cast_of(run)))):
        return empty  # not every pair was measured yet, and the mean of some is another number than that of all
    columns = points.read(db, [series.id for series in found])
    if len(columns) < len(found):
        return empty
    mean = mean_of([columns[series.id] for series in found])
    if not len(mean.step):
        return empty
    policy, tokens = found[0].policy if len(found) == 1 else MERGED, TokenCounts(db, run.id)
    return replace(
        empty,
        curve=_curve(_within(mean, wish.window), wish, policy, tokens),
        start=run.started_at or _moment(mean.time[0]),
        end=_moment(mean.time[-1]),
        marks=marks_of(db, run, tokens, policy),
    )


def mean_of(columns: Sequence[Columns]) -> Columns:
    """The mean at the steps that all have: any other would move when one falls behind. Its time is the last one's. Of one, itself."""
    if len(columns) == 1:
        return columns[0]
    steps = columns[0].step
    for each in columns[1:]:
        steps = np.intersect1d(steps, each.step, assume_unique=True)
    rows = [np.searchsorted(each.step, steps) for each in columns]
    value = np.mean([each.value[row] for each, row in zip(columns, rows, strict=True)], axis=0)
    time = np.max([each.time[row] for each, row in zip(columns, rows, strict=True)], axis=0)
    return Columns(steps, np.zeros(len(steps), np.int64), value, np.full(len(steps), np.nan), time)


def _within(columns: Columns, window: Window) -> Columns:
    return columns.part(*np.searchsorted(columns.step, [window.start, window.stop + 1]))


def _moment(micros: float) -> datetime:
    return datetime.fromtimestamp(micros / 1e6, UTC)


def _wanted(wish: Wish) -> list[ColumnElement[bool]]:
    if wish.name == "capability":
        return [Series.name == wish.name, Series.policy == wish.policy, Series.domain == wish.domain]
    of_policy = [] if wish.name == "overlap" or wish.policy in (MERGED, BASE) else [Series.policy == wish.policy]
    return [Series.name == wish.name, Series.domain == "", *of_policy]


def _curve(columns: Columns, wish: Wish, policy: str, tokens: TokenCounts) -> Curve:
    kept = thin(columns.step, columns.value, wish.window.limit)
    steps = columns.step[kept].tolist()
    return Curve(
        name=wish.name,
        policy=policy,
        peer=None,
        domain=wish.domain or None,
        total=len(columns.step),
        step=steps,
        value=points.numbers(columns.value[kept]),
        se=points.numbers(columns.se[kept]),
        time=[_moment(micros) for micros in columns.time[kept].tolist()],
        tokens=tokens.by_step(policy, steps),
        attempt=columns.attempt[kept].tolist(),
    )
