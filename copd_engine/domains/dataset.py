"""A domain made of somebody's rows: questions, answers, pictures and clips from a file, a folder or a Hugging Face dataset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from copd_engine import spec
from copd_engine.domains.base import Prompt, Reward, Split, check_index
from copd_engine.domains.files import MediaFile, media_file
from copd_engine.domains.judge import Judge
from copd_engine.domains.order import shuffled
from copd_engine.domains.rows import Row, Rows, open_rows
from copd_engine.domains.verifiers import answer_problem
from copd_engine.reach import EVERYWHERE, Reach

DECODED_AT_ONCE: Final = 32  # rows whose media are decoded when the data set is opened: enough to find what is wrong with all of them

LEAST_HELDOUT: Final = 2  # an accuracy has no standard error with fewer


@dataclass(frozen=True)
class Question:
    """A checked row. digest: 16 bytes of its prompt (white space aside) and its media's content: what makes it a question of its own."""

    text: str
    answer: str
    images: tuple[MediaFile, ...]
    video: MediaFile | None

    def digest(self) -> bytes:
        """Equal for equal questions, whatever the names of their files and the white space of their text. Raises OSError."""
        total = blake2b(" ".join(self.text.split()).encode(errors="surrogatepass"), digest_size=16)
        for file in (*self.images, *([self.video] if self.video else [])):
            total.update(file.digest())
        return total.digest()


@dataclass(frozen=True, eq=False)
class Index:
    """Each split's rows as (number, place) [n, 2], in the order of their questions' digests. No question is in both."""

    rows: Rows
    train: NDArray[np.int64]
    heldout: NDArray[np.int64]
    fingerprint: str
    """32 hexadecimal digits: equal for equal questions with equal answers, in whatever order and under whatever names."""


class DatasetDomain:
    """Prompt i of a split is a row of it; after the last one they come again, in another order."""

    def __init__(self, name: str, source: spec.Dataset, reach: Reach = EVERYWHERE) -> None:
        """Raises ValueError, naming field, file, row and column, for data that cannot be used. Reads every row once."""
        self.name = name
        self._source = source
        if refused := reach.problem("data", source.path):
            raise ValueError(f"path: {refused}")
        self._reader = Reader(source, reach)
        self._index = index_of(source, reach)
        self._judge = Judge(source.verifier)

    @property
    def fingerprint(self) -> str:
        """Equal for equal questions with equal answers."""
        return self._index.fingerprint

    def count(self, split: Split) -> int:
        return len(self._rows(split))

    def prompt(self, split: Split, index: int) -> Prompt:
        """Raises ValueError, naming file, row and column, for a picture or clip that cannot be read."""
        check_index(split, index)
        rows = self._rows(split)
        number, place = rows[shuffled(split, len(rows), index)].tolist()
        question = self._reader.question(self._index.rows, number, self._index.rows.at(place))
        images, (video, fps) = self._reader.decoded(self._index.rows, number, question)
        text = self._source.template.replace("{prompt}", question.text)
        return Prompt(self.name, split, index, text, question.answer, images, video, fps, f"{self._index.rows.name}, row {number}")

    def reward(self, prompt: Prompt, completion: str) -> Reward:
        return self._judge(prompt, completion)

    def _rows(self, split: Split) -> NDArray[np.int64]:
        return self._index.train if split == "train" else self._index.heldout


