"""Curves: thinned series, the agreement history, and what figures are made from. Each answer is one snapshot with its cursor."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from copd_engine.plan import BASE, MERGED, Kind, Ref
from server import figures
from server.api.problems import of_field
from server.api.schemas.series import AbsorbedList, AbsorbedRow, AgreementHistory, LowestOverlap, SeriesData, SeriesList
from server.commands.locked import spec_of
from server.db import points
from server.db.models import Run, SegmentRow, Series
from server.db.points import LAST_STEP
from server.downsample import thin
from server.figures import Cast, Curve, FigureData, FigureKind, Mark, Phase
from server.queries.controls import edit_views
from server.queries.runs import policies
from server.queries.spells import halts, spells
from server.queries.usage import run_usage

NO_COMPARISON = "none"
"""What `compare` says to draw this run alone."""


@dataclass(frozen=True)
class Window:
    """The steps asked for, and how many points of a series at most."""

    start: int = 0
    stop: int = LAST_STEP
    limit: int = 1000


def snapshot(db: Session, run_id: str) -> str:
    """Begins a transaction that sees one moment; returns the stream position that it contains. Everything else is read after it."""
    see_one_moment(db)
    return db.scalars(select(Run.stream_position).where(Run.id == run_id)).one()


def see_one_moment(db: Session) -> None:
    """Begins a transaction in which nothing changes any more."""
    db.rollback()
    db.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def cast_of(run: Run) -> Cast:
    spec = spec_of(run)
    infos = [figures.PolicyInfo(view.name, view.role, view.colour) for view in policies(spec)]
    teaches = {name: spec.teacher_domain(name) for name in (*spec.experts, *spec.teachers)}
    is_rewarded = spec.method != "opd"
    return Cast(
        run.id,
        run.name,
        infos,
        list(spec.domains),
        spec.edges(),
        is_rewarded=is_rewarded,
        is_clipped=is_rewarded and spec.optimizer.updates > 1,
        has_reference=is_rewarded and spec.rlvr.kl > 0,
        teaches=teaches,
        top_k=spec.agreement.top_k,
    )


def series(
    db: Session, run_id: str, *, names: Collection[str] | None, policies: Collection[str] | None, window: Window, tokens: bool
) -> SeriesList:
    cursor = snapshot(db, run_id)
    wanted: list[ColumnElement[bool]] = []
    if names:
        wanted.append(Series.name.in_(names))
    if policies:
        wanted.append(Series.policy.in_(policies))
    found = curves(db, run_id, *wanted, window=window, generated=TokenCounts(db, run_id) if tokens else None)
    return SeriesList(cursor=cursor, series=[_series_data(curve, tokens=tokens) for curve in found])


def agreement(db: Session, run: Run, metric: str, domain: str | None) -> AgreementHistory:
    """The student × teacher matrix at every measured step."""
    snapshot(db, run.id)
    return agreement_of(db, run, metric, domain)


def agreement_of(db: Session, run: Run, metric: str, domain: str | None) -> AgreementHistory:
    """The same in a transaction that sees one moment already."""
    cursor = db.scalars(select(Run.stream_position).where(Run.id == run.id)).one()
    cast = cast_of(run)
    found = curves(db, run.id, Series.name == metric, Series.domain == (domain or ""), window=Window(limit=100_000))
    cells = {(step, c.policy, c.peer): value for c in found for step, value in zip(c.step, c.value, strict=True)}
    steps = sorted({step for step, _, _ in cells})
    values = [[[cells.get((step, student, teacher)) for teacher in cast.peers] for student in cast.experts] for step in steps]
    known = [(value, *at) for at, value in cells.items() if value is not None]
    lowest = min(known, default=None)
    return AgreementHistory(
        cursor=cursor,
        metric=metric,
        domain=domain,
        students=cast.experts,
        teachers=cast.peers,
        steps=steps,
        values=values,
        lowest=LowestOverlap(value=lowest[0], step=lowest[1], student=lowest[2], teacher=lowest[3] or "") if lowest else None,
    )


def absorbed(db: Session, run: Run) -> AbsorbedList:
    """What each student took over in each OPD phase."""
    cursor = snapshot(db, run.id)
    found = curves(db, run.id, Series.name.in_(figures.ABSORBED_SERIES), window=Window(limit=100_000))
    data = FigureData(cast=cast_of(run), cursor=cursor, curves=found, phases=_phases(db, run.id))
    return AbsorbedList(cursor=cursor, rows=[AbsorbedRow.model_validate(vars(row)) for row in figures.absorbed_rows(data)])


def figure_data(db: Session, run: Run, figure: FigureKind, *, window: Window, compare: str | None) -> FigureData:
    """What a figure is made from. `compare`: the id of a run to draw beside, NO_COMPARISON, or None for the one that fits."""
    cursor = snapshot(db, run.id)
    run = db.get_one(Run, run.id, populate_existing=True)
    generated = TokenCounts(db, run.id, per_expert=True) if figure.series else None
    found = curves(db, run.id, *_wanted(figure), window=window, generated=generated) if figure.series else []
    other = _compared(db, run, compare) if figure.compares else None
    others = TokenCounts(db, other.id, per_expert=True) if other else None
    compared = curves(db, other.id, *_wanted(figure), window=window, generated=others) if other else []
    end = run.ended_at or datetime.now(UTC)
    return FigureData(
        cast=cast_of(run),
        cursor=cursor,
        curves=found,
        marks=marks_of(db, run, generated),
        phases=_phases(db, run.id) if figure.needs_phases else [],
        compared=compared,
        compared_name=_told(other) if other else "",
        machines=run_usage(db, run.id, run.started_at, end) if figure.needs_machines else [],
        spells=spells(db, run.id, end) if figure.needs_spells else [],
        halts=halts(db, run.id, end) if figure.needs_spells else [],
    )


def _told(run: Run) -> str:
    return f"{run.name}, without distillation" if run.method == "experts" else run.name


def curves(db: Session, run_id: str, *wanted: ColumnElement[bool], window: Window, generated: TokenCounts | None = None) -> list[Curve]:
    """The run's series that fit, thinned; by name, policy, peer, domain. Two statements."""
    keys = {row.id: row for row in db.scalars(select(Series).where(Series.run_id == run_id, *wanted))}
    columns = points.read(db, keys, window.start, window.stop)
    found = [_curve(keys[series_id], some, window.limit, generated) for series_id, some in columns.items()]
    return sorted(found, key=lambda c: (c.name, c.policy, c.peer or "", c.domain or ""))


