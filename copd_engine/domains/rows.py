"""Rows of a data set, one at a time, from JSON Lines or from whatever the package `datasets` reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Protocol

Row = dict[str, Any]
LONGEST_LINE: Final = 1 << 26  # bytes


class Rows(Protocol):
    """name: what errors call it. folder: where its relative paths start."""

    name: str
    folder: Path

    def __iter__(self) -> Iterator[tuple[int, int, Row]]:
        """(number for people, from 1; place, for `at`; the row) of every row. Raises ValueError naming the row that cannot be read."""
        ...

    def at(self, place: int) -> Row:
        """The row at a place that iterating gave. Raises ValueError where the data have changed."""
        ...


class JsonLines:
    """A JSON Lines file. A row's number is its line, its place the line's first byte. Only one line is in memory at a time."""

    def __init__(self, path: Path) -> None:
        self.name, self.folder, self._path = str(path), path.parent, path

    def __iter__(self) -> Iterator[tuple[int, int, Row]]:
        with self._path.open("rb") as file:
            number, place = 1, 0
            while line := file.readline(LONGEST_LINE):
                if len(line) == LONGEST_LINE:
                    raise ValueError(f"path: {self.name}, row {number}: longer than {LONGEST_LINE >> 20} MiB")
                if line.strip():
                    yield number, place, self._parsed(line, number)
                number, place = number + 1, place + len(line)

    def at(self, place: int) -> Row:
        with self._path.open("rb") as file:
            file.seek(place)
            return self._parsed(file.readline(LONGEST_LINE), None)

    def _parsed(self, line: bytes, number: int | None) -> Row:
        where = f"path: {self.name}, row {number}" if number else f"path: {self.name} changed while in use"
        try:
            row = json.loads(line.decode("utf-8-sig"))
        except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else "not UTF-8 text"
            raise ValueError(f"{where}: not valid JSON ({reason}); each line must be one JSON object") from None
        if not isinstance(row, dict):
            raise ValueError(f"{where}: must be a JSON object, not {type(row).__name__}")  # noqa: TRY004 – it is the file that is wrong
        return row


class Table:
    """A Parquet file, a folder or a Hugging Face dataset, mapped into memory by `datasets`. Media columns stay undecoded."""

    def __init__(self, path: str, split: str | None, columns: list[str]) -> None:
        """Raises ValueError, naming the field, where there is no such data set, split or column."""
        self.name = path
        self.folder = Path(path) if Path(path).is_dir() else Path(path).parent
        self._data = _loaded(path, split, columns).with_format("arrow")

    def __iter__(self) -> Iterator[tuple[int, int, Row]]:
        for place in range(len(self._data)):
            yield place + 1, place, self.at(place)

    def at(self, place: int) -> Row:
        return self._data[place].to_pylist()[0]


def open_rows(path: str, split: str | None, columns: list[str]) -> Rows:
    """The rows at a `.jsonl` or `.parquet` file, a folder, or a Hugging Face id. Raises ValueError, naming the field."""
    if Path(path).suffix in (".jsonl", ".parquet"):
        if not Path(path).is_file():
            raise ValueError(f"path: no file at {path}")
        if split is not None:
            raise ValueError(f"split: {path} is one file, which has no splits; leave it out")
    return JsonLines(Path(path)) if Path(path).suffix == ".jsonl" else Table(path, split, columns)


def _loaded(path: str, split: str | None, columns: list[str]) -> Any:
    import datasets  # a second to import: not before a table is wanted

    datasets.disable_progress_bars()  # the engine reports progress itself
    try:
        data = _read(datasets, path, split)
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"path: cannot read {path}: {reason[:500]}") from error
    if isinstance(data, dict):
        if (split or "train") not in data:
            raise ValueError(f"split: {path} has no split '{split or 'train'}'; it has {', '.join(map(str, data))}")
        data = data[split or "train"]
    if missing := [column for column in columns if column not in data.column_names]:
        raise ValueError(f"columns: {path} has no column '{missing[0]}'; it has {', '.join(data.column_names)}")
    return data.select_columns(columns)


def _read(datasets: Any, path: str, split: str | None) -> Any:
    """A Dataset, or a mapping of them by split."""
    if path.endswith(".parquet"):
        return datasets.Dataset.from_parquet(path)
    if Path(path).is_dir() and any((Path(path) / name).is_file() for name in ("state.json", "dataset_dict.json")):
        data = datasets.load_from_disk(path)
        if split is not None and not isinstance(data, dict):
            raise ValueError("it was saved as one split; leave `split` out")
        return data
    return datasets.load_dataset(path)
