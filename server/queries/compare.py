"""What runs beside each other are compared by. One moment for all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from copd_engine.plan import BASE, MERGED, TRAINING
from copd_engine.spec import RunSpec
from server import comparison, figures
from server.api.problems import of_field
from server.api.schemas.compare import (
    Cell,
    ComparedAgreement,
    ComparedRun,
    Comparison,
    PaperTable,
    RunGroup,
    SpecDifference,
    TableLine,
)
from server.api.schemas.series import Figure, FigureInfo
from server.commands.locked import spec_of
from server.comparison import Entry, Estimate
from server.db.models import Attempt, Edit, EditBinding, Run, SegmentRow
from server.db.standing import standing
from server.db.transition import SCHEDULER
from server.figures import compare as drawn
from server.figures import run_look
from server.queries.run_curves import Wish, run_curves
from server.queries.series import Window, agreement_of, cast_of, see_one_moment
from server.states import TERMINAL, RunState


@dataclass(frozen=True)
class Chosen:
    """A run that is compared, and the place of its look."""

    run: Run
    place: int


def chosen_runs(db: Session, ids: Sequence[str], places: Sequence[int] | None) -> list[Chosen]:
    """The runs in the order asked for, each once. Raises ApiError (404) for one that does not exist."""
    if places and len(places) != len(ids):
        raise of_field("place", f"give one for each run, or none: there are {len(ids)} runs and {len(places)} places")
    see_one_moment(db)
    found = {run.id: run for run in db.scalars(select(Run).where(Run.id.in_(ids)))}
    if missing := [each for each in ids if each not in found]:
        raise of_field("run", f"there is no run '{missing[0]}'", 404)
    asked = dict(zip(reversed(ids), reversed(places or range(len(ids))), strict=True))
    return [Chosen(found[each], asked[each]) for each in dict.fromkeys(ids)]


def comparison_of(db: Session, chosen: Sequence[Chosen]) -> Comparison:
    """The runs, the paper's table, where their specs differ, and which figures they have."""
    runs = [each.run for each in chosen]
    entries = _entries(db, runs)
    views = [_view(each, entry) for each, entry in zip(chosen, entries, strict=True)]
    table = comparison.table(entries)
    return Comparison(
        runs=views,
        domains=list(table.domains),
        policies=list(dict.fromkeys([MERGED, BASE, *(policy for view in views for policy in view.policies)])),
        table=_table_view(table),
        differences=[SpecDifference(section=d.section, path=d.path, values=list(d.values)) for d in comparison.differences(entries)],
        figures=[FigureInfo(name=kind.name, title=kind.title) for kind in figure_kinds(runs, MERGED)],
    )


def figure_kinds(runs: Sequence[Run], policy: str) -> list[drawn.ComparedFigure]:
    """One for each domain that a run has, overlap where experts can agree, reward where any learns from rewards."""
    casts = [cast_of(run) for run in runs]
    domains = list(dict.fromkeys(domain for cast in casts for domain in cast.domains))
    kinds = [drawn.capability(domain, policy) for domain in domains]
    if any(len(cast.peers) > 1 for cast in casts):
        kinds.append(drawn.OVERLAP)
    return [*kinds, *([drawn.reward(policy)] if any(cast.is_rewarded for cast in casts) else [])]


def compared_figure(
    db: Session, chosen: Sequence[Chosen], kind: drawn.ComparedFigure, policy: str, x: figures.Axis, window: Window
) -> Figure:
    name, _, domain = kind.name.partition(".")
    wish = Wish(name, policy, domain, window)
    return drawn.build(kind, [run_curves(db, each.run, each.place, wish) for each in chosen], x)


def compared_agreement(db: Session, chosen: Sequence[Chosen], metric: str, domain: str | None) -> ComparedAgreement:
    histories = {each.run.id: agreement_of(db, each.run, metric, domain) for each in chosen}
    return ComparedAgreement(steps=sorted({step for history in histories.values() for step in history.steps}), histories=histories)


def _view(chosen: Chosen, entry: Entry) -> ComparedRun:
    run, look, cast = chosen.run, run_look(chosen.place), cast_of(chosen.run)
    names = ("id", "name", "method", "tags", "created_at", "started_at", "ended_at")
    return ComparedRun(
        **{name: getattr(run, name) for name in names},
        state=RunState(run.state),
        seed=entry.seed,
        model=str(run.spec["model"]["path"]),
        domains=list(cast.domains),
        policies=[policy.name for policy in cast.policies],
        edits=len(entry.edits),
        place=chosen.place,
        colour=look.colour,
        dash=look.dash,
    )


