"""The store of checkpoints, results and media behind one URL: a local folder, or whatever fsspec opens (s3, gs, memory …).

Nothing half-written is ever visible. On a local disk a file or folder is written aside, flushed to disk and renamed; elsewhere a file is
one upload and a folder's manifest is uploaded last, so that a folder without its manifest does not exist for any reader.

    runs/<run>/attempts/<attempt>/events.jsonl, result.json, <policy>@<step>/…, export/<policy>@<step>/…
    runs/<run>/attempts/<attempt>/rollouts/<policy>@<step>.json.z
    runs/<run>/media/<sha256>.{png,apng}
"""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, Protocol, Self

import fsspec

from copd_engine.appender import Appender, FileAppender
from copd_engine.room import needing_room

MANIFEST = "manifest.json"


class Store(Protocol):
    """Paths are relative, with forward slashes. A path that leaves the store raises ValueError, a missing one FileNotFoundError, and
    whatever writes raises StoreFullError where there is no room."""

    def below(self, path: str) -> Self:
        """The part of the store under `path`."""
        ...

    def read(self, path: str) -> bytes:
        """A whole file."""
        ...

    def write(self, path: str, data: bytes) -> None:
        """Writes or replaces one file, atomically."""
        ...

    def exists(self, path: str) -> bool:
        """Whether a file is there; of a published folder, ask for its manifest."""
        ...

    def list(self, path: str = "") -> list[str]:
        """Names directly below a folder, sorted; none when it is missing."""
        ...

    def size(self, path: str) -> int:
        """Bytes of a file, or of all files below a folder."""
        ...

    def delete(self, path: str) -> None:
        """Removes a file or a folder; a missing one is no error."""
        ...

    def publishing(self, path: str) -> AbstractContextManager[Path]:
        """A local folder to fill; it appears at `path`, whole, when the block ends well, and nowhere when it does not.

        Raises FileExistsError when `path` is taken: what was published never changes.
        """
        ...

    def folder(self, path: str) -> AbstractContextManager[Path]:
        """A published folder as a local one, to read from while the block lasts."""
        ...

    def copy(self, path: str, target: str) -> None:
        """Publishes a published folder a second time, without reading it where the store can; either may be deleted alone.

        Raises FileExistsError when `target` is taken.
        """
        ...

    def copy_file(self, path: str, target: str) -> None:
        """A second one of a file that never changes, without reading it where the store can. What is there already stays."""
        ...

    def append(self, path: str) -> Appender:
        """A new file that grows. Raises FileExistsError when it is there already."""
        ...


def open_store(url: str) -> Store:
    """The store at a URL such as `file:///var/lib/copd/store`, `/var/lib/copd/store` or `s3://bucket/prefix`."""
    filesystem, root = fsspec.core.url_to_fs(url)
    if "file" in _protocols(filesystem):
        return FileStore(Path(root))
    return ObjectStore(filesystem, root)


