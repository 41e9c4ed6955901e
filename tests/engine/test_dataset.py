"""Prompts from somebody's own rows: the splits never meet, and a prompt is a function of split and index."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copd_engine.domains import Domain, Split
from copd_engine.domains.base import SPLITS
from copd_engine.domains.dataset import index_of
from copd_engine.domains.order import shuffled
from copd_engine.events import Sample
from copd_engine.local import LocalRun
from copd_engine.preflight import check_available
from copd_engine.reach import EVERYWHERE
from copd_engine.spec import parse_spec
from copd_engine.store import Store
from tests.engine.rows import SUMS, container, domain, json_lines, pictures, source


def questions(made: Domain, split: Split, count: int) -> list[tuple[str, str]]:
    return [(prompt.text, prompt.answer) for prompt in (made.prompt(split, index) for index in range(count))]


@pytest.mark.parametrize(("heldout", "count"), [(0.25, 9), (5, 5)])
def test_every_row_is_in_one_split_and_none_is_lost(tmp_path: Path, heldout: float, count: int) -> None:
    made = domain(json_lines(tmp_path / "sums.jsonl", SUMS), heldout=heldout)
    held, train = questions(made, "heldout", count), questions(made, "train", 36 - count)
    assert (made.count("heldout"), made.count("train")) == (count, 36 - count)
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


@pytest.mark.parametrize("kind", ["parquet", "saved", "files"])
@pytest.mark.usefixtures("own_cache")
def test_the_container_changes_no_prompt(tmp_path: Path, kind: str) -> None:
    plain = domain(json_lines(tmp_path / "sums.jsonl", SUMS))
    other = domain(container(kind, tmp_path))
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


def test_a_file_is_read_once_until_it_changes(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "sums.jsonl", SUMS)
    assert index_of(source(path)) is index_of(source(path, template="Add: {prompt}", max_new_tokens=3))
    before = index_of(source(path))
    json_lines(path, SUMS[:-1])
    assert len(index_of(source(path)).train) < len(before.train)


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
                "heldout": 3,
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
    check_available(spec_of_run, EVERYWHERE)
    run = LocalRun(spec_of_run, store)
    assert run.execute() is None
    samples = [event for event in run.events() if isinstance(event, Sample)]
    assert {sample.index for sample in samples} == {0}
    assert all(sample.prompt == "How red?" and sample.media and "numeric" in sample.reason for sample in samples)
