"""Prompts from somebody's own rows: the splits never meet, a prompt is a function of split and index, bad rows are named."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from copd_engine import spec
from copd_engine.domains import Domain, Split, build_domain
from copd_engine.domains.base import SPLITS
from copd_engine.domains.dataset import index_of
from copd_engine.domains.files import evenly
from copd_engine.domains.order import shuffled
from copd_engine.events import Sample
from copd_engine.local import LocalRun
from copd_engine.preflight import check_available
from copd_engine.spec import SpecError, parse_spec
from copd_engine.store import Store

SUMS = [{"prompt": f"{a} + {b} =", "answer": str(a + b)} for a in range(6) for b in range(6)]


def json_lines(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows))
    return path


def source(path: Path | str, **changes: Any) -> spec.Dataset:
    return spec.Dataset.model_validate({"source": "dataset", "path": str(path), "heldout": 0.25} | changes)


def domain(path: Path | str, **changes: Any) -> Domain:
    return build_domain("sums", source(path, **changes))


def questions(made: Domain, split: Split, count: int) -> list[tuple[str, str]]:
    return [(prompt.text, prompt.answer) for prompt in (made.prompt(split, index) for index in range(count))]


def red(size: int = 4) -> Image.Image:
    return Image.new("RGB", (size, size), (255, 0, 0))


@pytest.mark.parametrize(("heldout", "count"), [(0.25, 9), (5, 5)])
def test_every_row_is_in_one_split_and_none_is_lost(tmp_path: Path, heldout: float, count: int) -> None:
    made = domain(json_lines(tmp_path / "sums.jsonl", SUMS), heldout=heldout)
    held, train = questions(made, "heldout", count), questions(made, "train", 36 - count)
    assert not {text for text, _ in held} & {text for text, _ in train}
    assert sorted(held + train) == sorted((row["prompt"], row["answer"]) for row in SUMS)


def test_the_rows_come_again_in_another_order(tmp_path: Path) -> None:
    made = domain(json_lines(tmp_path / "sums.jsonl", SUMS), heldout=0.25)
    twice = questions(made, "train", 54)
    first, second = twice[:27], twice[27:]
    assert sorted(first) == sorted(second)
    assert first != second
    assert twice == questions(domain(tmp_path / "sums.jsonl", heldout=0.25), "train", 54)


def test_the_same_question_twice_is_one_question(tmp_path: Path) -> None:
    again = [{"prompt": f"  {row['prompt']} \n", "answer": row["answer"]} for row in SUMS]
    made = domain(json_lines(tmp_path / "sums.jsonl", SUMS + again))
    held, train = ({text.strip() for text, _ in questions(made, split, 72)} for split in SPLITS)
    assert len(held) + len(train) == len(SUMS)
    assert not held & train


def test_the_order_of_the_rows_changes_no_split(tmp_path: Path) -> None:
    one = domain(json_lines(tmp_path / "one.jsonl", SUMS))
    other = domain(json_lines(tmp_path / "other.jsonl", SUMS[::-1]))
    for split in SPLITS:
        assert questions(one, split, 20) == questions(other, split, 20)


@given(size=st.integers(1, 300), epoch=st.integers(0, 50))
def test_an_epoch_meets_every_item_once(size: int, epoch: int) -> None:
    assert sorted(shuffled("train", size, epoch * size + i) for i in range(size)) == list(range(size))


@given(size=st.integers(1, 200), count=st.integers(1, 200))
def test_frames_are_taken_evenly(size: int, count: int) -> None:
    chosen = evenly(size, count).tolist()
    assert len(chosen) == len(set(chosen)) == min(size, count)
    assert chosen[0] == 0
    if len(chosen) > 1:
        assert chosen[-1] == size - 1
        assert max(np.diff(chosen)) - min(np.diff(chosen)) <= 1


@pytest.fixture
def written() -> dict[str, Callable[[Path], str]]:
    """The same rows in every kind of container → where they are."""

    def parquet(folder: Path) -> str:
        pq.write_table(pa.Table.from_pylist(SUMS), folder / "sums.parquet")
        return str(folder / "sums.parquet")

    def saved(folder: Path) -> str:
        datasets.Dataset.from_list(SUMS).save_to_disk(str(folder / "saved"))
        return str(folder / "saved")

    def of_files(folder: Path) -> str:
        (folder / "files").mkdir()
        parquet(folder / "files")
        return str(folder / "files")

    return {"parquet": parquet, "saved": saved, "files": of_files}


@pytest.fixture
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.mark.parametrize("kind", ["parquet", "saved", "files"])
@pytest.mark.usefixtures("own_cache")
def test_the_container_changes_no_prompt(tmp_path: Path, written: dict[str, Callable[[Path], str]], kind: str) -> None:
    plain = domain(json_lines(tmp_path / "sums.jsonl", SUMS))
    other = domain(written[kind](tmp_path))
    for split in SPLITS:
        assert questions(other, split, 40) == questions(plain, split, 40)


def test_columns_and_template_are_the_specs(tmp_path: Path) -> None:
    rows = [{"q": f"{{{i}}}", "a": i} for i in range(20)]
    columns = {"prompt": "q", "answer": "a"}
    made = domain(json_lines(tmp_path / "rows.jsonl", rows), columns=columns, template="Say {prompt} now: {answer}")
    prompt = made.prompt("train", 0)
    assert prompt.text == f"Say {{{prompt.answer}}} now: {{answer}}"
    assert made.reward(prompt, f" {prompt.answer}\n").value == 1.0
    assert prompt.origin == f"{tmp_path / 'rows.jsonl'}, row {int(prompt.answer) + 1}"


def pictures(folder: Path) -> list[dict[str, Any]]:
    (folder / "img").mkdir()
    rows = []
    for i in range(12):
        Image.new("RGB", (6, 4), (i * 20, 0, 0)).save(folder / "img" / f"{i}.png")
        rows.append({"prompt": "How red?", "answer": str(i * 20), "images": [f"img/{i}.png"] if i % 2 else f"img/{i}.png"})
    return rows


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


@pytest.mark.parametrize(("name", "fps"), [("clip.mp4", 10.0), ("clip.gif", 10.0), ("clip", 2.0)])
def test_a_clip_is_evenly_spaced_frames_of_a_file_a_folder_or_an_animated_picture(tmp_path: Path, name: str, fps: float) -> None:
    rows = [{"prompt": f"{i}", "answer": "x", "clip": clip(tmp_path, name) if i == 0 else name} for i in range(4)]
    prompt = domain(json_lines(tmp_path / "clips.jsonl", rows), columns={"video": "clip"}, frames=5).prompt("train", 0)
    assert prompt.video is not None
    assert prompt.video.shape == (5, 16, 16, 3)
    assert prompt.fps == pytest.approx(fps * 5 / 20, rel=0.02)
    assert np.abs(prompt.video[:, 8, 8, 0].astype(int) - 12 * np.array([0, 5, 10, 14, 19])).max() <= 12


def wrong_rows(path: Path, **changes: Any) -> str:
    with pytest.raises(ValueError, match=r".") as caught:
        domain(path, **changes)
    return str(caught.value)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"prompt": "2 + 2 ="}, "row 37, column 'answer'"),
        ({"prompt": "2 + 2 =", "answer": None}, "row 37, column 'answer': there is no answer"),
        ({"prompt": "2 + 2 =", "answer": "  "}, "row 37, column 'answer': there is no answer"),
        ({"prompt": "", "answer": "4"}, "row 37, column 'prompt': must be a text"),
        ({"prompt": ["2"], "answer": "4"}, "row 37, column 'prompt': must be a text"),
        ("{not json", "row 37: not valid JSON"),
        ("[1, 2]", "row 37: must be a JSON object, not list"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, row: Any, says: str) -> None:
    path = json_lines(tmp_path / "sums.jsonl", [*SUMS, row])
    message = wrong_rows(path)
    assert says in message
    assert message.startswith(f"path: {path}")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("gone.png", None, "no file at"),
        ("bad.png", b"no picture", "not a readable image"),
        ("cut.png", b"\x89PNG\r\n\x1a\n", "not a readable image"),
    ],
)
def test_a_missing_or_corrupt_picture_is_named(tmp_path: Path, name: str, content: bytes | None, says: str) -> None:
    rows = pictures(tmp_path)
    if content is not None:
        (tmp_path / name).write_bytes(content)
    message = wrong_rows(
        json_lines(tmp_path / "red.jsonl", [*rows, {"prompt": "?", "answer": "1", "images": name}]), columns={"images": "images"}
    )
    assert says in message
    assert "row 13, column 'images'" in message


def test_a_picture_that_spoils_later_is_named_when_it_is_wanted(tmp_path: Path) -> None:
    made = domain(json_lines(tmp_path / "red.jsonl", pictures(tmp_path)), columns={"images": "images"})
    for file in (tmp_path / "img").iterdir():
        file.write_bytes(b"spoilt")
    with pytest.raises(ValueError, match=r"row \d+, column 'images': not a readable image"):
        made.prompt("train", 0)


@pytest.mark.parametrize("content", [None, b"no clip"])
def test_a_missing_or_corrupt_clip_is_named(tmp_path: Path, content: bytes | None) -> None:
    rows = [{"prompt": f"{i}", "answer": "x", "clip": "clip.mp4"} for i in range(4)]
    if content is not None:
        (tmp_path / "clip.mp4").write_bytes(content)
    message = wrong_rows(json_lines(tmp_path / "clips.jsonl", rows), columns={"video": "clip"})
    assert "row 1, column 'clip': " in message
    assert ("no file at" if content is None else "not a readable video") in message


def test_an_empty_file_and_too_few_rows_are_refused(tmp_path: Path) -> None:
    assert "has no rows" in wrong_rows(json_lines(tmp_path / "empty.jsonl", []))
    assert "heldout: " in wrong_rows(json_lines(tmp_path / "one.jsonl", SUMS[:1]))
    assert "36 different questions, too few to hold out 36" in wrong_rows(json_lines(tmp_path / "all.jsonl", SUMS), heldout=36)


@pytest.mark.usefixtures("own_cache")
def test_a_column_that_does_not_exist_is_named(tmp_path: Path, written: dict[str, Callable[[Path], str]]) -> None:
    columns = {"answer": "reply"}
    message = wrong_rows(json_lines(tmp_path / "sums.jsonl", SUMS), columns=columns)
    assert "row 1, column 'reply': there is no such column; the row has prompt, answer" in message
    assert "no column 'reply'; it has prompt, answer" in wrong_rows(Path(written["parquet"](tmp_path)), columns=columns)


@pytest.mark.usefixtures("own_cache")
def test_a_table_that_cannot_be_read_and_a_split_that_is_not_there_are_named(tmp_path: Path, written: dict[str, Any]) -> None:
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 broken")
    assert "path: cannot read" in wrong_rows(tmp_path / "broken.parquet")
    assert "split: " in wrong_rows(json_lines(tmp_path / "sums.jsonl", SUMS), split="train")
    assert "no split 'test'; it has train" in wrong_rows(Path(written["files"](tmp_path)), split="test")


def test_an_answer_that_no_completion_could_match_is_named(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "sums.jsonl", [*SUMS, {"prompt": "a?", "answer": "many"}])
    assert "row 37, column 'answer': the verifier numeric needs a number" in wrong_rows(path, verifier="numeric")


def test_a_file_is_read_once_until_it_changes(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "sums.jsonl", SUMS)
    assert index_of(source(path)) is index_of(source(path, template="Add: {prompt}", max_new_tokens=3))
    before = index_of(source(path))
    json_lines(path, SUMS[:-1])
    assert len(index_of(source(path)).train) < len(before.train)


@pytest.mark.parametrize(("offline", "path", "refused"), [("0", "someone/sums", False), ("1", "someone/sums", True), ("0", "a/b/c", True)])
def test_only_a_worker_looks_a_hub_id_up(monkeypatch: pytest.MonkeyPatch, offline: str, path: str, refused: bool) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", offline)
    document = {"name": "x", "experts": {"a": {"domain": "d"}}, "domains": {"d": {"source": "dataset", "path": path}}}
    with pytest.raises(SpecError, match=r"domains\.d\.path: nothing at") if refused else nullcontext():
        check_available(parse_spec(document))


def test_the_submission_is_refused_with_the_field_and_the_row(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "sums.jsonl", [*SUMS, {"prompt": "2 + 2 ="}])
    fields = {"name": "x", "experts": {"a": {"domain": "sums"}}}
    for data, says in ((path, "row 37, column 'answer'"), (tmp_path / "none.jsonl", "nothing at")):
        document = fields | {"domains": {"sums": {"source": "dataset", "path": str(data), "heldout": 4}}}
        with pytest.raises(SpecError) as caught:
            check_available(parse_spec(document))
        ((error,),) = (caught.value.errors,)
        assert error.field == "domains.sums.path"
        assert says in error.message


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"heldout": 1.5}, "heldout", "whole number"),
        ({"heldout": 0}, "heldout", "greater than 0"),
        ({"template": "{answer}"}, "template", "{prompt}"),
        ({"verifier": "reasoning_gym"}, "verifier", "source reasoning_gym"),
        ({"verifier": "exakt"}, "verifier.0", "exakt"),
        ({"verifier": {"kind": "regex", "pattern": "("}}, "verifier.0", "not a regular expression"),
        ({"verifier": ["exact", {"kind": "numeric", "tol": 1}]}, "verifier.1.tol", "there are kind, relative, tolerance"),
        ({"columns": {"question": "q"}}, "columns.question", "there are answer, images"),
    ],
)
def test_a_wrong_field_of_a_dataset_is_named(changes: dict[str, Any], field: str, says: str) -> None:
    document = {
        "name": "x",
        "domains": {"exact": {"source": "dataset", "path": "x.jsonl"} | changes},
        "experts": {"a": {"domain": "exact"}},
    }
    with pytest.raises(SpecError) as caught:
        parse_spec(document)
    errors = {error.field: error.message for error in caught.value.errors}
    assert says in errors[f"domains.exact.{field}"]


def test_a_whole_run_on_rows_of_ones_own(tmp_path: Path, mini: Path, store: Store) -> None:
    rows = pictures(tmp_path)
    document = {
        "name": "own rows",
        "method": "experts",
        "model": {"path": str(mini)},
        "domains": {
            "red": {
                "source": "dataset",
                "path": str(json_lines(tmp_path / "red.jsonl", rows)),
                "columns": {"images": "images"},
                "verifier": ["numeric", {"kind": "regex", "pattern": r"\d+", "weight": 0.5}],
                "max_new_tokens": 4,
            }
        },
        "experts": {"seer": {"domain": "red"}},
        "rounds": 1,
        "rlvr": {"steps": 2, "prompts": 2, "group": 4},
        "sampling": {"top_p": 0.9, "top_k": 50, "stop": ["e"], "batch": 3},
        "evaluation": {"prompts": 8, "samples": 1},
    }
    spec_of_run = parse_spec(document)
    check_available(spec_of_run)
    run = LocalRun(spec_of_run, store)
    assert run.execute() is None
    samples = [event for event in run.events() if isinstance(event, Sample)]
    assert samples
    assert all(sample.prompt == "How red?" and sample.media and "numeric" in sample.reason for sample in samples)
