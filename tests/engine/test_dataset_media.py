"""Pictures and clips of a data set: wherever they lie, a prompt has their pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from copd_engine.domains.base import SPLITS
from copd_engine.domains.files import evenly
from tests.engine.rows import clip, domain, json_lines, pictures


@given(size=st.integers(1, 200), count=st.integers(1, 200))
def test_frames_are_taken_evenly(size: int, count: int) -> None:
    chosen = evenly(size, count).tolist()
    assert len(chosen) == len(set(chosen)) == min(size, count)
    assert chosen[0] == 0
    if len(chosen) > 1:
        assert chosen[-1] == size - 1
        assert max(np.diff(chosen)) - min(np.diff(chosen)) <= 1


def test_pictures_lie_beside_the_data(tmp_path: Path) -> None:
    made = domain(json_lines(tmp_path / "red.jsonl", pictures(tmp_path)), columns={"images": "images"})
    for split in SPLITS:
        for index in range(12):
            prompt = made.prompt(split, index)
            (picture,) = prompt.images
            assert picture.shape == (4, 6, 3)
            assert picture[0, 0, 0] == int(prompt.answer)


def test_a_copy_of_a_picture_under_another_name_is_the_same_question(tmp_path: Path) -> None:
    rows = pictures(tmp_path)
    for i in range(12):
        (tmp_path / "img" / f"copy{i}.png").write_bytes((tmp_path / "img" / f"{i}.png").read_bytes())
    copies = [row | {"images": f"img/copy{i}.png"} for i, row in enumerate(rows)]
    made = domain(json_lines(tmp_path / "red.jsonl", rows + copies), columns={"images": "images"}, heldout=6)
    held, train = ({made.prompt(split, index).answer for index in range(6)} for split in SPLITS)
    assert len(held) == len(train) == 6
    assert not held & train


@pytest.mark.usefixtures("own_cache")
def test_pictures_may_be_bytes_in_the_table(tmp_path: Path) -> None:
    rows = pictures(tmp_path)
    files = [tmp_path / (row["images"] if isinstance(row["images"], str) else row["images"][0]) for row in rows]
    cells = [{"bytes": file.read_bytes(), "path": None} for file in files]
    pq.write_table(pa.Table.from_pylist([row | {"images": cell} for row, cell in zip(rows, cells, strict=True)]), tmp_path / "red.parquet")
    beside = domain(json_lines(tmp_path / "red.jsonl", rows), columns={"images": "images"})
    inside = domain(tmp_path / "red.parquet", columns={"images": "images"})
    for index in range(12):
        assert np.array_equal(inside.prompt("train", index).images[0], beside.prompt("train", index).images[0])


@pytest.mark.parametrize(("name", "fps"), [("clip.mp4", 10.0), ("clip.gif", 10.0), ("clip", 2.0)])
def test_a_clip_is_evenly_spaced_frames_of_a_file_a_folder_or_an_animated_picture(tmp_path: Path, name: str, fps: float) -> None:
    rows = [{"prompt": f"{i}", "answer": "x", "clip": clip(tmp_path, name) if i == 0 else name} for i in range(8)]
    prompt = domain(json_lines(tmp_path / "clips.jsonl", rows), columns={"video": "clip"}, frames=5).prompt("train", 0)
    assert prompt.video is not None
    assert prompt.video.shape == (5, 16, 16, 3)
    assert prompt.fps == pytest.approx(fps * 5 / 20, rel=0.02)
    assert np.abs(prompt.video[:, 8, 8, 0].astype(int) - 12 * np.array([0, 5, 10, 14, 19])).max() <= 12
