"""`copd webhooks …`: telling other systems what happens to runs."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from client.calls import WEBHOOK_EVENTS
from client.cli.output import JsonOption, print_json
from client.local import connect

webhooks_app = typer.Typer(help="Tell URLs when runs end, fail, or drift apart. For admins.", no_args_is_help=True)
console = Console(highlight=False)

NumberArgument = Annotated[int, typer.Argument(metavar="ID", min=1, help="As `copd webhooks list` shows it.")]


@webhooks_app.command("add")
def add_webhook(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where messages are posted: https.")],
    event: Annotated[list[str] | None, typer.Option(help="One of what to tell; default: everything.")] = None,
    overlap_floor: Annotated[float, typer.Option(min=0, max=1, help="run.overlap_low is told when an overlap goes below it.")] = 0.9,
    as_json: JsonOption = False,
) -> None:
    """Add a webhook, and print its secret, this once."""
    with connect() as client:
        made = client.add_webhook(url, event or WEBHOOK_EVENTS, overlap_floor=overlap_floor)
    if as_json:
        print_json(made)
    else:
        typer.echo(f"webhook {made.id}; its secret, shown this once: {made.secret}")


@webhooks_app.command("list")
def list_webhooks(as_json: JsonOption = False) -> None:
    """List all webhooks."""
    with connect() as client:
        webhooks = client.webhooks()
    if as_json:
        print_json(webhooks)
        return
    table = Table("id", "url", "events", "floor", "by", box=None, pad_edge=False)
    for webhook in webhooks:
        table.add_row(str(webhook.id), webhook.url, ", ".join(webhook.events), f"{webhook.overlap_floor:g}", webhook.created_by)
    console.print(table)


@webhooks_app.command("remove")
def remove_webhook(number: NumberArgument, as_json: JsonOption = False) -> None:
    """Remove a webhook, with what it has not delivered."""
    with connect() as client:
        client.remove_webhook(number)
    if as_json:
        print_json({"id": number, "removed": True})
    else:
        typer.echo(f"webhook {number} is removed")


@webhooks_app.command("test")
def send_test(number: NumberArgument, as_json: JsonOption = False) -> None:
    """Send a message of type `test`."""
    with connect() as client:
        sent = client.send_test(number)
    if as_json:
        print_json(sent)
    else:
        typer.echo(f"{sent.id} is on its way; `copd webhooks deliveries {number}` tells what comes of it")


@webhooks_app.command("deliveries")
def list_deliveries(
    number: NumberArgument,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, the newest first.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """List a webhook's messages and what became of them."""
    with connect() as client:
        deliveries = client.webhook_deliveries(number, limit=limit)
    if as_json:
        print_json(deliveries)
        return
    message = Column("message", min_width=28)  # whole: `copd webhooks again` asks for it
    table = Table(message, "event", "run", "state", "tries", "why", box=None, pad_edge=False)
    for each in deliveries:
        table.add_row(each.id, each.event, each.run or "", each.state, str(each.tries), each.error or "")
    console.print(table)


@webhooks_app.command("again")
def redeliver(
    number: NumberArgument,
    message: Annotated[str, typer.Argument(metavar="MESSAGE", help="As `copd webhooks deliveries` shows it.")],
    as_json: JsonOption = False,
) -> None:
    """Send a message once more, under the same id."""
    with connect() as client:
        sent = client.redeliver(number, message)
    if as_json:
        print_json(sent)
    else:
        typer.echo(f"{sent.id} is on its way again")
