"""The `copd` command. Output for people goes through rich, `--json` prints data, errors are one line on stderr."""

from __future__ import annotations

import sys

import typer

from client.api import ApiError
from client.cli.edit_argument import EditError
from client.cli.people_commands import PasswordError, token_app, users_app
from client.cli.run_commands import runs_app
from client.cli.stack_commands import stack_app
from client.local import NoStackError
from client.stack.family import StartError
from client.stack.home import HomeError
from client.stack.process import StopRequestedError
from client.stack.server import ServerCommandError

EXPECTED = (ApiError, EditError, HomeError, NoStackError, PasswordError, ServerCommandError, StartError)

app = typer.Typer(help="Train experts of one model together, and steer them while they learn.", no_args_is_help=True, add_completion=False)
app.add_typer(stack_app)
app.add_typer(runs_app)
app.add_typer(users_app, name="users")
app.add_typer(token_app, name="token")


def main() -> None:
    """Exit codes: 0 done, 1 refused or failed (said in one line), 2 wrong usage, 130 interrupted."""
    try:
        app()
    except EXPECTED as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(1)
    except StopRequestedError:
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output went away: `copd list | head`
        sys.stderr.close()
        sys.exit(1)
