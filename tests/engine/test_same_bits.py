"""A run through the whole stack ends with the numbers of a local run, for every method; `tests/chaos` disturbs it on the way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from copd_engine.local import LocalRun
from copd_engine.recipe import parse_recipe
from copd_engine.store import open_store
from tests.embedded import Stack, eventually
from tests.undisturbed import MINIATURE, assert_same, local_run

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


def has_trained(stack: Stack, run_id: str) -> bool:
    return bool(stack.client.series(run_id, name="reward").series)


@pytest.mark.parametrize("method", ["mixed_rlvr", "static_opd", "mopd", "opd"])
def test_every_method_gives_the_same_model_through_the_stack(stack: Stack, tmp_path: Path, method: str) -> None:
    text = f"{MINIATURE}method: {method}\n" + ("teachers: {fixed: {path: tiny, domain: text}}\n" if method == "opd" else "")
    run = stack.client.create_run(text)
    local = local_run(text, tmp_path)
    stack.wait_for(run.id, "completed")
    assert {c.digest for c in stack.client.checkpoints(run.id)} >= {local.merged_digest}
    assert [policy.name for policy in stack.client.run(run.id).policies] == ["base", *local.spec.policies(), "merged"]


def test_an_adaptive_schedule_decides_alike_through_the_stack(stack: Stack, tmp_path: Path) -> None:
    """No two experts keep an overlap of 0.9999, so that a decision is due after the first round."""
    text = MINIATURE.replace("sync_every: 1}", "sync_every: 1, adaptive: {floor: 0.9999, ceiling: 1.0}}")
    run = stack.client.create_run(text)
    local = local_run(text, tmp_path)
    stack.wait_for(run.id, "completed")
    assert [(edit.path, edit.value, edit.author) for edit in stack.client.run(run.id).edits] == [("opd.adaptive.teach", True, "scheduler")]
    assert [(edit.round, edit.value) for edit in local.edits] == [(1, True)]
    assert {c.digest for c in stack.client.checkpoints(run.id)} >= {local.merged_digest}


def test_a_recipe_gives_the_model_of_an_edited_run_again_locally_and_through_the_stack(stack: Stack, tmp_path: Path) -> None:
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
    stack.wait_for(again.id, "completed")
    ends = [max((c for c in stack.client.checkpoints(id_) if c.policy == "merged"), key=lambda c: c.step) for id_ in (run.id, again.id)]
    assert [end.digest for end in ends] == [replayed.merged_digest] * 2
    assert stack.client.recipe(again.id) == recipe


def test_a_paused_run_goes_on_to_the_bit_and_so_does_its_fork(stack: Stack, miniature: LocalRun) -> None:
    run = stack.client.create_run(MINIATURE)
    eventually(lambda: has_trained(stack, run.id), seconds=300)
    stack.client.command(run.id, "pause")
    stack.wait_for(run.id, "paused")
    stack.client.pause(run.id, "text")
    stack.client.resume(run.id)
    stack.wait_for(run.id, "completed")
    assert_same(stack, run.id, miniature)

    forked = stack.client.fork(run.id, keep_rounds=1)
    stack.wait_for(forked.id, "completed")
    assert_same(stack, forked.id, miniature)
