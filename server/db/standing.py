"""How a run stands: its accuracies, and what lists of runs are sorted by.

The latter is kept in the run's row, for adding it up for every run of a list would take too long: whoever stores points or changes
segments refreshes it in the same transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean

from sqlalchemy import Float, Subquery, cast, func, select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from copd_engine.plan import MERGED, TRAINING, Ref
from server.db import points
from server.db.models import Point, Run, SegmentRow, Series

CAPABILITY = "capability"
RECENT = 32
"""Evaluations back from the newest among which one of all domains is looked for."""


def recent_scores(runs: Sequence[str], policy: str | None = None) -> Subquery:
    """(Run, policy, domain, step, value, se) of recent evaluations, and of how many domains the policy's step has one."""
    newest = (
        select(Point.step, Point.value, Point.se)
        .where(Point.series_id == Series.id, Point.value.is_not(None))
        .order_by(Point.step.desc())
        .limit(RECENT)
        .lateral("newest")
    )
    domains = func.count().over(partition_by=(Series.run_id, Series.policy, newest.c.step)).label("domains")
    found = (
        select(Series.id, Series.run_id, Series.policy, Series.domain, newest.c.step, newest.c.value, newest.c.se, domains)
        .join(newest, Series.id.is_not(None))
        .where(Series.run_id.in_(runs), Series.name == CAPABILITY)
    )
    return (found.where(Series.policy == policy) if policy else found).subquery()


def standing(runs: Sequence[str], policy: str | None = None) -> Subquery:
    """Of each policy in each domain the newest accuracy at a step that has the most domains: while it is evaluated in one after the other,
    two models are not taken for one."""
    scores = recent_scores(runs, policy)
    key = (scores.c.run_id, scores.c.policy, scores.c.domain)
    return select(scores).ext(distinct_on(*key)).order_by(*key, scores.c.domains.desc(), scores.c.step.desc()).subquery()


def whole_means(session: Session, run: Run) -> dict[Ref, float]:
    """The mean accuracy of every policy and step that has one in all domains."""
    policies = dict(session.execute(select(Series.id, Series.policy).where(Series.run_id == run.id, Series.name == CAPABILITY)).all())
    found: defaultdict[Ref, list[float]] = defaultdict(list)
    for series_id, columns in points.read(session, policies).items():
        for step, value in zip(columns.step.tolist(), points.numbers(columns.value), strict=True):
            if value is not None:
                found[Ref(policies[series_id], step)].append(value)
    return {ref: fmean(values) for ref, values in found.items() if len(values) == len(run.spec["domains"])}


def refresh_capability(session: Session, run_id: str) -> None:
    """The accuracy of the newest merged model that was evaluated in all domains, the mean over them."""
    domains = len(session.scalars(select(Run.spec["domains"]).where(Run.id == run_id)).one())
    newest = standing([run_id], MERGED)
    mean = select(func.avg(newest.c.value)).where(newest.c.domains >= domains).scalar_subquery()
    session.execute(update(Run).where(Run.id == run_id).values(capability=mean).execution_options(synchronize_session=False))


def refresh_trained(session: Session, run_id: str) -> None:
    """The share of the training steps that lie in segments that are done."""
    done = func.coalesce(func.sum(SegmentRow.steps).filter(SegmentRow.state == "done"), 0)
    share = cast(done, Float(53)) / func.nullif(func.sum(SegmentRow.steps), 0)
    mine = select(share).where(SegmentRow.run_id == run_id, SegmentRow.kind.in_([kind.value for kind in TRAINING]))
    session.flush()
    values = {"trained": func.coalesce(mine.scalar_subquery(), 0.0)}
    session.execute(update(Run).where(Run.id == run_id).values(values).execution_options(synchronize_session=False))
