"""`copd up | demo | workers | open`: starting the local stack and getting into it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from client import demo
from client.api import ApiError, Client
from client.cli.output import JsonOption, print_json
from client.local import read_token, running_stack
from client.stack import server
from client.stack.exposure import Exposure
from client.stack.family import AlreadyRunningError
from client.stack.home import Home, StackInfo, default_home, write_private
from client.stack.ports import ssh_forward
from client.stack.supervisor import Options, run_stack, run_workers

stack_app = typer.Typer()
console = Console(highlight=False, soft_wrap=True)

HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Folder that holds everything; default: $COPD_HOME, else the user's data folder.")
]
HostOption = Annotated[str, typer.Option(envvar="COPD_HOST", help="Address the page is served on.")]
PortOption = Annotated[int | None, typer.Option(min=1, max=65535, help="Port of the page; a taken one moves to the next free one.")]
WorkersOption = Annotated[int | None, typer.Option(min=0, max=256, help="Number of workers; default: one per GPU, else one per core.")]
ThreadsOption = Annotated[int, typer.Option(min=1, max=256, envvar="COPD_WORKER_THREADS", help="CPU threads of each worker.")]


@stack_app.command()
def up(
    home: HomeOption = None,
    host: HostOption = "127.0.0.1",
    port: PortOption = None,
    workers: WorkersOption = None,
    threads: ThreadsOption = 1,
    certificate: Annotated[Path | None, typer.Option(help="PEM file of the TLS certificate, with its chain.")] = None,
    key: Annotated[Path | None, typer.Option(help="PEM file of its key.")] = None,
    behind_proxy: Annotated[
        list[str] | None, typer.Option(metavar="ADDRESS", help="A proxy with TLS in front has this address; may be given more than once.")
    ] = None,
    name: Annotated[str, typer.Option(help="Host name by which people reach the page, when not on this machine.")] = "",
) -> None:
    """Start the stack on this machine and stay with it; Ctrl-C stops all of it. --host beyond this machine: see docs/security.md."""
    place = _home(home)
    exposure = Exposure(certificate, key, tuple(behind_proxy or ()), name)

    def show_link(stack: StackInfo, token: str) -> None:
        del token
        _print_link(stack, _login_link(place, stack), "Open")

    try:
        _run(place, Options(host, port, workers, threads, exposure), show_link)
    except AlreadyRunningError:
        stack = running_stack(place)
        _say(f"A stack is already running in {place.root}, at {stack.url} (process {stack.pid}). `copd open` prints a login link.")
        raise typer.Exit(1) from None


@stack_app.command("demo")
def demo_command(
    home: HomeOption = None,
    port: PortOption = None,
    workers: WorkersOption = None,
    again: Annotated[bool, typer.Option("--again", help="Submit the example runs anew even if this home has them.")] = False,
) -> None:
    """Start the stack, submit the example runs once, and print one link to watch them."""
    place = _home(home)

    def submit_and_link(stack: StackInfo, token: str) -> None:
        with Client(stack.url, token, certificate=stack.certificate) as client:
            shown = demo.submit_examples(client, again=again, say=_say)
        _print_link(stack, _login_link(place, stack, page=f"/runs/{shown.id}"), "Watch it live")

    try:
        _run(place, Options(port=port, workers=workers), submit_and_link)
    except AlreadyRunningError:
        stack = running_stack(place)
        _say(f"A stack is already running in {place.root}")
        submit_and_link(stack, read_token(place))


@stack_app.command("worker", hidden=True)
@stack_app.command("workers")
def workers_command(
    home: HomeOption = None,
    workers: WorkersOption = None,
    threads: ThreadsOption = 1,
    gpus: Annotated[str | None, typer.Option(metavar="all|IDS", help="GPUs to use, one worker each: all, or ids such as 0,2.")] = None,
) -> None:
    """Run this machine's workers for a stack elsewhere, which COPD_REDIS_URL and COPD_STORE_URL name; Ctrl-C stops them."""
    place = _home(home)
    try:
        run_workers(place, workers, threads, gpus, _say)
    except AlreadyRunningError:
        _say(f"A stack or workers already run in {place.root}")
        raise typer.Exit(1) from None


@stack_app.command("open")
def open_command(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Print a new login link; each works once."""
    place = _home(home)
    stack = running_stack(place)
    if as_json:
        print_json({"url": stack.url, "login": _login_link(place, stack)})
        return
    _print_link(stack, _login_link(place, stack), "Open")


def _home(given: Path | None) -> Home:
    return Home(given.expanduser().absolute() if given else default_home())


def _run(home: Home, options: Options, on_ready: Callable[[StackInfo, str], None]) -> None:
    _say(f"Home: {home.root}")

    def with_token(stack: StackInfo) -> None:
        on_ready(stack, _ensure_token(home, stack))
        _say(f"Logs: {home.logs}   Stop: Ctrl-C")

    run_stack(home, options, _say, with_token)


def _ensure_token(home: Home, stack: StackInfo) -> str:
    """The token of the `copd` command; a new one when there is none or the database does not know it."""
    if home.token_file.exists():
        known = home.token_file.read_text().strip()
        try:
            with Client(stack.url, known, certificate=stack.certificate) as client:
                client.runs(limit=1)
        except ApiError as error:
            if error.status != 401:
                raise
        else:
            return known
    created = server.new_token("copd command", home.environment(stack))
    write_private(home.token_file, created + "\n")
    return created


def _login_link(home: Home, stack: StackInfo, page: str = "/") -> str:
    return f"{stack.public_url or stack.url}{page}#code={server.login_code(home.environment(stack))}"


def _print_link(stack: StackInfo, link: str, words: str) -> None:
    if not stack.public_url and (forward := ssh_forward(stack.url)):
        _say(f"On your own machine first: {forward}")
    if console.is_terminal:
        console.print(f"\n  {words}: [bold link={link}]{link}[/]\n")
    else:
        _say(f"{words}: {link}")


def _say(line: str) -> None:
    console.print(line, markup=False)
