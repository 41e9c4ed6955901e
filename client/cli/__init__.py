"""The `copd` command. Output for people goes through rich, `--json` prints data, errors are one line on stderr."""

from __future__ import annotations

import sys

import typer

from client.api import ApiError
from client.cli.backup_commands import backup_app
from client.cli.checkpoint_commands import checkpoints_app
from client.cli.compare_command import compare_app
from client.cli.doctor_command import doctor_app
from client.cli.edit_argument import EditError
from client.cli.exits import Exit, InputError, of_error
from client.cli.log_command import log_app
from client.cli.people_commands import PasswordError, own_app, token_app, users_app
from client.cli.report_command import report_app
from client.cli.rollouts_command import rollouts_app
from client.cli.run_commands import runs_app
from client.cli.stack_commands import stack_app
from client.cli.steer_commands import steer_app
from client.cli.webhook_commands import webhooks_app
from client.local import NoStackError
from client.stack.backup import BackupError
from client.stack.family import StartError
from client.stack.home import HomeError
from client.stack.process import StopRequestedError
from client.stack.server import ServerCommandError
from client.stack.slots import GpusError

EXPECTED = (
    ApiError, BackupError, EditError, GpusError, HomeError, InputError, NoStackError, PasswordError, ServerCommandError, StartError,
)  # fmt: skip

app = typer.Typer(help="Train experts of one model together, and steer them while they learn.", no_args_is_help=True)
app.add_typer(stack_app)
app.add_typer(runs_app)
app.add_typer(compare_app)
app.add_typer(steer_app)
app.add_typer(log_app)
app.add_typer(rollouts_app)
app.add_typer(checkpoints_app, name="checkpoints")
app.add_typer(backup_app)
app.add_typer(report_app)
app.add_typer(doctor_app)
app.add_typer(own_app)
app.add_typer(users_app, name="users")
app.add_typer(token_app, name="token")
app.add_typer(webhooks_app, name="webhooks")


def main() -> None:
    """Exit codes are those of client/cli/exits.py; errors are one line on stderr."""
    try:
        app()
    except EXPECTED as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(_code(error))
    except StopRequestedError:
        sys.exit(Exit.interrupted)
    except BrokenPipeError:  # the reader of our output went away: `copd list | head`
        sys.stderr.close()
        sys.exit(Exit.failed)


def _code(error: Exception) -> Exit:
    match error:
        case ApiError():
            return of_error(error)
        case EditError() | GpusError() | InputError() | PasswordError():
            return Exit.wrong_input
        case NoStackError():
            return Exit.unreachable
        case _:
            return Exit.failed
