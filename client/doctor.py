"""What can be wrong with a set-up, seen from this machine. What only the server can see, its own doctor is asked for."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator

from pydantic import TypeAdapter

from client.api import Client
from client.errors import ApiError
from client.local import NoStackError, address, running_stack
from client.models import Check
from client.stack.home import Home, StackInfo
from client.stack.server import ServerCommandError
from client.stack.server import doctor as server_doctor
from client.stack.slots import visible_gpus

OLDEST_PYTHON = (3, 11)
LEAST_BYTES, FEW_BYTES = 1 << 30, 10 << 30
"""Free disk below which nothing works for long, and below which a long run may not fit."""
TORCH_SECONDS = 120
SEES_GPUS = "import torch; print(torch.cuda.device_count())"
CHECKS = TypeAdapter(list[Check])


def examine(home: Home) -> Iterator[Check]:
    """All checks, the quick and basic ones first. Of a stack elsewhere (COPD_URL), only what its API tells."""
    yield python_version()
    yield from torch_and_gpus()
    if not os.environ.get("COPD_URL"):
        yield home_folder(home)
        yield free_space(home)
    try:
        url, token, certificate = address(home)
    except NoStackError as error:
        yield _check("stack", "fail", str(error))
        return
    with Client(url, token, retries=1, certificate=certificate) as client:
        yield from access(client)
    if not os.environ.get("COPD_URL"):
        yield from server_side(home, running_stack(home))


def python_version() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        return _check("Python", "fail", f"is {version}; install {'.'.join(map(str, OLDEST_PYTHON))} or newer")
    return _check("Python", "ok", f"{version} at {sys.executable}")


def torch_and_gpus() -> Iterator[Check]:
    """Whether torch is there, and sees the GPUs that the driver sees."""
    try:
        version = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        yield _check("torch", "warn", "is not installed here, so no worker can run on this machine")
        return
    try:
        command = [sys.executable, "-c", SEES_GPUS]
        seen = subprocess.run(command, capture_output=True, text=True, check=True, timeout=TORCH_SECONDS).stdout.strip()
    except (OSError, subprocess.SubprocessError) as error:
        reason = getattr(error, "stderr", None) or str(error)
        yield _check("torch", "fail", f"{version} cannot be imported ({str(reason).strip().splitlines()[-1]}); install it again")
        return
    yield _check("torch", "ok", version)
    yield gpus(len(visible_gpus()), int(seen))


def gpus(of_driver: int, of_torch: int) -> Check:
    if of_driver and not of_torch:
        return _check("GPU", "fail", f"the driver has {of_driver}, torch sees none; install the torch build for this driver's CUDA")
    if of_torch < of_driver:
        return _check("GPU", "warn", f"the driver has {of_driver}, torch sees {of_torch}")
    return _check("GPU", "ok", f"torch sees {of_torch}" if of_torch else "none here; workers use the CPU")


def home_folder(home: Home) -> Check:
    """Ours, and closed to others: it holds the token and the key of all tokens."""
    try:
        found = home.root.stat()
    except FileNotFoundError:
        return _check("home", "warn", f"{home.root} does not exist yet; `copd up` makes it")
    except PermissionError:
        return _check("home", "fail", f"{home.root} cannot be entered; choose another COPD_HOME")
    if found.st_uid != os.geteuid():
        return _check("home", "fail", f"{home.root} belongs to user id {found.st_uid}; choose another COPD_HOME")
    for file in (home.token_file, home.root / "secret"):
        if file.exists() and stat.S_IMODE(file.stat().st_mode) & 0o077:
            return _check("home", "fail", f"{file} can be read by others; chmod 600 {file}")
    if not os.access(home.root, os.W_OK | os.X_OK):
        return _check("home", "fail", f"{home.root} cannot be written; chmod u+rwx {home.root}")
    return _check("home", "ok", f"{home.root} is ours, and its secrets are closed to others")


def free_space(home: Home) -> Check:
    place = next(folder for folder in (home.root, *home.root.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    words = f"{free / 2**30:.1f} GiB free at {place}"
    if free < LEAST_BYTES:
        return _check("disk", "fail", f"{words}; delete old runs' checkpoints, or move COPD_HOME")
    return _check("disk", "warn", f"{words}; a long run may not fit") if free < FEW_BYTES else _check("disk", "ok", words)


def access(client: Client) -> Iterator[Check]:
    """Whether the API answers, takes the token, and has a scheduler and workers."""
    try:
        client.runs(limit=1)
        workers = client.workers()
    except ApiError as error:
        if error.status in (401, 403):
            yield _check("API", "ok", f"{client.url} answers")
            yield _check("token", "fail", "is not valid there; `copd token create` on the server's machine makes another for COPD_TOKEN")
        else:
            yield _check("API", "fail", str(error).splitlines()[0])
        return
    yield _check("API", "ok", f"{client.url} answers")
    yield _check("token", "ok", "is valid")
    if os.environ.get("COPD_URL"):
        yield _check("scheduler", "ok", "leads") if workers.scheduler_alive else _check("scheduler", "fail", "none leads; start one there")
        kinds = {worker.fingerprint for worker in workers.workers if worker.fingerprint}
        few = not workers.workers or len(kinds) > 1
        yield _check("workers", "warn" if few else "ok", f"{len(workers.workers)} alive, of {len(kinds)} kinds")


def server_side(home: Home, stack: StackInfo) -> list[Check]:
    try:
        return CHECKS.validate_json(server_doctor(home.environment(stack)))
    except ServerCommandError as error:
        return [_check("server", "fail", str(error))]


def _check(name: str, state: str, message: str) -> Check:
    return Check.model_validate({"name": name, "state": state, "message": message})
