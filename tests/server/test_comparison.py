"""The paper's table over seeds, intervals and differences: pure, against references."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from server.comparison import Entry, differences, estimate, groups, t_quantile, table
from tests.server.seed import spec

ACCURACY = st.floats(0, 1)


def entry(name: str, seed: int = 0, scores: dict[str, dict[str, float]] | None = None, **options: Any) -> Entry:
    """A run of the seeded spec, changed by `spec`; scores: policy → domain → accuracy, with a standard error of 0.02."""
    changes = options.pop("spec", {})
    given = spec(name=name, seed=seed, **changes)
    scored = {policy: {domain: (value, 0.02) for domain, value in row.items()} for policy, row in (scores or {}).items()}
    return Entry(name, name, given.method, seed, given.model_dump(mode="json"), scores=scored, **options)


@pytest.mark.parametrize("degrees", [1, 2, 5, 10, 30, 31, 32, 40, 100, 1000])
def test_quantiles_are_those_of_students_t(degrees: int) -> None:
    assert t_quantile(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), rel=4e-6)
    with pytest.raises(ValueError, match="two values"):
        t_quantile(0)


@given(st.lists(ACCURACY, min_size=2, max_size=32))
def test_an_interval_over_seeds_is_that_of_a_t_test(values: list[float]) -> None:
    found = estimate([(value, 0.5) for value in values])
    assert found
    array = np.array(values, np.float64)
    half = stats.t.ppf(0.975, len(values) - 1) * array.std(ddof=1) / math.sqrt(len(values))
    assert found.mean == pytest.approx(array.mean(), abs=1e-12)
    assert found.low == pytest.approx(max(0.0, array.mean() - half), abs=1e-6)
    assert found.high == pytest.approx(min(1.0, array.mean() + half), abs=1e-6)
    assert found.seeds == len(values)


def test_one_seed_has_the_interval_over_its_prompts_and_none_has_none() -> None:
    one = estimate([(0.6, 0.05)])
    assert one
    assert (one.low, one.high) == (pytest.approx(0.502), pytest.approx(0.698))
    unsure = estimate([(0.6, None)])
    assert unsure
    assert (unsure.mean, unsure.low, unsure.high) == (0.6, None, None)
    assert estimate([]) is None


def test_runs_are_one_group_when_only_seed_and_labels_differ() -> None:
    same = [entry("a", 0), entry("b", 1, spec={"tags": ["x"], "notes": "n", "priority": 3}), entry("c", 2)]
    longer, edited = entry("d", 3, spec={"rounds": 3}), entry("e", 4, edits=[("w.text.image", 0.3, "at step 2")])
    also = entry("f", 5, edits=[("w.text.image", 0.3, "at step 2")])
    found = groups([*same, longer, edited, also])
    assert [[run.name for run in group.runs] for group in found] == [["a", "b", "c"], ["d"], ["e", "f"]]


def test_a_seed_that_was_done_twice_counts_once_the_newest() -> None:
    [group] = groups([entry("new", 0, age=2), entry("old", 0, age=0), entry("other", 1, age=1)])
    assert [run.name for run in group.seeds] == ["new", "other"]


def test_the_table_has_bases_then_methods_with_the_best_marked() -> None:
    scores = {"base": {"text": 0.2, "image": 0.3}, "merged": {"text": 0.6, "image": 0.5}, "text": {"text": 0.7}}
    better = {"base": {"text": 0.2, "image": 0.3}, "merged": {"text": 0.4, "image": 0.9}}
    runs = [entry("co", 0, scores), entry("co again", 1, {**scores, "merged": {"text": 0.8, "image": 0.5}})]
    found = table([*runs, entry("alone", 0, better, spec={"method": "experts"})])
    assert found.domains == ["text", "image"]
    assert [(line.label, line.policy, line.group) for line in found.lines] == [
        ("tiny", "base", None), ("co", "merged", 0), ("co", "text", 0), ("alone", "merged", 1),
    ]  # fmt: skip
    base, co, expert, alone = found.lines
    assert [cell and (round(cell.mean, 6), cell.seeds) for cell in co.cells] == [(0.7, 2), (0.5, 2)]
    assert co.mean
    assert co.mean.mean == pytest.approx(0.6)
    assert alone.mean
    assert alone.mean.high == pytest.approx(0.65 + 1.96 * math.sqrt(2 * 0.02**2) / 2)
    assert [set(line.best) for line in (base, co, expert, alone)] == [set(), {0}, set(), {1, 2}]
    assert expert.cells[1] is None
    assert expert.mean is None


def test_domains_that_only_some_runs_have_are_gaps() -> None:
    domains = {"text": {"source": "reasoning_gym", "tasks": {"gcd": {}}}}
    alone = entry("one", 0, {"merged": {"text": 0.5}}, spec={"domains": domains, "experts": {"text": {"domain": "text"}}})
    both = entry("two", 0, {"merged": {"text": 0.4, "image": 0.2}})
    found = table([alone, both])
    merged = [line for line in found.lines if line.policy == "merged"]
    assert [[cell is None for cell in line.cells] for line in merged] == [[False, True], [False, False]]
    assert [line.mean is None for line in merged] == [True, False]
    assert [set(line.best) for line in merged] == [{0}, set()], "a column with one value has no best"


def test_differences_are_the_fields_that_differ_with_defaults_filled_in() -> None:
    runs = [
        entry("a", 0), entry("b", 1, spec={"opd": {"steps": 4}, "w": {"text": {"image": 0.5}}}),
        entry("c", 0, edits=[("w.text.image", 0.3, "at step 12"), ("w.text.image", 1, "")]),
    ]  # fmt: skip
    found = {(each.section, each.path): each.values for each in differences(runs)}
    assert found.pop(("opd", "opd.steps")) == ["2", "4", "2"]
    assert found.pop(("general", "seed")) == ["0", "1", "0"]
    assert found.pop(("edits", "w.text.image")) == [None, None, "0.3 at step 12, then 1"]
    assert found == {("w", "w.text.image"): [None, "0.5", None]}, "nothing else differs"
    sections = [each.section for each in differences(runs)]
    assert sections == sorted(sections, key=sections.index), "a section stands in one piece"
    assert differences([runs[0], entry("z", 0)]) == []
