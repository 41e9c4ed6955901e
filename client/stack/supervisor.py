"""The whole stack of one home: PostgreSQL and Valkey first, then the server's processes and the workers. Or workers alone."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import httpx

from client.api import trust
from client.stack.exposure import NOBODY_CAN_SIGN_IN, ON_THIS_MACHINE, Exposure
from client.stack.family import Family, Say, StartError, family
from client.stack.home import Home, HomeError, StackInfo
from client.stack.ports import choose_port, page_url
from client.stack.postgres import Postgres
from client.stack.process import how_it_ended, pause
from client.stack.server import can_sign_in, server_command, worker_command
from client.stack.slots import chosen_gpus, slots
from client.stack.valkey import Valkey


@dataclass(frozen=True)
class Options:
    host: str = "127.0.0.1"
    port: int | None = None
    """None: $COPD_PORT, else the port of the last time, else the default."""
    workers: int | None = None
    """None: one per GPU, else one per core."""
    threads: int = 1
    exposure: Exposure = ON_THIS_MACHINE


def run_stack(home: Home, options: Options, say: Say, on_ready: Callable[[StackInfo], None]) -> None:
    """Starts everything, calls `on_ready` once the API answers, and keeps it running until a stop signal.

    Raises HomeError, AlreadyRunningError or StartError; whatever was started by then is stopped.
    """
    options.exposure.check(options.host)
    with family(home, say) as children:
        info = _start(home, options, say, children)
        children.on_change = lambda: home.write_stack(replace(info, processes=children.pids()))
        children.on_change()
        on_ready(info)
        children.watch()


def run_workers(home: Home, count: int | None, threads: int, gpus: str | None, say: Say) -> None:
    """Workers of this machine for a stack elsewhere, named by COPD_REDIS_URL and COPD_STORE_URL, until a stop signal. Raises GpusError."""
    missing = [name for name in ("COPD_REDIS_URL", "COPD_STORE_URL") if not os.environ.get(name)]
    if missing:
        raise HomeError(f"set {' and '.join(missing)}: where the workers get their work and keep their checkpoints")
    chosen = slots(count, threads, None if gpus is None else chosen_gpus(gpus))
    with family(home, say) as children:
        # COPD_WORKER_NAME stays unset: among several machines, workers name themselves after their hosts
        children.launch([worker_command(slot, {"COPD_HOME": str(home.root)}) for slot in chosen])
        say(f"{len(chosen)} workers started; they register by themselves. Logs: {home.logs}")
        children.watch()


def _start(home: Home, options: Options, say: Say, children: Family) -> StackInfo:
    port = choose_port(options.host, options.port, home.read_stack())
    database_url, redis_url = _start_storage(home, say, children)
    store_url = os.environ.get("COPD_STORE_URL") or home.store.as_uri()
    url, exposure = page_url(options.host, port, options.exposure.scheme), options.exposure
    certificate = str(exposure.certificate.absolute()) if exposure.certificate else None
    info = StackInfo(url, port, os.getpid(), database_url, redis_url, store_url, exposure.public_url(port), certificate)
    environment = home.environment(info) | exposure.environment(options.host) | exposure.reach(options.host, home)
    _migrate(children, environment, say)
    if exposure.is_beyond_this_machine(options.host) and not can_sign_in(environment):
        raise HomeError(NOBODY_CAN_SIGN_IN)
    server = children.launch([server_command("api", environment), server_command("scheduler", environment)])
    chosen = slots(options.workers, options.threads)
    children.launch([worker_command(slot, {**environment, "COPD_WORKER_NAME": slot.name}) for slot in chosen])
    children.until("API and scheduler", lambda: _answers(info), server)
    return info


def _start_storage(home: Home, say: Say, children: Family) -> tuple[str, str]:
    """Starts PostgreSQL and Valkey unless the environment names others. Returns their URLs."""
    database_url, redis_url = os.environ.get("COPD_DATABASE_URL"), os.environ.get("COPD_REDIS_URL")
    postgres = None if database_url else Postgres(home)
    valkey = None if redis_url else Valkey(home)
    if postgres and not postgres.is_initialised:
        say("Creating the database folder …")
    if postgres:
        postgres.initialise()
    store = {storage: children.launch([storage.command()]) for storage in (postgres, valkey) if storage}
    if valkey:
        children.until("Valkey", valkey.is_ready, store[valkey])
    if postgres:
        children.until("PostgreSQL", postgres.is_ready, store[postgres])
        postgres.create_database()
    return database_url or (postgres.url if postgres else ""), redis_url or (valkey.url if valkey else "")


def _migrate(children: Family, environment: dict[str, str], say: Say) -> None:
    migrate = children.child(server_command("migrate", environment))
    began = time.monotonic()
    migrate.start()
    while (code := migrate.exit_code()) is None:
        pause(0.02)
    if code:
        raise StartError(f"the database could not be migrated ({how_it_ended(code)}):\n{migrate.last_lines()}")
    say(f"Database is at the newest version ({time.monotonic() - began:.1f} s)")


def _answers(info: StackInfo) -> bool:
    try:
        return httpx.get(f"{info.url}/readyz", timeout=2, trust_env=False, verify=trust(info.certificate)).is_success
    except httpx.TransportError:
        return False
