"""Data that cannot be used is refused by file, row and column, at submission where the file can be seen."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from copd_engine.preflight import check_available
from copd_engine.reach import EVERYWHERE
from copd_engine.spec import SpecError, parse_spec
from tests.engine.rows import SUMS, container, domain, json_lines, pictures


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
    path = json_lines(tmp_path / "all.jsonl", SUMS)
    for heldout, says in ((36, "36 of them would hold out 36, but"), (0.03, "0.03 of them would hold out 1, but at least 2")):
        assert f"heldout: {path} has 36 different questions; {says}" in wrong_rows(path, heldout=heldout)


@pytest.mark.usefixtures("own_cache")
def test_a_column_that_does_not_exist_is_named(tmp_path: Path) -> None:
    columns = {"answer": "reply"}
    message = wrong_rows(json_lines(tmp_path / "sums.jsonl", SUMS), columns=columns)
    assert "row 1, column 'reply': there is no such column; the row has prompt, answer" in message
    assert "no column 'reply'; it has prompt, answer" in wrong_rows(container("parquet", tmp_path), columns=columns)


@pytest.mark.usefixtures("own_cache")
def test_a_table_that_cannot_be_read_and_a_split_that_is_not_there_are_named(tmp_path: Path) -> None:
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 broken")
    assert "path: cannot read" in wrong_rows(tmp_path / "broken.parquet")
    assert "split: " in wrong_rows(json_lines(tmp_path / "sums.jsonl", SUMS), split="train")
    assert "no split 'test'; it has train" in wrong_rows(container("files", tmp_path), split="test")


def test_an_answer_that_no_completion_could_match_is_named(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "sums.jsonl", [*SUMS, {"prompt": "a?", "answer": "many"}])
    assert "row 37, column 'answer': the verifier numeric needs a number" in wrong_rows(path, verifier="numeric")


@pytest.mark.parametrize(("offline", "path", "refused"), [("0", "someone/sums", False), ("1", "someone/sums", True), ("0", "a/b/c", True)])
def test_only_a_worker_looks_a_hub_id_up(monkeypatch: pytest.MonkeyPatch, offline: str, path: str, refused: bool) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", offline)
    document = {"name": "x", "experts": {"a": {"domain": "d"}}, "domains": {"d": {"source": "dataset", "path": path}}}
    with pytest.raises(SpecError, match=r"domains\.d\.path: nothing at") if refused else nullcontext():
        check_available(parse_spec(document), EVERYWHERE)


def test_the_submission_is_refused_with_the_field_and_the_row(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "sums.jsonl", [*SUMS, {"prompt": "2 + 2 ="}])
    fields = {"name": "x", "experts": {"a": {"domain": "sums"}}}
    for data, says in ((path, "row 37, column 'answer'"), (tmp_path / "none.jsonl", "nothing at")):
        document = fields | {"domains": {"sums": {"source": "dataset", "path": str(data), "heldout": 4}}}
        with pytest.raises(SpecError) as caught:
            check_available(parse_spec(document), EVERYWHERE)
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
        (
            {"verifier": "exakt"},
            "verifier.0.kind",
            "math, numeric, plugin, reasoning_gym, regex (given: 'exakt')",
        ),
        ({"verifier": [{"within": "boxed"}]}, "verifier.0.kind", "must be one of choice, exact"),
        ({"verifier": ["exact", 7]}, "verifier", "must be a verifier's name, a mapping"),
        ({"verifier": None}, "verifier", "must be a verifier's name, a mapping"),
        ({"verifier": []}, "verifier", "at least 1 item"),
        ({"verifier": {"kind": "numeric", "tol": 1}}, "verifier.0.tol", "there are kind, relative, tolerance"),
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