def _curve(key: Series, columns: points.Columns, limit: int, generated: TokenCounts | None) -> Curve:
    kept = thin(columns.step, columns.value, limit)
    steps = columns.step[kept].tolist()
    return Curve(
        name=key.name,
        policy=key.policy,
        peer=key.peer or None,
        domain=key.domain or None,
        total=len(columns.step),
        step=steps,
        value=points.numbers(columns.value[kept]),
        se=points.numbers(columns.se[kept]),
        time=[datetime.fromtimestamp(micros / 1e6, UTC) for micros in columns.time[kept].tolist()],
        tokens=generated.by_step(key.policy, steps) if generated else [],
        attempt=columns.attempt[kept].tolist(),
    )


class TokenCounts:
    """Tokens each expert had generated by a step. Of the merged model all experts' together: what it cost. `per_expert`: their mean, which
    lies among the experts on one axis."""

    def __init__(self, db: Session, run_id: str, *, per_expert: bool = False) -> None:
        self._of_merged = np.mean if per_expert else np.sum
        keys = {row.id: row for row in db.scalars(select(Series).where(Series.run_id == run_id, Series.name == "tokens"))}
        self._totals = {
            keys[series_id].policy: (columns.step, np.r_[0.0, np.cumsum(columns.value)])
            for series_id, columns in points.read(db, keys).items()
        }
        """Policy → steps [N], and tokens [N + 1] generated before the first and by each."""

    def by_step(self, policy: str, steps: Sequence[int]) -> list[float | None]:
        """Of an expert its own, of the base none."""
        if policy == BASE:
            return [0.0] * len(steps)
        totals = list(self._totals.values()) if policy == MERGED else [self._totals[policy]] if policy in self._totals else []
        if not totals:
            return [None] * len(steps)
        return self._of_merged([total[np.searchsorted(step, steps, side="right")] for step, total in totals], axis=0).tolist()


def _series_data(curve: Curve, *, tokens: bool) -> SeriesData:
    return SeriesData(
        name=curve.name,
        policy=curve.policy,
        peer=curve.peer,
        domain=curve.domain,
        total=curve.total,
        step=list(curve.step),
        value=list(curve.value),
        se=list(curve.se) if any(se is not None for se in curve.se) else None,
        time=list(curve.time),
        tokens=list(curve.tokens) if tokens else None,
        attempt=list(curve.attempt),
    )


def _wanted(figure: FigureKind) -> list[ColumnElement[bool]]:
    """The series a figure draws."""
    only = ((Series.policy, figure.policy), (Series.peer, figure.peer), (Series.domain, figure.domain))
    return [Series.name.in_(figure.series), *(column == value for column, value in only if value is not None)]


def _compared(db: Session, run: Run, compare: str | None) -> Run | None:
    """The run to draw beside: the one asked for, else the newest that trained the same base with the same seed without distillation.

    Raises ApiError when the one asked for does not exist.
    """
    if compare == NO_COMPARISON:
        return None
    if compare:
        if (other := db.get(Run, compare)) is None:
            raise of_field("compare", f"there is no run '{compare}'", 404)
        return other
    seed, model = Run.spec["seed"].as_integer(), Run.spec["model"]["path"].as_string()
    alike = (seed == run.spec["seed"], model == run.spec["model"]["path"], Run.method == "experts", Run.id != run.id)
    return db.scalars(select(Run).where(*alike).order_by(Run.created_at.desc()).limit(1)).one_or_none()


def marks_of(db: Session, run: Run, generated: TokenCounts | None = None, policy: str | None = None) -> list[Mark]:
    """One mark per edit, where it first took effect; on the axis of tokens by those of `policy`, else of the first one it acted on."""
    marks = []
    for edit in edit_views(db, run):
        if edit.effective:
            generated = generated or TokenCounts(db, run.id)
            first = min(edit.effective, key=lambda effect: effect.step)
            tokens = generated.by_step(policy or first.policy, [first.step])[0]
            marks.append(Mark(first.step, first.at, tokens, edit.path, edit.old, edit.value))
    return marks


def _phases(db: Session, run_id: str) -> list[Phase]:
    """The OPD phases that have begun, in the order of the rounds, with the teachers they read."""
    of = SegmentRow.run_id == run_id, SegmentRow.kind == Kind.opd.value
    parts: dict[tuple[int, str], list[SegmentRow]] = {}
    for row in db.scalars(select(SegmentRow).where(*of).order_by(SegmentRow.round, SegmentRow.position)):
        parts.setdefault((row.round, row.policy), []).append(row)
    return [
        Phase(
            round=round_,
            policy=policy,
            start=min(row.step for row in rows),
            end=max(row.step + row.steps for row in rows),
            teachers=list(dict.fromkeys(Ref.parse(teacher).policy for row in rows for teacher in row.teachers)),
        )
        for (round_, policy), rows in parts.items()
        if any(row.started_at for row in rows)
    ]
