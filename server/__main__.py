"""`python -m server api | scheduler | migrate`: one process each, configured by COPD_… variables (server/settings.py)."""

from __future__ import annotations

import argparse

from server.settings import settings


def api() -> None:
    """Serves the API and the dashboard."""
    from server.api.serve import serve

    serve()


def scheduler() -> None:
    """Schedules and records. Of several, one leads; the others wait to take over."""
    from server.scheduler.service import serve

    serve(settings())


def migrate() -> None:
    """Brings the database to the newest revision."""
    from server.db.migrate import migrate as apply

    apply(settings().database_url)


def main() -> None:
    commands = {function.__name__: function for function in (api, scheduler, migrate)}
    parser = argparse.ArgumentParser(prog="python -m server", description=__doc__)
    subparsers = parser.add_subparsers(dest="command", required=True)
    for name, function in commands.items():
        subparsers.add_parser(name, help=function.__doc__)
    commands[parser.parse_args().command]()


if __name__ == "__main__":
    main()
