"""The table of a paper: methods × domains, each cell a mean over seeds with its 95 % interval; beside it what it cost."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from copd_engine.plan import BASE, MERGED
from server.comparison.groups import Entry, Group, groups
from server.comparison.intervals import Estimate, estimate


@dataclass(frozen=True)
class Line:
    """One policy of one group. cells: by domain, None where it was not evaluated there; best: of the table's column."""

    label: str
    policy: str
    group: int | None
    """Its place among the groups; None of a base model."""
    cells: Sequence[Estimate | None]
    mean: Estimate | None
    """Over the domains; None unless it was evaluated in all of them."""
    best: frozenset[int] = frozenset()
    """Places of the cells that are the highest of their column, `len(cells)` for the mean."""


@dataclass(frozen=True)
class Table:
    domains: Sequence[str]
    groups: Sequence[Group]
    lines: Sequence[Line]
    """The base models, then each group's merged model, each followed by its other policies."""


def table(runs: Sequence[Entry]) -> Table:
    """Of the runs as they stand. Among base and merged models the best of each column is marked where there are several to choose from."""
    domains = list(dict.fromkeys(domain for run in runs for domain in run.spec["domains"]))
    found = groups(runs)
    lines = [_line(label, BASE, None, seeds, domains) for label, seeds in _bases(runs)]
    for place, group in enumerate(found):
        label = group.runs[0].name
        lines += [_line(label, policy, place, group.seeds, domains) for policy in _policies(group)]
    return Table(domains, found, _marked([line for line in lines if line.policy in (BASE, MERGED) or any(line.cells)]))


def _policies(group: Group) -> list[str]:
    others = (policy for run in group.runs for policy in run.scores if policy not in (BASE, MERGED))
    return [MERGED, *dict.fromkeys(others)]


def _bases(runs: Sequence[Entry]) -> list[tuple[str, list[Entry]]]:
    """(label, one run for each seed) for each base model as it was evaluated: one row where all runs begin from the same."""
    found: dict[str, list[Entry]] = {}
    for run in runs:
        found.setdefault(json.dumps([run.spec["model"], run.spec["domains"], run.spec["evaluation"]], sort_keys=True), []).append(run)
    return [(str(each[0].spec["model"]["path"]), Group([run for run in each if BASE in run.scores]).seeds) for each in found.values()]


def _line(label: str, policy: str, place: int | None, runs: Sequence[Entry], domains: Sequence[str]) -> Line:
    scored = [run.scores.get(policy, {}) for run in runs]
    cells = [estimate([score[domain] for score in scored if domain in score]) for domain in domains]
    whole = [_mean([score[domain] for domain in domains]) for score in scored if all(domain in score for domain in domains)]
    return Line(label, policy, place, cells, estimate(whole))


def _mean(scores: Sequence[tuple[float, float | None]]) -> tuple[float, float | None]:
    """Over the domains, with its standard error: their prompts are independent."""
    count = len(scores)
    errors = [error for _, error in scores if error is not None]
    error = sum(error**2 for error in errors) ** 0.5 / count if len(errors) == count else None
    return sum(value for value, _ in scores) / count, error


def _marked(lines: Sequence[Line]) -> list[Line]:
    columns = len(lines[0].cells) if lines else 0
    rivals = [line for line in lines if line.policy in (BASE, MERGED)]
    best: dict[int, set[int]] = {}
    for column in range(columns + 1):
        at = _column(column, columns)
        known = [(cell.mean, row) for row, line in enumerate(rivals) if (cell := at(line)) is not None]
        highest = max(known, default=(0.0, 0))[0]
        for mean, row in known if len(known) > 1 else ():
            if mean == highest:
                best.setdefault(id(rivals[row]), set()).add(column)
    return [replace(line, best=frozenset(best.get(id(line), ()))) for line in lines]


def _column(column: int, columns: int) -> Callable[[Line], Estimate | None]:
    return lambda line: line.cells[column] if column < columns else line.mean
