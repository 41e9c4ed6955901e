"""The specs that ship are valid, and the two that are drawn together compare like with like."""

from pathlib import Path

import pytest

from copd_engine.plan import Kind, plan
from copd_engine.preflight import check_available
from copd_engine.reach import EVERYWHERE
from copd_engine.spec import RunSpec, parse_spec
from copd_engine.structure import with_edit

FETCHED = "./smollm2"  # a model that does not ship: the example's first lines say how to fetch it
EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))


def read(path: Path) -> RunSpec:
    return parse_spec(path.read_text())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_can_run(path: Path) -> None:
    spec = read(path)
    if spec.model.path == FETCHED:
        spec = with_edit(spec, "model.path", "tiny")
    check_available(spec, EVERYWHERE)
    assert spec.evaluation.prompts >= 256
    assert plan(spec)


def test_independent_experts_differ_from_three_experts_by_teaching_alone() -> None:
    taught, alone = (read(EXAMPLES[0].with_stem(stem)) for stem in ("three-experts", "independent-experts"))
    for field in ("seed", "model", "domains", "experts", "rlvr", "optimizer", "evaluation", "agreement"):
        assert getattr(taught, field) == getattr(alone, field), field
    assert taught.priority > alone.priority
    assert not [segment for segment in plan(alone) if segment.kind is Kind.opd]
