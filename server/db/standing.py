"""What lists of runs are sorted by, kept in the run's row: adding it up for every run of a list would take too long.

Whoever stores points or changes segments refreshes it in the same transaction.
"""

from __future__ import annotations

from sqlalchemy import Float, cast, func, select, update
from sqlalchemy.orm import Session

from copd_engine.plan import MERGED, TRAINING
from server.db.models import Point, Run, SegmentRow, Series

CAPABILITY = "capability"


def refresh_capability(session: Session, run_id: str) -> None:
    """The newest accuracy of the merged model, the mean over the domains."""
    newest = select(Point.value).where(Point.series_id == Series.id).order_by(Point.step.desc()).limit(1).lateral("newest")
    mean = (
        select(func.avg(newest.c.value))
        .select_from(Series)
        .join(newest, Series.id.is_not(None))
        .where(Series.run_id == run_id, Series.name == CAPABILITY, Series.policy == MERGED)
    )
    session.execute(
        update(Run).where(Run.id == run_id).values(capability=mean.scalar_subquery()).execution_options(synchronize_session=False)
    )


def refresh_trained(session: Session, run_id: str) -> None:
    """The share of the training steps that lie in segments that are done."""
    done = func.coalesce(func.sum(SegmentRow.steps).filter(SegmentRow.state == "done"), 0)
    share = cast(done, Float(53)) / func.nullif(func.sum(SegmentRow.steps), 0)
    mine = select(share).where(SegmentRow.run_id == run_id, SegmentRow.kind.in_([kind.value for kind in TRAINING]))
    session.flush()
    values = {"trained": func.coalesce(mine.scalar_subquery(), 0.0)}
    session.execute(update(Run).where(Run.id == run_id).values(values).execution_options(synchronize_session=False))
