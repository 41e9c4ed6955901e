"""`copd compare`: the table of a paper over runs, and where their specs differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from client.cli.output import JsonOption, print_json
from client.cli.run_commands import complete_run, find_run
from client.local import connect
from client.models import Cell, Comparison

compare_app = typer.Typer()
console = Console(highlight=False)
MAIN = ("base", "merged")


@compare_app.command()
def compare(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN…", help="Ids, beginnings of ids, or names (the newest of that name).", autocompletion=complete_run),
    ],
    experts: Annotated[bool, typer.Option("--experts", help="Also the experts' rows.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare runs: accuracy by method and domain over seeds, what it cost, and where their specs differ."""
    with connect() as client:
        found = [find_run(client, reference) for reference in runs]
        comparison = client.compare([run.id for run in found])
    if as_json:
        print_json(comparison)
        return
    console.print(_table(comparison, experts=experts))
    if comparison.differences:
        console.print()
        console.print(_differences(comparison, [run.name for run in found]))


def _table(comparison: Comparison, *, experts: bool) -> Table:
    paper = comparison.table
    shown = Table("run", "method", "seeds", *paper.domains, "mean", "rollouts", "tokens", "steps", box=None, pad_edge=False)
    for line in paper.lines:
        if line.policy not in MAIN and not experts:
            continue
        group = paper.groups[line.group] if line.group is not None and line.policy in MAIN else None
        label = f"base: {line.label}" if line.policy == "base" else line.label if line.policy in MAIN else f"  {line.policy}"
        about = [group.method, str(len(group.seeds))] if group else ["", ""]
        cost = [f"{n:,.0f}" for n in (group.rollouts, group.tokens, group.optimizer_steps)] if group else ["", "", ""]
        shown.add_row(label, *about, *map(_cell, line.cells), _cell(line.mean), *cost)
    return shown


def _cell(cell: Cell | None) -> str:
    """`61.3 ± 5.2`, bold where it is the best of its column."""
    if cell is None:
        return "–"
    half = "" if cell.low is None or cell.high is None else f" ± {100 * max(cell.high - cell.mean, cell.mean - cell.low):.1f}"
    value = f"{100 * cell.mean:.1f}"
    return f"[bold]{value}[/bold]{half}" if cell.best else f"{value}{half}"


def _differences(comparison: Comparison, names: Sequence[str]) -> Table:
    shown = Table("field", *names, box=None, pad_edge=False)
    for each in comparison.differences:
        field = f"{each.path} (edited)" if each.section == "edits" else each.path
        shown.add_row(field, *(value if value is not None else "–" for value in each.values))
    return shown
