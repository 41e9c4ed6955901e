"""A run through the whole stack, with any of its processes killed under way, ends with the numbers of an undisturbed local run."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from copd_engine.events import Points
from copd_engine.local import LocalRun
from copd_engine.plan import TRAINING
from copd_engine.recipe import parse_recipe
from copd_engine.spec import parse_spec
from copd_engine.store import open_store
from tests.embedded import Stack, eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
MINIATURE = (Path(__file__).parents[1] / "miniature.yaml").read_text()
SeriesKey = tuple[str, str, str | None, str | None]
Curves = dict[SeriesKey, list[tuple[int, float | None]]]


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> LocalRun:
    run = LocalRun(parse_spec(MINIATURE), open_store(str(tmp_path_factory.mktemp("local"))))
    assert run.execute() is None
    return run


def is_measured(name: str) -> bool:
    """Whether a series is a time, which no two runs share."""
    return name.startswith("seconds") or name in ("step_seconds", "tokens_per_second")


def curves_of(points: Iterable[Points]) -> Curves:
    """Every series by step, times aside."""
    curves: Curves = {}
    for point in points:
        for value in point.values:
            if not is_measured(value.name):
                curves.setdefault((value.name, point.policy, value.peer, value.domain), []).append((point.step, value.value))
    return {key: sorted(curve) for key, curve in curves.items()}


def has_trained(stack: Stack, run_id: str) -> bool:
    return bool(stack.client.series(run_id, name="reward").series)


@pytest.mark.parametrize("method", ["mixed_rlvr", "static_opd", "mopd", "opd"])
def test_every_method_gives_the_same_model_through_the_stack(stack: Stack, tmp_path: Path, method: str) -> None:
    text = f"{MINIATURE}method: {method}\n" + ("teachers: {fixed: {path: tiny, domain: text}}\n" if method == "opd" else "")
    run = stack.client.create_run(text)
    local = LocalRun(parse_spec(text), open_store(str(tmp_path)))
    assert local.execute() is None
    stack.wait_for(run.id, "completed")
    assert {c.digest for c in stack.client.checkpoints(run.id)} >= {local.merged_digest}
    assert [policy.name for policy in stack.client.run(run.id).policies] == ["base", *local.spec.policies(), "merged"]


def test_an_adaptive_schedule_decides_alike_through_the_stack(stack: Stack, tmp_path: Path) -> None:
    """No two experts keep an overlap of 0.9999, so that a decision is due after the first round."""
    text = MINIATURE.replace("sync_every: 1}", "sync_every: 1, adaptive: {floor: 0.9999, ceiling: 1.0}}")
    run = stack.client.create_run(text)
    local = LocalRun(parse_spec(text), open_store(str(tmp_path)))
    assert local.execute() is None
    stack.wait_for(run.id, "completed")
    assert [(edit.path, edit.value, edit.author) for edit in stack.client.run(run.id).edits] == [("opd.adaptive.teach", True, "scheduler")]
    assert [(edit.round, edit.value) for edit in local.edits] == [(1, True)]
    assert {c.digest for c in stack.client.checkpoints(run.id)} >= {local.merged_digest}


def test_a_recipe_gives_the_model_of_an_edited_run_again_locally_and_through_the_stack(
    stack: Stack, local: LocalRun, tmp_path: Path
) -> None:
    """Values and structure are edited at any moment, and the run is paused: where each edit took effect, its recipe tells."""
    run = stack.client.create_run(MINIATURE)
    stack.client.edit(run.id, {"rlvr.temperature": 0.8})
    eventually(lambda: has_trained(stack, run.id), seconds=300)
    stack.client.edit(run.id, {"w.image.text": 0.25, "optimizer.lr": 3e-4, "seed": 7, "rlvr.clip_high": 0.5, "rounds": 3, "rlvr.steps": 2})
    stack.client.command(run.id, "pause")
    stack.wait_for(run.id, "paused")
    stack.client.edit(run.id, {"w.text.image": 0.5, "priority": 1})
    stack.client.command(run.id, "resume")
    stack.wait_for(run.id, "completed")

    recipe = stack.client.recipe(run.id)
    assert [edit["path"] for edit in recipe["edits"] if edit["round"] is not None] == ["rounds", "rlvr.steps"]
    again = stack.client.create_run(json.dumps(recipe))
    given = parse_recipe(recipe)
    replayed = LocalRun(given.spec, open_store(str(tmp_path)), edits=given.edits)
    assert replayed.execute() is None
    assert replayed.merged_digest != local.merged_digest
    stack.wait_for(again.id, "completed")
    ends = [max((c for c in stack.client.checkpoints(id_) if c.policy == "merged"), key=lambda c: c.step) for id_ in (run.id, again.id)]
    assert [end.digest for end in ends] == [replayed.merged_digest] * 2
    assert stack.client.recipe(again.id) == recipe


@pytest.mark.parametrize("victim", ["worker-1", "worker-2", "scheduler", "api", "valkey", "paused"])
def test_a_disturbed_run_has_the_same_weights_and_no_point_missing_or_doubled(stack: Stack, local: LocalRun, victim: str) -> None:
    """`paused` is no victim: the run is paused and resumed instead."""
    run = stack.client.create_run(MINIATURE)
    eventually(lambda: has_trained(stack, run.id), seconds=300)
    if victim == "paused":
        stack.client.command(run.id, "pause")
        stack.wait_for(run.id, "paused")
        stack.client.command(run.id, "resume")
    else:
        stack.kill(victim)
    eventually(lambda: stack.client.run(run.id).state == "completed", seconds=300)

    assert {c.digest for c in stack.client.checkpoints(run.id)} >= {local.merged_digest}
    expected = curves_of(event for event in local.events() if isinstance(event, Points))
    series = [s for s in stack.client.series(run.id).series if not is_measured(s.name)]
    given = {(s.name, s.policy, s.peer, s.domain): list(zip(s.step, s.value, strict=True)) for s in series}
    assert given == expected
    steps = sum(s.steps for s in local.segments if s.kind in TRAINING)
    assert sum(s.total for s in series if s.name == "reward") == steps
