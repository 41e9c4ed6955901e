"""`copd log`: what people did, the scheduler decided and workers said of a run, or of one attempt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from client.api import Client
from client.calls import LogLevel
from client.cli.output import JsonOption, print_json
from client.cli.run_commands import RunArgument, find_run
from client.local import connect
from client.models import OVER, LogEntry

log_app = typer.Typer()
console = Console(highlight=False)
PAGE = 1000
STYLES = {"warning": "yellow", "error": "red"}


@log_app.command()
def log(
    run: RunArgument,
    attempt: Annotated[int | None, typer.Option(min=1, help="Only what this attempt said, and what was said of it.")] = None,
    policy: Annotated[str | None, typer.Option(help="Only of this policy.")] = None,
    level: Annotated[LogLevel, typer.Option(help="Only of this level and above.")] = "info",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=PAGE, help="The newest so many lines.")] = 200,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Stay, and print new lines until the run is over.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Print a run's log, oldest line first; --json prints a list, with --follow an object per line."""
    with connect() as client:
        found = find_run(client, run)
        cursor = client.cursor(found.id)
        lines = client.log(found.id, attempt=attempt, policy=policy, level=level, limit=limit)
        if as_json and not follow:
            print_json(lines)
            return
        _print(lines, as_json=as_json)
        if follow:
            for more in _later(client, found.id, cursor, lines[-1].id if lines else 0, attempt, policy, level):
                _print(more, as_json=as_json)


def _later(
    client: Client, run_id: str, cursor: str, last: int, attempt: int | None, policy: str | None, level: LogLevel
) -> Iterator[list[LogEntry]]:
    """New lines as they come, until the run is over."""
    for event in client.events(run_id, cursor=cursor):
        if event.event not in ("ping", "changed", "reset"):
            continue
        is_over = client.run(run_id).state in OVER  # before the last look, so that it misses nothing
        while lines := client.log(run_id, attempt=attempt, policy=policy, level=level, after=last, limit=PAGE):
            yield lines
            last = lines[-1].id
        if is_over:
            return


def _print(lines: Sequence[LogEntry], *, as_json: bool) -> None:
    for line in lines:
        if as_json:
            typer.echo(line.model_dump_json())
            continue
        of = f"  #{line.attempt}" if line.attempt is not None else ""
        text = Text(f"{line.time.astimezone():%d %b %H:%M:%S}  {line.actor}{of}  ", style="dim")
        console.print(text.append(line.message, style=STYLES.get(line.level, "default")), soft_wrap=True)
