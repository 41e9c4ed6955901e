"""The home: one folder that holds everything of a local stack. Knows the layout and who may enter; starts nothing.

postgres/    0700  data/ of PostgreSQL (as root: owned by the user PostgreSQL runs as)
valkey/      0700  Valkey's append-only file
store/       0700  checkpoints
logs/        0700  one file per process
sockets/           postgres/ and valkey/, 0700 each; elsewhere when this path is too long for a Unix socket
stack.json   0600  where the running stack is, and its processes
token        0600  the API token of the `copd` command on this machine
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import pwd
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

# Linux allows 107 bytes for a socket's path; the longest name under the socket folder is postgres/.s.PGSQL.5432
LONGEST_SOCKET_FOLDER = 107 - len("/postgres/.s.PGSQL.5432")
POSTGRES_USERS = ("postgres", "nobody")


class HomeError(Exception):
    """The home cannot be used; the message says what to do."""


@dataclass(frozen=True)
class StackInfo:
    """What stack.json says about the running (or the last) stack."""

    url: str
    port: int
    pid: int
    database_url: str
    redis_url: str
    store_url: str
    public_url: str = ""
    """Where people find the page, when that is elsewhere than `url`."""
    certificate: str | None = None
    """The file of the page's TLS certificate, which the `copd` command of this machine trusts."""
    processes: dict[str, int] = field(default_factory=dict)


def default_home() -> Path:
    """$COPD_HOME, else a folder that PostgreSQL's user can reach when we are root, else the user's data folder (XDG)."""
    if given := os.environ.get("COPD_HOME"):
        return Path(given).expanduser().absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/copd")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "copd"


class Home:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.postgres = root / "postgres"
        self.valkey = root / "valkey"
        self.store = root / "store"
        self.logs = root / "logs"
        self.token_file = root / "token"
        self.stack_file = root / "stack.json"
        self.sockets = _socket_folder(root)

    @property
    def postgres_socket(self) -> Path:
        """The folder of PostgreSQL's socket."""
        return self.sockets / "postgres"

    @property
    def valkey_socket(self) -> Path:
        return self.sockets / "valkey" / "valkey.sock"

    def create(self) -> None:
        """Makes every missing folder with its mode; leaves existing ones as they are. Raises HomeError when the home is not ours."""
        _private_folder(self.root, passable=os.geteuid() == 0)
        _private_folder(self.sockets, passable=os.geteuid() == 0)
        for folder in (self.valkey, self.store, self.logs, self.valkey_socket.parent):
            _private_folder(folder)
        owner = self.postgres_owner()
        for folder in (self.postgres, self.postgres_socket):
            _private_folder(folder, owner)

    def postgres_owner(self) -> pwd.struct_passwd | None:
        """As root: the user PostgreSQL runs as, who stays the same for the life of the home. Otherwise None: ourselves."""
        if os.geteuid() != 0:
            return None
        if self.postgres.exists():
            return pwd.getpwuid(self.postgres.stat().st_uid)
        for name in POSTGRES_USERS:
            with contextlib.suppress(KeyError):
                return pwd.getpwnam(name)
        raise HomeError("PostgreSQL refuses to run as root, and this machine has neither a user 'postgres' nor 'nobody' to run it as")

    def read_stack(self) -> StackInfo | None:
        try:
            return StackInfo(**json.loads(self.stack_file.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def write_stack(self, info: StackInfo) -> None:
        write_private(self.stack_file, json.dumps(asdict(info), indent=2) + "\n")

    def environment(self, stack: StackInfo) -> dict[str, str]:
        """What the server's processes and the workers read."""
        return {
            "COPD_HOME": str(self.root),
            "COPD_DATABASE_URL": stack.database_url,
            "COPD_REDIS_URL": stack.redis_url,
            "COPD_STORE_URL": stack.store_url,
            "COPD_PORT": str(stack.port),
        }

    def is_running(self) -> bool:
        """Whether a supervisor holds this home now."""
        try:
            with InstanceLock(self.root / "supervisor.lock", create=False):
                return False
        except BlockingIOError:
            return True
        except FileNotFoundError:
            return False


class InstanceLock:
    """An exclusive flock on a file. Raises BlockingIOError when another process holds it.

    Processes started with its descriptor hold it too, so that it is free only once the last of them is gone.
    """

    def __init__(self, path: Path, *, create: bool = True) -> None:
        self.descriptor = os.open(path, os.O_RDWR | (os.O_CREAT if create else 0), 0o600)
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BaseException:
            os.close(self.descriptor)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        os.close(self.descriptor)


def write_private(path: Path, text: str) -> None:
    """Writes a 0600 file in one rename, so that no reader sees half of it."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp makes it 0600
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    Path(name).replace(path)


def _socket_folder(root: Path) -> Path:
    inside = root / "sockets"
    if len(os.fsencode(inside)) <= LONGEST_SOCKET_FOLDER:
        return inside
    name = f"copd-{os.geteuid()}-{hashlib.sha256(os.fsencode(root)).hexdigest()[:12]}"
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    # As root PostgreSQL's user must pass through, and XDG_RUNTIME_DIR lets nobody else in.
    if runtime and os.geteuid() != 0 and len(os.fsencode(runtime)) + 1 + len(name) <= LONGEST_SOCKET_FOLDER:
        return Path(runtime) / name
    return Path("/tmp") / name  # noqa: S108  # checked below: ours and closed to others


def _private_folder(path: Path, owner: pwd.struct_passwd | None = None, *, passable: bool = False) -> None:
    """Makes `path` with mode 0700 (0711 when another user must pass through). Raises HomeError when it belongs to somebody else."""
    expected = owner.pw_uid if owner else os.geteuid()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir()
        path.chmod(0o711 if passable else 0o700)
        if owner:
            os.chown(path, owner.pw_uid, owner.pw_gid)
    except FileExistsError:
        if path.is_symlink() or not path.is_dir() or path.stat().st_uid != expected:
            raise HomeError(f"{path} exists and is not a folder of user id {expected}; choose another COPD_HOME") from None
    except OSError as error:
        raise HomeError(f"cannot create {path}: {error.strerror}; choose another COPD_HOME") from None