def _entries(db: Session, runs: Sequence[Run]) -> list[Entry]:
    ids = [run.id for run in runs]
    edits, scores, budgets = _edits(db, ids), _scores(db, ids), _budgets(db, ids)
    ages = {run.id: age for age, run in enumerate(sorted(runs, key=lambda run: (run.created_at, run.id)))}
    specs = {run.id: spec_of(run) for run in runs}
    return [
        Entry(
            id=run.id,
            name=run.name,
            method=run.method,
            seed=specs[run.id].seed,
            spec=_written_out(specs[run.id]),
            edits=edits[run.id],
            age=ages[run.id],
            is_over=RunState(run.state) in TERMINAL,
            scores=scores[run.id],
            budget=budgets.get(run.id, (0, 0, 0)),
        )
        for run in runs
    ]


def _written_out(spec: RunSpec) -> dict[str, Any]:
    """The spec with all defaults, the weights of its edges too: one that is not named weighs 1."""
    weights: dict[str, dict[str, float]] = {}
    for student, teacher in spec.edges():
        weights.setdefault(student, {})[teacher] = spec.w.get(student, {}).get(teacher, 1.0)
    return {**spec.model_dump(mode="json"), "w": weights}


def _edits(db: Session, ids: Sequence[str]) -> defaultdict[str, list[tuple[str, Any, str]]]:
    """Run → (path, value, where it took effect) of each edit that people made."""
    first = select(func.min(EditBinding.step)).where(EditBinding.run_id == Edit.run_id, EditBinding.version == Edit.version)
    query = (
        select(Edit.run_id, Edit.path, Edit.value, Edit.round, first.correlate(Edit).scalar_subquery())
        .where(Edit.run_id.in_(ids), Edit.author != SCHEDULER, Edit.kind != "dispatch")
        .order_by(Edit.run_id, Edit.version)
    )
    edits: defaultdict[str, list[tuple[str, Any, str]]] = defaultdict(list)
    for run, path, value, round_, step in db.execute(query):
        where = f"from round {round_ + 1}" if round_ is not None else "" if step is None else f"at step {step}"
        edits[run].append((path, value, where))
    return edits


def _scores(db: Session, ids: Sequence[str]) -> defaultdict[str, dict[str, dict[str, tuple[float, float | None]]]]:
    """Run → policy → domain → accuracy and its standard error."""
    newest = standing(ids)
    query = select(newest.c.run_id, newest.c.policy, newest.c.domain, newest.c.value, newest.c.se).order_by(newest.c.id)
    scores: defaultdict[str, dict[str, dict[str, tuple[float, float | None]]]] = defaultdict(dict)
    for run, policy, domain, value, error in db.execute(query):
        scores[run].setdefault(policy, {})[domain] = (value, error)
    return scores


def _budgets(db: Session, ids: Sequence[str]) -> dict[str, tuple[int, int, int]]:
    """Run → rollouts, tokens and optimizer steps of its training; attempts that were thrown away count too, for they were paid."""
    totals = [func.coalesce(func.sum(Attempt.counts[name].as_integer()), 0) for name in ("rollouts", "tokens", "optimizer_steps")]
    query = (
        select(SegmentRow.run_id, *totals)
        .join(Attempt, (Attempt.run_id == SegmentRow.run_id) & (Attempt.segment_key == SegmentRow.key))
        .where(SegmentRow.run_id.in_(ids), SegmentRow.kind.in_([kind.value for kind in TRAINING]))
        .group_by(SegmentRow.run_id)
    )
    rows: Iterable[Any] = db.execute(query)
    return {run: (rollouts, tokens, steps) for run, rollouts, tokens, steps in rows}


def _table_view(table: comparison.Table) -> PaperTable:
    return PaperTable(
        domains=list(table.domains),
        groups=[_group_view(group) for group in table.groups],
        lines=[_line_view(line) for line in table.lines],
    )


def _group_view(group: comparison.Group) -> RunGroup:
    rollouts, tokens, steps = np.mean([run.budget for run in group.seeds], axis=0).tolist()
    return RunGroup(
        method=group.runs[0].method,
        runs=[run.id for run in group.runs],
        seeds=[run.seed for run in group.seeds],
        unfinished=sum(not run.is_over for run in group.seeds),
        rollouts=rollouts,
        tokens=tokens,
        optimizer_steps=steps,
    )


def _line_view(line: comparison.Line) -> TableLine:
    cells = [_cell(cell, best=place in line.best) for place, cell in enumerate(line.cells)]
    mean = _cell(line.mean, best=len(line.cells) in line.best)
    return TableLine(label=line.label, policy=line.policy, group=line.group, cells=cells, mean=mean)


def _cell(estimate: Estimate | None, *, best: bool) -> Cell | None:
    if estimate is None:
        return None
    return Cell(mean=estimate.mean, low=estimate.low, high=estimate.high, seeds=estimate.seeds, best=best)
