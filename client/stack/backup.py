"""A home in one file, and back: the database as of one moment, every checkpoint, and the keys. Works while the stack runs.

The file is a plain tar (weights do not compress): database.dump, store/…, secret, token, and last manifest.json with the SHA-256 of all of
them. Valkey is left out: it holds only what is under way, and a stack that finds it empty goes on from database and store.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import io
import json
import os
import shutil
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import psycopg

from client.stack.family import Say, family
from client.stack.home import Home
from client.stack.postgres import Postgres

DUMP, MANIFEST, STORE, KEYS = "database.dump", "manifest.json", "store", ("secret", "token")
RETENTION_LOCK = 7_301_144_002
"""The advisory lock under which nothing is deleted from the store; `server.scheduler.retention` has the same number."""


class BackupError(Exception):
    """The backup cannot be made or used; the message says why."""


def back_up(home: Home, target: Path, say: Say) -> int:
    """Writes the backup of a home, whether its stack runs or not; returns its size in bytes.

    Raises BackupError for a target that exists or a store elsewhere, HomeError, StartError. A backup that fails leaves no file.
    """
    if target.exists():
        raise BackupError(f"{target} exists; choose another name")
    stack = home.read_stack()
    if stack is None:
        raise BackupError(f"{home.root} is no home of a stack")
    if stack.store_url != home.store.as_uri():
        raise BackupError(
            f"the checkpoints are in {stack.store_url}, not in the home; back that store and the database up by their own means"
        )
    unfinished = target.with_name(f"{target.name}.unfinished")
    try:
        with _database(home, say) as postgres, _nothing_deleted(postgres), unfinished.open("xb") as file:
            unfinished.chmod(0o600)
            _write(home, postgres, file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return target.stat().st_size


def restore(source: Path, home: Home, say: Say) -> None:
    """Makes a home from a backup. Raises BackupError for a damaged file, or a home that is not empty; then nothing of it is left."""
    if home.root.exists() and any(home.root.iterdir()):
        raise BackupError(f"{home.root} is not empty; choose another home, or move it away")
    made_here = not home.root.exists()
    try:
        home.create()
        dump = _unpack(source, home)
        with _database(home, say) as postgres, dump.open("rb") as file:
            postgres.restore(file)
        dump.unlink()
    except BaseException:
        for path in [home.root] if made_here else list(home.root.iterdir()):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        raise


@contextlib.contextmanager
def _database(home: Home, say: Say) -> Iterator[Postgres]:
    """The home's PostgreSQL: that of the running stack, or started for the block."""
    if home.is_running():
        yield Postgres(home)
        return
    with family(home, say) as children:
        postgres = Postgres(home)
        postgres.initialise()
        children.until("PostgreSQL", postgres.is_ready, children.launch([postgres.command()]))
        postgres.create_database()
        yield postgres


@contextlib.contextmanager
def _nothing_deleted(postgres: Postgres) -> Iterator[None]:
    """Within the block, every checkpoint that the database names stays in the store."""
    with psycopg.connect(postgres.url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (RETENTION_LOCK,))
        yield


def _write(home: Home, postgres: Postgres, file: IO[bytes]) -> None:
    """The database goes first: whatever it names is in the store by then."""
    digests: dict[str, str] = {}
    with tarfile.open(fileobj=file, mode="w") as tar:
        dump = home.root / f".{DUMP}"
        try:
            with dump.open("wb") as into:
                postgres.dump(into)
            _add(tar, dump, DUMP, digests)
        finally:
            dump.unlink(missing_ok=True)
        for name in KEYS:
            if (home.root / name).exists():
                _add(tar, home.root / name, name, digests)
        for path in sorted(home.store.rglob("*")):
            if path.is_file():
                with contextlib.suppress(FileNotFoundError):  # unfinished work of an attempt, renamed or removed since
                    _add(tar, path, f"{STORE}/{path.relative_to(home.store)}", digests)
        manifest = {"version": importlib.metadata.version("copd"), "made_at": datetime.now(UTC).isoformat(), "sha256": digests}
        text = json.dumps(manifest, indent=1).encode()
        entry = tarfile.TarInfo(MANIFEST)
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text))


def _add(tar: tarfile.TarFile, path: Path, name: str, digests: dict[str, str]) -> None:
    """Adds a file as long as it is now: an attempt may be writing its events."""
    with path.open("rb") as file:
        entry = tar.gettarinfo(arcname=name, fileobj=file)
        if not entry.isreg():  # a second name of a file that is in already
            entry.type, entry.linkname, entry.size = tarfile.REGTYPE, "", os.fstat(file.fileno()).st_size
        reader = _Hashing(file)
        tar.addfile(entry, reader)
    digests[name] = reader.sha256.hexdigest()


class _Hashing(io.RawIOBase):
    """Reads through, and hashes what was read."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.sha256 = file, hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        data = self.file.read(size)
        self.sha256.update(data)
        return data


def _unpack(source: Path, home: Home) -> Path:
    """Puts the files into the home and checks every one; returns where the database's dump lies."""
    try:
        with tarfile.open(source, "r:") as tar:
            tar.extractall(home.root, filter="data")
    except (tarfile.TarError, FileNotFoundError, IsADirectoryError) as error:
        raise BackupError(f"{source} is no backup of a home: {error}") from error
    manifest = home.root / MANIFEST
    if not manifest.exists():
        raise BackupError(f"{source} is cut off: its last entry, {MANIFEST}, is missing")
    for name, digest in json.loads(manifest.read_text())["sha256"].items():
        path = home.root / name
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                raise BackupError(f"{source} is damaged: {name} is not what was saved")
    manifest.unlink()
    for name in KEYS:
        if (home.root / name).exists():
            (home.root / name).chmod(0o600)
    return home.root / DUMP
