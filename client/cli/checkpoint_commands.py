"""`copd checkpoints list | pin | unpin | sweep`: what the store keeps of a run."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from client.cli.exits import InputError
from client.cli.output import JsonOption, print_json
from client.cli.run_commands import RunArgument, find_run
from client.local import connect
from client.models import Sweep

checkpoints_app = typer.Typer(help="List, pin and sweep the checkpoints of a run.", no_args_is_help=True)
console = Console(highlight=False)

RefArgument = Annotated[str, typer.Argument(metavar="POLICY@STEP", help="As in text@36")]


@checkpoints_app.command("list")
def list_checkpoints(run: RunArgument, as_json: JsonOption = False) -> None:
    """List what the store holds of a run."""
    with connect() as client:
        found = client.checkpoints(find_run(client, run).id)
    if as_json:
        print_json(found)
        return
    table = Table("checkpoint", "size", "pinned by", "digest", box=None, pad_edge=False)
    for each in found:
        table.add_row(f"{each.policy}@{each.step}", size(each.bytes), each.pinned_by or "", each.digest[:12])
    console.print(table if found else "The store holds no checkpoint of this run.")


@checkpoints_app.command()
def pin(run: RunArgument, checkpoint: RefArgument, as_json: JsonOption = False) -> None:
    """Keep a checkpoint, whatever the run's policy says."""
    _pin(run, checkpoint, pinned=True, as_json=as_json)


@checkpoints_app.command()
def unpin(run: RunArgument, checkpoint: RefArgument, as_json: JsonOption = False) -> None:
    """Let go of a pinned checkpoint."""
    _pin(run, checkpoint, pinned=False, as_json=as_json)


@checkpoints_app.command()
def sweep(
    run: RunArgument,
    last: Annotated[int | None, typer.Option(min=1, help="Keep the newest so many of each policy.")] = None,
    round_ends: Annotated[bool | None, typer.Option("--round-ends/--no-round-ends", help="Keep the end of each round.")] = None,
    best: Annotated[bool | None, typer.Option("--best/--no-best", help="Keep each policy's most accurate one.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go, but remove nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove the checkpoints that nothing keeps. Without options, by the policy of the run's spec."""
    with connect() as client:
        swept = client.sweep(find_run(client, run).id, last=last, round_ends=round_ends, best=best, dry_run=dry_run)
    if as_json:
        print_json(swept)
    else:
        _show(swept)


def size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"


def _pin(reference: str, checkpoint: str, *, pinned: bool, as_json: bool) -> None:
    policy, _, step = checkpoint.rpartition("@")
    if not (policy and step.isdecimal()):
        raise InputError(f"'{checkpoint}' names no checkpoint; write POLICY@STEP, as in text@36")
    with connect() as client:
        found = client.pin(find_run(client, reference).id, policy, int(step), pinned=pinned)
    if as_json:
        print_json(found)
        return
    typer.echo(f"{checkpoint}: pinned by {found.pinned_by}" if found.pinned_by else f"{checkpoint}: not pinned")


def _show(swept: Sweep) -> None:
    table = Table("checkpoint", "size", "", box=None, pad_edge=False)
    for each in swept.removed:
        table.add_row(f"{each.policy}@{each.step}", size(each.bytes), "would go" if swept.dry_run else "goes")
    for each in swept.kept:
        table.add_row(f"{each.policy}@{each.step}", size(each.bytes), f"stays: {', '.join(each.reasons)}")
    console.print(table)
    verb = "would go" if swept.dry_run else "go"
    console.print(f"{len(swept.removed)} {verb}, {size(swept.removed_bytes)}; {len(swept.kept)} stay, {size(swept.kept_bytes)}.")
