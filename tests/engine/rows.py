"""Rows, pictures and clips for the tests of data sets."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import datasets
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from copd_engine import spec
from copd_engine.domains import Domain, build_domain

SUMS = [{"prompt": f"{a} + {b} =", "answer": str(a + b)} for a in range(6) for b in range(6)]


def json_lines(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows))
    return path


def source(path: Path | str, **changes: Any) -> spec.Dataset:
    return spec.Dataset.model_validate({"source": "dataset", "path": str(path), "heldout": 0.25} | changes)


def domain(path: Path | str, **changes: Any) -> Domain:
    return build_domain("sums", source(path, **changes))


def container(kind: str, folder: Path) -> Path:
    """The sums as a `parquet` file, a folder `saved` by datasets, or a folder of `files`; returns where they are."""
    if kind == "saved":
        datasets.Dataset.from_list(SUMS).save_to_disk(str(folder / "saved"))
        return folder / "saved"
    target = folder / "files" if kind == "files" else folder
    target.mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist(SUMS), target / "sums.parquet")
    return target if kind == "files" else target / "sums.parquet"


def pictures(folder: Path) -> list[dict[str, Any]]:
    (folder / "img").mkdir()
    rows = []
    for i in range(12):
        Image.new("RGB", (6, 4), (i * 20, 0, 0)).save(folder / "img" / f"{i}.png")
        rows.append({"prompt": "How red?", "answer": str(i * 20), "images": [f"img/{i}.png"] if i % 2 else f"img/{i}.png"})
    return rows


def frames_of(count: int) -> list[Image.Image]:
    return [Image.new("RGB", (16, 16), (i * 12, 0, 0)) for i in range(count)]


def clip(folder: Path, name: str) -> str:
    """Twenty frames, ever redder, at ten per second (frames in a folder have no time)."""
    frames, path = frames_of(20), folder / name
    if name.endswith(".mp4"):
        with av.open(str(path), "w") as container:
            stream = container.add_stream("mpeg4", rate=Fraction(10))
            stream.width = stream.height = 16
            stream.pix_fmt = "yuv420p"
            for frame in frames:
                container.mux(stream.encode(av.VideoFrame.from_image(frame)))
            container.mux(stream.encode())
    elif name.endswith(".gif"):
        frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
    else:
        path.mkdir()
        for i, frame in enumerate(frames):
            frame.save(path / f"{i:03}.png")
    return name
