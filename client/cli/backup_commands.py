"""`copd backup | restore`: the home of this machine's stack in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from client.cli.output import JsonOption, print_json
from client.cli.stack_commands import HomeOption
from client.stack.backup import back_up
from client.stack.backup import restore as restore_home
from client.stack.home import Home, default_home

backup_app = typer.Typer()
console = Console(highlight=False, soft_wrap=True)


@backup_app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The file to write, such as copd.tar.")], home: HomeOption = None, as_json: JsonOption = False
) -> None:
    """Save database, checkpoints and keys in one file; the stack may go on running."""
    size = back_up(_home(home), file, _silent if as_json else _say)
    if as_json:
        print_json({"file": str(file), "bytes": size})
        return
    _say(f"{file}: {size / 1e6:,.1f} MB. `copd restore {file} --home NEW` makes a home of it.")


@backup_app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file that `copd backup` wrote.")], home: HomeOption = None, as_json: JsonOption = False
) -> None:
    """Make an empty home what it was at the backup; then start it with `copd up`."""
    place = _home(home)
    restore_home(file, place, _silent if as_json else _say)
    if as_json:
        print_json({"home": str(place.root)})
        return
    _say(f"Restored into {place.root}. Start it: copd up --home {place.root}")


def _home(given: Path | None) -> Home:
    return Home(given.expanduser().absolute() if given else default_home())


def _say(line: str) -> None:
    console.print(line, markup=False)


def _silent(line: str) -> None:
    """What a script does not want to read."""
