"""`copd pause | resume | cancel | retry | set | fork | rollback | clone`: steering runs, through the REST API."""

from __future__ import annotations

from typing import Annotated

import typer

from client.api import Client
from client.calls import Command
from client.cli import preview
from client.cli.edit_argument import parse_edits
from client.cli.exits import Exit
from client.cli.output import JsonOption, print_json
from client.cli.run_commands import RunArgument, complete_run, find_run
from client.local import connect
from client.models import Run

steer_app = typer.Typer()
RunArguments = Annotated[
    list[str],
    typer.Argument(metavar="RUN…", help="One or more: id, the beginning of an id, or a name.", autocompletion=complete_run),
]
Policies = Annotated[list[str] | None, typer.Option("--policy", help="Only this policy of the run; may be given several times.")]
Edits = Annotated[list[str] | None, typer.Argument(metavar="[PATH=VALUE…]", help="As in optimizer.lr=1e-5")]
Reseed = Annotated[bool, typer.Option("--reseed", help="Train on with other prompts and samples: the next seed.")]


@steer_app.command()
def pause(runs: RunArguments, policy: Policies = None, as_json: JsonOption = False) -> None:
    """Pause runs at their next optimizer step, or one policy of a run while the others go on."""
    _command(runs, "pause", policy or [], as_json=as_json)


@steer_app.command()
def resume(runs: RunArguments, policy: Policies = None, as_json: JsonOption = False) -> None:
    """Resume paused runs, or one policy of a run."""
    _command(runs, "resume", policy or [], as_json=as_json)


@steer_app.command()
def cancel(runs: RunArguments, as_json: JsonOption = False) -> None:
    """Cancel runs for good; what they produced stays."""
    _command(runs, "cancel", [], as_json=as_json)


@steer_app.command()
def fork(
    run: RunArgument,
    edits: Edits = None,
    keep_rounds: Annotated[int | None, typer.Option(min=0, help="Rounds it has of this one; default: all that have ended.")] = None,
    reseed: Reseed = False,
    name: Annotated[str | None, typer.Option(help="Of the new run.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a new run that trains on from a round's end of another, with edits or without."""
    with connect() as client:
        made = client.fork(find_run(client, run).id, parse_edits(edits or []), keep_rounds=keep_rounds, reseed=reseed, name=name)
        _say_made(made, client.url, as_json=as_json)


@steer_app.command()
def rollback(
    run: RunArgument,
    keep_rounds: Annotated[int, typer.Argument(min=0, metavar="KEEP_ROUNDS", help="How many rounds to keep.")],
    edits: Edits = None,
    reseed: Reseed = False,
    as_json: JsonOption = False,
) -> None:
    """End a run, and train on from an earlier round's end in a new one of its name; the old one keeps all it has."""
    with connect() as client:
        made = client.roll_back(find_run(client, run).id, keep_rounds, parse_edits(edits or []), reseed=reseed)
        _say_made(made, client.url, as_json=as_json)


@steer_app.command()
def clone(
    run: RunArgument,
    changes: Annotated[list[str] | None, typer.Argument(metavar="[PATH=VALUE…]", help="Any field of the spec: rlvr.group=4")] = None,
    name: Annotated[str | None, typer.Option(help="Of the new run.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Submit a run's spec again from the start, with other values in some fields."""
    with connect() as client:
        made = client.clone(find_run(client, run).id, parse_edits(changes or []), name=name)
        _say_made(made, client.url, as_json=as_json)


@steer_app.command()
def retry(
    run: RunArgument,
    edits: Edits = None,
    reseed: Reseed = False,
    as_json: JsonOption = False,
) -> None:
    """Go on with a failed run from its last good checkpoints, with edits or without."""
    with connect() as client:
        again = client.retry(find_run(client, run).id, parse_edits(edits or []), reseed=reseed)
    if as_json:
        print_json(again)
        return
    typer.echo(f"{again.name}: {again.state}")
    if again.notice:
        typer.echo(f"Warning: {again.notice}", err=True)


@steer_app.command("set")
def set_controls(
    run: RunArgument,
    edits: Annotated[list[str], typer.Argument(metavar="PATH=VALUE…", help="As in w.image.text=0.3")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check, and show what would change, but change nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Change weights and other controls of a run while it trains."""
    changes = parse_edits(edits)
    with connect() as client:
        run_id = find_run(client, run).id
        if dry_run:
            previewed = client.preview_edit(run_id, changes)
            if as_json:
                print_json(previewed)
            else:
                typer.echo("\n".join(preview.lines(previewed)))
            return
        changed = client.edit(run_id, changes)
    newest = {edit.path: edit for edit in changed.edits}
    if as_json:
        print_json([newest[path] for path in changes])
        return
    for edit in (newest[path] for path in changes):
        typer.echo(f"{edit.path}: {edit.old} → {edit.value} requested; {edit.expected or 'waits for the run'}")


def _say_made(run: Run, url: str, *, as_json: bool) -> None:
    if as_json:
        print_json(run)
    else:
        typer.echo(f"{run.id}  {run.name}  {run.state}  {url}/runs/{run.id}")


def _command(references: list[str], command: Command, policies: list[str], *, as_json: bool) -> None:
    with connect() as client:
        ids = [find_run(client, reference).id for reference in references]
        if len(ids) > 1 and not policies:
            results = client.command_runs(command, ids)
            if as_json:
                print_json(results)
            else:
                typer.echo("\n".join(f"{each.run}: {each.state or each.error}" for each in results))
            if any(each.error for each in results):
                raise typer.Exit(Exit.refused)
            return
        carried = [_one(client, run_id, command, policies) for run_id in ids]
    if as_json:
        print_json(carried[0] if len(carried) == 1 else carried)
        return
    for run in carried:
        typer.echo(f"{run.name}: {run.state}{_without(run)}" + (f" ({run.waiting_for})" if run.waiting_for else ""))


def _one(client: Client, run_id: str, command: Command, policies: list[str]) -> Run:
    match command:
        case "pause":
            return client.pause(run_id, *policies)
        case "resume":
            return client.resume(run_id, *policies)
        case "cancel":
            return client.command(run_id, "cancel")


def _without(run: Run) -> str:
    return f", without {' and '.join(run.paused_policies)}" if run.paused_policies else ""