class FileStore:
    """A folder on a local or network disk."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def below(self, path: str) -> FileStore:
        return FileStore(self._at(path))

    def read(self, path: str) -> bytes:
        return self._at(path).read_bytes()

    def write(self, path: str, data: bytes) -> None:
        target = self._at(path)
        aside = _aside(target)
        try:
            with needing_room(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                with aside.open("wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                aside.replace(target)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
        _flush(target.parent)

    def exists(self, path: str) -> bool:
        return self._at(path).is_file()

    def list(self, path: str = "") -> list[str]:
        folder = self._at(path)
        return sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith(".")) if folder.is_dir() else []

    def size(self, path: str) -> int:
        target = self._at(path)
        if target.is_dir():
            return sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
        return target.stat().st_size

    def delete(self, path: str) -> None:
        target = self._at(path)
        if target.is_dir():
            target.rename(_aside(target))  # the folder vanishes at once, not file by file
        else:
            target.unlink(missing_ok=True)
        for left in target.parent.glob(f".{glob.escape(target.name)}.*"):  # also what a kill left of an earlier try
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)

    @contextmanager
    def publishing(self, path: str) -> Iterator[Path]:
        target = self._at(path)
        if target.exists():
            raise FileExistsError(f"{path} was published before")
        aside = _aside(target)
        try:
            with needing_room(target):
                aside.mkdir(parents=True)
                yield aside
                for file in sorted(aside.rglob("*")):
                    _flush(file)
                _flush(aside)
                aside.rename(target)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
        _flush(target.parent)

    @contextmanager
    def folder(self, path: str) -> Iterator[Path]:
        target = self._at(path)
        if not target.is_dir():
            raise FileNotFoundError(f"{path} is not in the store")
        yield target

    def copy(self, path: str, target: str) -> None:
        with self.folder(path) as source, self.publishing(target) as folder:
            shutil.copytree(source, folder, dirs_exist_ok=True, copy_function=_link)

    def copy_file(self, path: str, target: str) -> None:
        if self.exists(target):
            return
        source, wanted = self._at(path), self._at(target)
        aside = _aside(wanted)
        try:
            with needing_room(wanted):
                wanted.parent.mkdir(parents=True, exist_ok=True)
                _link(str(source), str(aside))
                _flush(aside)
                aside.replace(wanted)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
        _flush(wanted.parent)

    def append(self, path: str) -> Appender:
        target = self._at(path)
        with needing_room(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            return FileAppender(target)

    def _at(self, path: str) -> Path:
        return self.root / _checked(path)


class ObjectStore:
    """Any other fsspec filesystem: uploads are whole files, and a folder exists once its manifest does."""

    def __init__(self, filesystem: Any, root: str) -> None:
        self.filesystem = filesystem
        self.root = root.rstrip("/")

    def below(self, path: str) -> ObjectStore:
        return ObjectStore(self.filesystem, self._at(path))

    def read(self, path: str) -> bytes:
        return self.filesystem.cat_file(self._at(path))

    def write(self, path: str, data: bytes) -> None:
        self.filesystem.pipe_file(self._at(path), data)

    def exists(self, path: str) -> bool:
        return self.filesystem.isfile(self._at(path))

    def list(self, path: str = "") -> list[str]:
        self.filesystem.invalidate_cache()
        if not self.filesystem.isdir(self._at(path)):
            return []
        return sorted(PurePosixPath(name).name for name in self.filesystem.ls(self._at(path), detail=False))

    def size(self, path: str) -> int:
        return self.filesystem.du(self._at(path))

    def delete(self, path: str) -> None:
        target = self._at(path)
        if self.filesystem.isfile(f"{target}/{MANIFEST}"):
            self.filesystem.rm_file(f"{target}/{MANIFEST}")  # first, so that nobody takes the rest for whole
        if self.filesystem.exists(target):
            self.filesystem.rm(target, recursive=True)

    @contextmanager
    def publishing(self, path: str) -> Iterator[Path]:
        if self.exists(f"{path}/{MANIFEST}"):
            raise FileExistsError(f"{path} was published before")
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            yield folder
            files = [file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()]
            for file in sorted(files, key=lambda file: (file == MANIFEST, file)):
                self.filesystem.put_file(str(folder / file), self._at(f"{path}/{file}"))

    @contextmanager
    def folder(self, path: str) -> Iterator[Path]:
        if not self.filesystem.isdir(self._at(path)):
            raise FileNotFoundError(f"{path} is not in the store")
        with tempfile.TemporaryDirectory() as name:
            self.filesystem.get(self._at(path) + "/", name, recursive=True)
            yield Path(name)

    def copy(self, path: str, target: str) -> None:
        if self.exists(f"{target}/{MANIFEST}"):
            raise FileExistsError(f"{target} was published before")
        source = self._at(path)
        files = [name.rpartition(f"{source}/")[2] for name in self.filesystem.find(source)]
        if not files:
            raise FileNotFoundError(f"{path} is not in the store")
        for file in sorted(files, key=lambda file: (file == MANIFEST, file)):
            self.filesystem.cp_file(f"{source}/{file}", self._at(f"{target}/{file}"))

    def copy_file(self, path: str, target: str) -> None:
        if not self.exists(path):
            raise FileNotFoundError(f"{path} is not in the store")
        if not self.exists(target):
            self.filesystem.cp_file(self._at(path), self._at(target))

    def append(self, path: str) -> Appender:
        if self.exists(path):
            raise FileExistsError(f"{path} is there already")
        return _UploadingAppender(self, path)

    def _at(self, path: str) -> str:
        return f"{self.root}/{_checked(path)}".rstrip("/")


class _UploadingAppender:
    """Object stores cannot append: the file is uploaded anew at each sync."""

    def __init__(self, store: ObjectStore, path: str) -> None:
        self._store, self._path = store, path
        self._data = bytearray()

    def write(self, data: bytes) -> None:
        self._data += data

    def sync(self) -> None:
        self._store.write(self._path, bytes(self._data))

    def close(self) -> None:
        self.sync()


def _protocols(filesystem: Any) -> tuple[str, ...]:
    return (filesystem.protocol,) if isinstance(filesystem.protocol, str) else tuple(filesystem.protocol)


def _checked(path: str) -> str:
    parts = PurePosixPath(path).parts
    if path.startswith("/") or ".." in parts or "\x00" in path:
        raise ValueError(f"store paths are relative and stay inside the store, got {path!r}")
    return "/".join(parts)


def _aside(target: Path) -> Path:
    return target.with_name(f".{target.name}.{uuid.uuid4().hex}")


def _link(source: str, target: str) -> None:
    """What was published never changes, so a second name for it will do; where the disk knows no such thing, a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _flush(path: Path) -> None:
    """Makes a file, or the names in a folder, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
