"""Rows as the scheduler and the recorder would have written them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from copd_engine.spec import RunSpec, parse_spec
from server.commands import create_run
from server.db.models import Attempt, Point, Run, SegmentRow, Series
from server.db.standing import refresh_capability, refresh_trained

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
DOMAIN = {"source": "reasoning_gym", "tasks": {"gcd": {}}}


def spec(**changes: Any) -> RunSpec:
    """Two experts teaching each other for two rounds."""
    return parse_spec(
        {
            "name": "seeded",
            "domains": {"text": DOMAIN, "image": {"source": "digit_images"}},
            "experts": {"text": {"domain": "text"}, "image": {"domain": "image"}},
            "rounds": 2,
            "rlvr": {"steps": 3},
            "opd": {"steps": 2},
            **changes,
        }
    )


def add_run(db: Session, **changes: Any) -> str:
    return create_run(db, spec(**changes), "name: seeded", "ann")


def add_points(
    db: Session,
    run: str,
    name: str,
    policy: str,
    values: Sequence[float | None],
    *,
    peer: str = "",
    domain: str = "",
    se: float | None = None,
) -> None:
    """One value per step, from step 1."""
    series = Series(run_id=run, name=name, policy=policy, peer=peer, domain=domain)
    db.add(series)
    db.flush()
    for step, value in enumerate(values, start=1):
        db.add(Point(series_id=series.id, step=step, attempt_id=1, value=value, se=se, time=EPOCH + timedelta(seconds=step)))
    refresh_capability(db, run)
    db.commit()


def finish(db: Session, run: str, key: str, seconds: float, start: datetime = EPOCH, **counts: int) -> None:
    """One attempt did the whole segment."""
    row = db.get_one(SegmentRow, (run, key))
    row.state, row.started_at, row.ended_at = "done", start, start + timedelta(seconds=seconds)
    db.add(
        Attempt(
            run_id=run, segment_key=key, worker="w1", state="done", start_step=row.step, counts=counts,
            started_at=row.started_at, ended_at=row.ended_at,
        )
    )  # fmt: skip
    db.get_one(Run, run).started_at = start
    refresh_trained(db, run)
    db.commit()
