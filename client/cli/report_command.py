"""`copd report`: a run as one HTML file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from client import report
from client.cli.exits import InputError
from client.cli.output import JsonOption, print_json
from client.cli.run_commands import RunArgument, find_run
from client.local import connect

report_app = typer.Typer()


@report_app.command("report")
def report_command(
    run: RunArgument,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The file to write; default: RUN-report.html")] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a run as one HTML file: result, figures, edits, budget, spec. It needs no network to be read."""
    with connect() as client:
        found = find_run(client, run)
        target = output or Path(f"{re.sub(r'[^A-Za-z0-9._-]+', '-', found.name).strip('-.') or found.id}-report.html")
        text = report.build(report.read(client, found.id))
    try:
        size = target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror}") from None
    if as_json:
        print_json({"run": found.id, "file": str(target), "bytes": size})
    else:
        typer.echo(f"{target}  ({size / 1e6:.1f} MB)")
