"""Files of a run that people take away: prompts' images and videos, and exported models as a zip."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from copd_engine.store import Store

FOLDER = "media"
TYPES = {".png": "image/png", ".apng": "image/apng"}
"""What is served, by suffix: nothing a browser would run."""
CHUNK_BYTES = 1 << 20


def read(run_store: Store, name: str) -> tuple[bytes, str] | None:
    """Content and media type of a prompt's image or video; None when there is no such."""
    media_type = TYPES.get(PurePosixPath(name).suffix)
    if media_type is None:
        return None
    try:
        return run_store.read(f"{FOLDER}/{name}"), media_type
    except (FileNotFoundError, ValueError, OSError):
        return None


def zipped(run_store: Store, path: str, name: str) -> Iterator[bytes]:
    """A published folder as a zip with everything below `name`/. Weights do not compress: stored as they are, in constant memory."""
    sink = _Sink()
    with run_store.folder(path) as folder, zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for file in sorted(file for file in folder.rglob("*") if file.is_file()):
            yield from _entry(archive, sink, file, f"{name}/{file.relative_to(folder).as_posix()}")
    yield sink.take()


def _entry(archive: zipfile.ZipFile, sink: _Sink, file: Path, name: str) -> Iterator[bytes]:
    info = zipfile.ZipInfo.from_file(file, name, strict_timestamps=False)
    with file.open("rb") as source, archive.open(info, "w", force_zip64=True) as target:
        while chunk := source.read(CHUNK_BYTES):
            target.write(chunk)
            yield sink.take()


class _Sink(io.RawIOBase):
    """Takes what zipfile writes until the next `take`. Not seekable, so that zipfile puts sizes after the data."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes | bytearray | memoryview) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)
