"""`copd doctor`: what is wrong with a set-up, and what to do."""

from __future__ import annotations

import typer
from rich.console import Console
from rich.text import Text

from client import doctor
from client.cli.exits import Exit
from client.cli.output import JsonOption, print_json
from client.cli.stack_commands import HomeOption
from client.models import Check
from client.stack.home import Home, default_home

doctor_app = typer.Typer()
console = Console(highlight=False, soft_wrap=True)
COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@doctor_app.command("doctor")
def doctor_command(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Look at this set-up and say what is wrong and what to do. Exit code 1 when something does not work."""
    place = Home(home.expanduser().absolute() if home else default_home())
    checks = list[Check]()
    for check in doctor.examine(place):
        checks.append(check)
        if not as_json:
            console.print(_line(check))
    if as_json:
        print_json(checks)
    raise typer.Exit(Exit.failed if any(check.state == "fail" for check in checks) else Exit.done)


def _line(check: Check) -> Text:
    return Text.assemble((f"{check.state:<5}", COLOURS[check.state]), (check.name, "bold"), f": {check.message}")
