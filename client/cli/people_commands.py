"""`copd users …` and `copd token …`: who may come in, through the REST API."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Annotated, Any

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from client.calls import Role
from client.cli.output import JsonOption, print_json
from client.local import connect

users_app = typer.Typer(help="Add, list, disable users; set their roles and passwords. For admins.", no_args_is_help=True)
own_app = typer.Typer()
token_app = typer.Typer(help="Create, list and revoke API tokens for scripts.", no_args_is_help=True)
console = Console(highlight=False)

NameArgument = Annotated[str, typer.Argument(metavar="NAME")]
RoleOption = Annotated[Role, typer.Option(help="viewer: reads; operator: also submits and steers runs; admin: also users.")]
StdinOption = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input, one line.")]


class PasswordError(Exception):
    """No password was given."""


@users_app.command("add")
def add_user(
    name: NameArgument,
    role: RoleOption = "operator",
    link_only: Annotated[bool, typer.Option("--no-password", help="No password: tokens and links only.")] = False,
    from_stdin: StdinOption = False,
    as_json: JsonOption = False,
) -> None:
    """Add a user. Asks for a password."""
    password = None if link_only else _new_password(from_stdin)
    with connect() as client:
        _tell(client.add_user(name, role, password), f"{name} is {role}", as_json=as_json)


@users_app.command("list")
def list_users(as_json: JsonOption = False) -> None:
    """List all users."""
    with connect() as client:
        users = client.users()
    if as_json:
        print_json(users)
        return
    table = Table("name", "role", "password", "state", "since", box=None, pad_edge=False)
    for user in users:
        table.add_row(user.name, user.role, "yes" if user.has_password else "", "disabled" if user.disabled else "", _day(user.created_at))
    console.print(table)


@users_app.command("disable")
def disable_user(name: NameArgument, as_json: JsonOption = False) -> None:
    """Disable a user: every session and token ends, open pages within seconds."""
    with connect() as client:
        changed = client.change_user(name, disabled=True)
    _tell(changed, f"{name} is disabled; all sessions and tokens are revoked", as_json=as_json)


@users_app.command("enable")
def enable_user(name: NameArgument, as_json: JsonOption = False) -> None:
    """Let a disabled user sign in again; revoked tokens stay revoked."""
    with connect() as client:
        _tell(client.change_user(name, disabled=False), f"{name} can sign in again", as_json=as_json)


@users_app.command("role")
def change_role(
    name: NameArgument, role: Annotated[Role, typer.Argument(help="viewer, operator or admin")], as_json: JsonOption = False
) -> None:
    """Change a user's role, also for the tokens and sessions there are."""
    with connect() as client:
        _tell(client.change_user(name, role=role), f"{name} is {role}", as_json=as_json)


@users_app.command("password")
def change_password(name: NameArgument, from_stdin: StdinOption = False, as_json: JsonOption = False) -> None:
    """Set a user's password; the user's browser sessions end, tokens stay."""
    password = _new_password(from_stdin)
    with connect() as client:
        _tell(client.change_user(name, password=password), f"{name} has a new password", as_json=as_json)


@own_app.command("password")
def change_own_password(
    from_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the present and the new one from standard input.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Change your own password; your other browser sessions end."""
    current = _typed("Password now", from_stdin)
    new = _new_password(from_stdin)
    with connect() as client:
        client.change_password(current, new)
    _tell({"changed": True}, "the password is changed; other sessions have ended", as_json=as_json)


@token_app.command("create")
def create_token(
    name: Annotated[str, typer.Option(help="What the token is for.")] = "command line",
    role: Annotated[Role | None, typer.Option(help="The most it may do; default: what you may.")] = None,
    days: Annotated[int | None, typer.Option(min=1, max=3650, help="Days until it expires; default: never.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Print a new API token of yours, this once (use as COPD_TOKEN, or `Authorization: Bearer`)."""
    with connect() as client:
        made = client.create_token(name, role=role, days=days)
    _tell(made, made.value or "", as_json=as_json)


@token_app.command("list")
def list_tokens(as_json: JsonOption = False) -> None:
    """List your tokens; as an admin, everybody's."""
    with connect() as client:
        tokens = client.tokens()
    if as_json:
        print_json(tokens)
        return
    table = Table("id", "name", "user", "role", "created", "expires", "last used", box=None, pad_edge=False)
    for token in tokens:
        when = (_day(token.created_at), _day(token.expires_at) or "never", _day(token.used_at) or "never")
        table.add_row(str(token.id), token.name, token.user, token.role, *when)
    console.print(table)


@token_app.command("revoke")
def revoke_token(
    number: Annotated[int, typer.Argument(metavar="ID", min=1, help="As `copd token list` shows it.")], as_json: JsonOption = False
) -> None:
    """Revoke a token; streams opened with it end within seconds."""
    with connect() as client:
        client.revoke_token(number)
    _tell({"id": number, "revoked": True}, f"token {number} is revoked", as_json=as_json)


def _tell(result: BaseModel | dict[str, Any], words: str, *, as_json: bool) -> None:
    if as_json:
        print_json(result)
    else:
        typer.echo(words)


def _new_password(from_stdin: bool) -> str:
    return _typed("New password (at least 10 characters)", from_stdin, twice=True)


def _typed(words: str, from_stdin: bool, *, twice: bool = False) -> str:
    """A password, asked for in a terminal. Raises PasswordError when there is no terminal to ask in."""
    if from_stdin:
        if password := sys.stdin.readline().rstrip("\r\n"):
            return password
        raise PasswordError("standard input holds no password")
    if not sys.stdin.isatty():
        raise PasswordError("there is no terminal to ask for the password in; use --password-stdin")
    return typer.prompt(words, hide_input=True, confirmation_prompt=twice)


def _day(time: datetime | None) -> str:
    return f"{time.astimezone():%d %b %Y %H:%M}" if time else ""
