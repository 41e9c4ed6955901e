"""`copd submit | list | show | recipe | watch | delete | export`: runs, through the REST API."""

from __future__ import annotations

import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from client.api import ApiError, Client
from client.cli import board, exits
from client.cli import watch as watching
from client.cli.exits import InputError
from client.cli.output import JsonOption, print_json
from client.local import NoStackError, connect
from client.models import Export, RunDeletion, RunSummary
from copd_engine.recipe import parse_recipe
from copd_engine.spec import SpecError

runs_app = typer.Typer()
console = Console(highlight=False)


def complete_run(incomplete: str) -> list[str]:
    """For shell completion: ids and names that begin so. Nothing where there is no stack to ask."""
    try:
        with connect() as client:
            return [word for run in client.runs().runs for word in (run.id, run.name) if word.startswith(incomplete)]
    except (ApiError, NoStackError):
        return []


RunArgument = Annotated[
    str,
    typer.Argument(metavar="RUN", help="Id, the beginning of an id, or a name (the newest of that name).", autocompletion=complete_run),
]


@runs_app.command()
def submit(
    file: Annotated[Path, typer.Argument(help="Run spec or recipe in YAML or JSON; - reads standard input.")],
    watch: Annotated[bool, typer.Option("--watch", help="Stay and show the run.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check a spec and submit it as a new run."""
    source = _read(file)
    try:
        parse_recipe(source)
    except SpecError as error:
        raise InputError("\n  ".join([f"{file} is not a valid spec", *map(str, error.errors)])) from None
    with connect() as client:
        run = client.create_run(source)
        if as_json:
            print_json(run)
        else:
            typer.echo(f"{run.id}  {run.name}  {run.state}  {client.url}/runs/{run.id}")
        if watch:
            _watch(client, run.id, as_json=as_json)


@runs_app.command("list")
def list_runs(as_json: JsonOption = False, limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 50) -> None:
    """List runs, newest first."""
    with connect() as client:
        runs = [run for run, _ in zip(client.runs, range(limit), strict=False)]
    if as_json:
        print_json(runs)
        return
    table = Table("id", "name", "state", "progress", "merged", "created", box=None, pad_edge=False)
    for run in runs:
        merged = "" if run.capability is None else f"{run.capability:.3f}"
        table.add_row(run.id, run.name, run.state, board.progress_line(run.progress), merged, f"{run.created_at.astimezone():%d %b %H:%M}")
    console.print(table if runs else "No runs yet. Submit one: copd submit examples/three-experts.yaml")


@runs_app.command()
def show(run: RunArgument, as_json: JsonOption = False) -> None:
    """Show one run: state, progress, edits, and why it failed."""
    with connect() as client:
        found = client.run(find_run(client, run).id)
        if as_json:
            print_json(found)
        else:
            console.print(board.summary(found, client.url))


@runs_app.command()
def recipe(run: RunArgument) -> None:
    """Print a run's recipe: submitted again, it gives the same weights, edits and all."""
    with connect() as client:
        print_json(client.recipe(find_run(client, run).id))


@runs_app.command()
def watch(run: RunArgument, as_json: Annotated[bool, typer.Option("--json", help="Print each event as one line of JSON.")] = False) -> None:
    """Follow a run live in the terminal until it is over; Ctrl-C leaves, the run goes on. The exit code says how it ended."""
    with connect() as client:
        _watch(client, find_run(client, run).id, as_json=as_json)


@runs_app.command()
def delete(
    run: RunArgument,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go, but delete nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Delete a run that is over with everything of it: numbers, checkpoints, exports, log. There is no way back."""
    with connect() as client:
        found = find_run(client, run)
        deletion = client.delete_run(found.id, dry_run=True)
        if not dry_run:
            if not yes:
                typer.confirm(f"Delete {found.name} ({found.id}): {_extent(deletion)}?", abort=True, err=True)
            deletion = client.delete_run(found.id)
    if as_json:
        print_json(deletion)
        return
    typer.echo(f"{found.name} ({found.id}) {'would be deleted' if dry_run else 'is deleted'}: {_extent(deletion)}")


@runs_app.command()
def export(
    run: RunArgument,
    policy: Annotated[str, typer.Option(help="Which policy: merged, base, or an expert.")] = "merged",
    step: Annotated[int | None, typer.Option(min=0, help="Which step; default: the last.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The zip to write; default: RUN-POLICY.zip")] = None,
    as_json: JsonOption = False,
) -> None:
    """Export a policy as a Hugging Face folder and download it as a zip."""
    with connect() as client:
        found = find_run(client, run)
        target = output or Path(f"{found.name.replace('/', '-')}-{policy}.zip")
        wanted = client.request_export(found.id, policy=policy, step=step)
        with console.status(f"Exporting {policy} …") if console.is_terminal and not as_json else nullcontext():
            ready = _wait_for_export(client, found.id, wanted)
        client.download_export(found.id, ready.id, target)
    if as_json:
        print_json({**ready.model_dump(), "file": str(target), "bytes": target.stat().st_size})
        return
    typer.echo(f"{target}  ({target.stat().st_size / 1e6:.1f} MB)")


def find_run(client: Client, reference: str) -> RunSummary:
    """The run with this id, this beginning of an id, or, the newest, this name. Raises ApiError when there is none or several."""
    return client.find_run(reference)


def _watch(client: Client, run_id: str, *, as_json: bool) -> None:
    run = watching.events(client, run_id, typer.echo) if as_json else watching.watch(client, run_id, console)
    raise typer.Exit(exits.of_run(run))


def _wait_for_export(client: Client, run_id: str, wanted: Export) -> Export:
    while True:
        current = next(export for export in client.exports(run_id) if export.id == wanted.id)
        if current.state == "ready":
            return current
        if current.state == "failed":
            raise ApiError(f"the export of {current.policy} failed; `copd show {run_id}` and the run's log say why")
        time.sleep(0.5)


def _extent(deletion: RunDeletion) -> str:
    rows = ", ".join(f"{count:,} {table}" for table, count in deletion.rows.items() if table in ("checkpoints", "points"))
    return f"{deletion.bytes / 1e6:,.1f} MB of files" + f", {rows}" * bool(rows)


def _read(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {file}: {error}") from None