class Reader:
    """From a row's cells to a question, with errors that name file, row and column. reach: where the files that rows name may lie."""

    def __init__(self, source: spec.Dataset, reach: Reach) -> None:
        self.source, self.columns, self._reach = source, source.columns, reach

    def named(self) -> list[str]:
        """The columns that are read."""
        return list(dict.fromkeys(name for name in self.columns.model_dump().values() if name is not None))

    def question(self, rows: Rows, number: int, row: Row) -> Question:
        """The checked row; its media are there but not decoded. Raises ValueError, naming file, row and column."""
        if missing := [column for column in self.named() if column not in row]:
            raise _wrong(rows, number, missing[0], f"there is no such column; the row has {', '.join(map(str, row)) or 'none'}")
        prompt, answer = row[self.columns.prompt], _answer(row[self.columns.answer])
        if not isinstance(prompt, str) or not prompt.strip():
            raise _wrong(rows, number, self.columns.prompt, "must be a text that is not empty")
        if answer is None:
            raise _wrong(rows, number, self.columns.answer, "there is no answer; it must be a text or a number")
        for verifier in self.source.verifier:
            if problem := answer_problem(verifier, answer):
                raise _wrong(rows, number, self.columns.answer, problem)
        images = tuple(self._files(rows, number, row, self.columns.images))
        video = next(self._files(rows, number, row, self.columns.video), None)
        return Question(prompt, answer, images, video)

    def decoded(self, rows: Rows, number: int, question: Question) -> tuple[tuple[Any, ...], tuple[Any, float]]:
        """A question's images, each [H, W, 3], and its video [F, H, W, 3] with its frames per second.

        Raises ValueError as `question` does.
        """
        column = self.columns.images or ""
        try:
            images = tuple(file.image() for file in question.images)
            column = self.columns.video or ""
            return images, question.video.video(self.source.frames) if question.video else (None, 2.0)
        except ValueError as error:
            raise _wrong(rows, number, column, str(error)) from error

    def _files(self, rows: Rows, number: int, row: Row, column: str | None) -> Iterator[MediaFile]:
        cell = None if column is None else row[column]
        for item in cell if isinstance(cell, list) else [] if cell is None else [cell]:
            try:
                yield media_file(item, rows.folder, self._reach)
            except (ValueError, OSError) as error:
                raise _wrong(rows, number, column or "", str(error)) from None


def index_of(source: spec.Dataset, reach: Reach = EVERYWHERE) -> Index:
    """The rows of a data set by split; the same file is read once per process while it does not change."""
    path = Path(source.path)
    stamp = (path.stat().st_mtime_ns, path.stat().st_size) if path.exists() else None
    return _index(source.model_dump_json(exclude={"max_new_tokens", "template"}), stamp, reach)


@lru_cache(maxsize=32)
def _index(source_json: str, _stamp: tuple[int, int] | None, reach: Reach) -> Index:
    source = spec.Dataset.model_validate_json(source_json)
    reader = Reader(source, reach)
    rows = open_rows(source.path, source.split, reader.named())
    found: dict[bytes, tuple[int, int]] = {}
    content = list[bytes]()
    for number, place, row in rows:
        question = reader.question(rows, number, row)
        if len(found) < DECODED_AT_ONCE:
            reader.decoded(rows, number, question)
        digest = question.digest()
        found.setdefault(digest, (number, place))
        content.append(blake2b(digest + question.answer.encode(errors="surrogatepass"), digest_size=16).digest())
    order = np.array([found[digest] for digest in sorted(found)], dtype=np.int64).reshape(-1, 2)
    held = heldout_count(source, len(order))
    fingerprint = blake2b(b"".join(sorted(content)), digest_size=16).hexdigest()
    return Index(rows, order[held:], order[:held], fingerprint)


def heldout_count(source: spec.Dataset, questions: int) -> int:
    """How many of the different questions are held out. Raises ValueError where one split would be too small."""
    if questions == 0:
        raise ValueError(f"path: {source.path} has no rows")
    count = round(source.heldout * questions) if source.heldout < 1 else int(source.heldout)
    if not LEAST_HELDOUT <= count < questions:
        raise ValueError(
            f"heldout: {source.path} has {questions} different questions; {source.heldout:g} of them would hold out {count}, "
            f"but at least {LEAST_HELDOUT} must be held out, and some kept to train on"
        )
    return count


def _answer(cell: Any) -> str | None:
    text = str(cell).strip() if isinstance(cell, str | int | float) else ""
    return text or None


def _wrong(rows: Rows, number: int, column: str, message: str) -> ValueError:
    return ValueError(f"path: {rows.name}, row {number}, column '{column}': {message}")
