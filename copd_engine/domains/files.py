"""Pictures and clips from a data set's cells: a path, or the bytes themselves.

Pictures are read by Pillow. A clip is a folder of frames, an animated picture (Pillow), or a video file (the package `av`).
"""

from __future__ import annotations

import importlib.util
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from copd_engine.domains.base import Pixels
from copd_engine.reach import Reach

FRAME_RATE: Final = 2.0  # frames per second where a clip does not say
_ANIMATED: Final = (".gif", ".png", ".apng", ".webp")
_CHUNK: Final = 1 << 20
_BYTES_IN_CELL: Final = "bytes in the cell"


@dataclass(frozen=True)
class MediaFile:
    """One picture or clip: a file or folder, or bytes."""

    source: Path | bytes

    def digest(self) -> bytes:
        """16 bytes that depend on the content alone, so that a copy under another name is known again. Raises OSError."""
        total = blake2b(digest_size=16)
        for chunk in self._chunks():
            total.update(chunk)
        return total.digest()

    def image(self) -> Pixels:
        """RGB [H, W, 3]. Raises ValueError for what is not a picture, OSError for a missing file."""
        try:
            with Image.open(self._stream()) as picture:
                return _rgb(picture)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise ValueError(f"not a readable image ({self._reason(error)})") from error

    def video(self, count: int) -> tuple[Pixels, float]:
        """At most `count` evenly spaced RGB frames [F, H, W, 3], and how many of them there are per second. Raises ValueError."""
        try:
            frames, rate = self._frames(count)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise ValueError(f"not a readable video ({self._reason(error)})") from error
        if not frames or len({frame.shape for frame in frames}) != 1:
            raise ValueError("not a readable video (it has no frames, or frames of different sizes)")
        return np.stack(frames), rate

    def _frames(self, count: int) -> tuple[list[Pixels], float]:
        if isinstance(self.source, Path) and self.source.is_dir():
            files = _files(self.source)
            chosen = evenly(len(files), count)
            return [MediaFile(files[i]).image() for i in chosen], FRAME_RATE * len(chosen) / max(1, len(files))
        if isinstance(self.source, Path) and self.source.suffix.lower() not in _ANIMATED:
            return _decoded(self._stream(), count)
        try:
            return _animation(self._stream(), count)
        except Image.UnidentifiedImageError:  # bytes of a video file
            return _decoded(self._stream(), count)

    def _stream(self) -> Any:
        return io.BytesIO(self.source) if isinstance(self.source, bytes) else self.source

    def _chunks(self) -> Iterator[bytes]:
        if isinstance(self.source, bytes):
            yield self.source
            return
        for file in _files(self.source) if self.source.is_dir() else [self.source]:
            with file.open("rb") as stream:
                while chunk := stream.read(_CHUNK):
                    yield chunk

    def _reason(self, error: Exception) -> str:
        where = _BYTES_IN_CELL if isinstance(self.source, bytes) else str(self.source)
        return f"{where}: {error}" if where not in str(error) else str(error)


def media_file(cell: Any, folder: Path, reach: Reach) -> MediaFile:
    """What a cell names: a path relative to `folder`, bytes, or Hugging Face's {bytes, path}.

    Raises ValueError for anything else, and for a path out of reach.
    """
    if isinstance(cell, dict):
        cell = cell.get("bytes") or cell.get("path")
    if isinstance(cell, bytes) and cell:
        return MediaFile(cell)
    if not isinstance(cell, str) or not cell:
        raise ValueError("must be a path")
    path = folder / cell
    if refused := reach.problem("data", path):
        raise ValueError(refused)
    if not path.is_file() and not path.is_dir():
        raise ValueError(f"no file at {path}")
    return MediaFile(path)


def evenly(size: int, count: int) -> NDArray[np.int64]:
    """At most `count` of 0 … size − 1, evenly spaced, the first and the last included where there are two or more."""
    return np.rint(np.linspace(0, max(size - 1, 0), min(size, count))).astype(np.int64)


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))


def _rgb(picture: Image.Image) -> Pixels:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's advice on palettes and large pictures is not about whether this one can be read
        return np.array(picture.convert("RGB"), dtype=np.uint8)  # a copy, because Pillow lends its memory read-only


def _animation(stream: Any, count: int) -> tuple[list[Pixels], float]:
    with Image.open(stream) as picture:
        size: int = getattr(picture, "n_frames", 1)
        chosen = set(evenly(size, count).tolist())
        frames = [_rgb(frame) for number, frame in enumerate(ImageSequence.Iterator(picture)) if number in chosen]
        milliseconds = picture.info.get("duration", 0)
    rate = 1000.0 / milliseconds if milliseconds else FRAME_RATE
    return frames, rate * len(frames) / size


def _decoded(stream: Any, count: int) -> tuple[list[Pixels], float]:
    """Frames of a video file. Decoded twice: what it says of its own length may be wrong, and all frames may not fit in memory."""
    if importlib.util.find_spec("av") is None:
        raise ValueError("video files need the package av: pip install 'copd[video]'")
    import av
    import av.error

    def decode() -> Iterator[av.VideoFrame]:
        source = io.BytesIO(stream.getvalue()) if isinstance(stream, io.BytesIO) else str(stream)
        with av.open(source, "r") as container:
            if not container.streams.video:
                raise ValueError("it has no video stream")
            yield from container.decode(video=0)

    try:
        size, seconds = 0, 0.0
        for frame in decode():
            size, seconds = size + 1, float(frame.time or seconds)
        chosen = set(evenly(size, count).tolist())
        frames = [np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8) for number, frame in enumerate(decode()) if number in chosen]
    except av.error.FFmpegError as error:
        raise ValueError(str(error)) from error
    per_second = (size - 1) / seconds if seconds else FRAME_RATE
    return frames, per_second * len(frames) / max(1, size)
