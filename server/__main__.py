"""`python -m server api | scheduler`: the server's processes; `migrate | login-code | token | link-user | can-sign-in | doctor |
openapi` do one thing and end.

Configured by COPD_… variables (server/settings.py).
"""

from __future__ import annotations

import argparse
import json
import sys

from server.settings import settings


def api() -> None:
    """Serves the API and the dashboard."""
    from server.api.serve import serve

    serve()


def scheduler() -> None:
    """Schedules and records. Of several, one leads; the others wait to take over."""
    from server.scheduler.service import serve
    from server.tracing import TracingError
    from worker.exporter import ExportError

    try:
        serve(settings())
    except (ExportError, TracingError) as error:
        sys.exit(str(error))


def migrate() -> None:
    """Brings the database to the newest revision."""
    from server.db.migrate import migrate as apply

    apply(settings().database_url)


def login_code(user: str | None) -> None:
    """Prints a new one-use code for the login link."""
    from server import auth

    print(auth.issue_now(settings(), "code", user, auth.CODE_LIFETIME))


def token(name: str, user: str | None) -> None:
    """Prints a new API token. It is shown this once."""
    from server import auth

    print(auth.issue_now(settings(), "token", user, None, name=name))


def link_user(user: str, subject: str) -> None:
    """Lets a user sign in by single sign-on, as the person whom the provider knows by this subject."""
    from server.commands.errors import NotFound, Refused
    from server.commands.single_sign_on import link_user as link

    try:
        link(settings(), user, subject)
    except (NotFound, Refused) as error:
        sys.exit(str(error))


def can_sign_in() -> None:
    """Ends with 0 when a user has a password or there is single sign-on, else with 1."""
    from server.commands.people import can_anyone_sign_in

    sys.exit(0 if settings().oidc_issuer or can_anyone_sign_in(settings().database_url) else 1)


def doctor() -> None:
    """Prints what is right and wrong with the set-up as JSON: a list of `name`, `state` (ok, warn, fail) and `message`."""
    from server.checks import examine

    print(json.dumps([check.model_dump() for check in examine(settings())]))


def openapi() -> None:
    """Prints the API's OpenAPI document. Needs no configuration."""
    from server.app import openapi_document

    print(json.dumps(openapi_document(), indent=2, ensure_ascii=False))


def main() -> None:
    processes, others = (api, scheduler), (migrate, login_code, token, link_user, can_sign_in, doctor, openapi)
    commands = {function.__name__.replace("_", "-"): function for function in (*processes, *others)}
    parser = argparse.ArgumentParser(prog="python -m server", description=__doc__)
    subparsers = parser.add_subparsers(dest="command", required=True)
    for name, function in commands.items():
        subparsers.add_parser(name, help=function.__doc__)
    for name in ("login-code", "token"):
        subparsers.choices[name].add_argument("--user", help="whose it is; default: the oldest admin, made if there are no users")
    subparsers.choices["token"].add_argument("--name", required=True, help="what will use it")
    subparsers.choices["link-user"].add_argument("--user", required=True, help="who there is here")
    subparsers.choices["link-user"].add_argument("--subject", required=True, help="the person at the provider, as the refusal names it")
    arguments = vars(parser.parse_args())
    commands[arguments.pop("command")](**arguments)


if __name__ == "__main__":
    main()
