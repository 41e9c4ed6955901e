"""A recipe: read from text, refused where it could not have happened, and replayed to the same bits."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml

from copd_engine.cache import PolicyCache
from copd_engine.events import Bound
from copd_engine.local import LocalRun, run_id
from copd_engine.plan import plan
from copd_engine.recipe import Recipe, RecipeEdit, parse_recipe
from copd_engine.spec import SpecError, parse_spec
from copd_engine.store import Store, open_store
from tests.engine.steps import Build

SPEC: dict[str, Any] = {
    "name": "x",
    "domains": {"d": {"source": "digit_images"}},
    "experts": {n: {"domain": "d"} for n in "abc"},
    "rounds": 2,
    "rlvr": {"steps": 3},
}
EDITS: list[dict[str, Any]] = [
    {"path": "optimizer.lr", "value": 0.5, "steps": {"a": 2, "b": 4}},
    {"path": "rounds", "value": 3, "round": 1},
    {"path": "opd.topology", "value": "full", "round": 2},
    {"path": "w.b.c", "value": 0.25, "steps": {"b": 60}},
    {"path": "priority", "value": 7},
]


def test_a_spec_alone_is_a_recipe_without_edits() -> None:
    assert parse_recipe(SPEC) == Recipe(spec=parse_spec(SPEC))


def test_a_recipe_survives_yaml_and_json() -> None:
    recipe = parse_recipe({"spec": SPEC, "edits": EDITS})
    assert parse_recipe(yaml.safe_dump({"spec": SPEC, "edits": EDITS})) == recipe
    assert parse_recipe(recipe.model_dump_json()) == recipe
    assert len(plan(recipe.spec, recipe.structure())) > len(plan(recipe.spec))


def test_edits_are_numbered_together() -> None:
    recipe = parse_recipe({"spec": SPEC, "edits": EDITS})
    assert [edit.version for edit in recipe.structure(2)] == [3, 4]
    assert [(edit.version, edit.replayed) for edit in recipe.values(2)] == [(2, True), (5, True)]
    assert [(b.version, b.policy, b.step) for b in recipe.bindings(2)] == [(2, "a", 2), (2, "b", 4), (5, "b", 60)]


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"path": "optimizer.lr", "value": 2.0}, "edits.0", "optimizer.lr: Input should be less than or equal to 1"),
        ({"path": "model.path", "value": "x"}, "edits.0", "not an editable value"),
        ({"path": "w.b.c", "value": 0.5}, "edits.0", "not an editable value"),
        ({"path": "rounds", "value": 3}, "edits.0", "give round"),
        ({"path": "rounds", "value": 3, "round": 3}, "edits.0", "there is no round 3"),
        ({"path": "rlvr.steps", "value": 1, "round": 2}, "edits.0", "there is no round 2"),
        ({"path": "seed", "value": 1, "round": 0}, "edits.0", "steps of the policies"),
        ({"path": "seed", "value": 1, "steps": {"nobody": 3}}, "edits.0", "unknown: nobody"),
        ({"path": "priority", "value": 1, "steps": {"a": 3}}, "edits.0", "neither round nor steps"),
        ({"path": "seed", "value": 1, "steps": {"a": 0}}, "edits.0.steps.a", "greater than or equal to 1"),
        ({"path": "seed", "value": 1, "version": 3}, "edits.0.version", "not permitted"),
        ({"path": "seed"}, "edits.0.value", "Field required"),
    ],
)
def test_an_edit_that_could_not_have_been_made_is_refused(change: dict[str, Any], field: str, says: str) -> None:
    with pytest.raises(SpecError) as refused:
        parse_recipe({"spec": SPEC, "edits": [change]})
    assert field in {error.field for error in refused.value.errors}
    assert says in str(refused.value)


def test_a_wrong_spec_in_a_recipe_is_named_where_it_is() -> None:
    with pytest.raises(SpecError, match=r"spec\.rlvr\.steps"):
        parse_recipe({"spec": SPEC | {"rlvr": {"steps": 0}}, "edits": []})
    with pytest.raises(SpecError, match="notes: unknown field; a recipe has spec and edits"):
        parse_recipe({"spec": SPEC, "notes": ""})


@pytest.fixture
def run(tmp_path: Path, coins: PolicyCache) -> Callable[..., LocalRun]:
    """Carries out a recipe in a store of its own."""
    folders = count()

    def finish(recipe: Recipe) -> LocalRun:
        coins.forget()
        local = LocalRun(recipe.spec, open_store(str(tmp_path / str(next(folders)))), cache=coins, edits=recipe.edits)
        assert local.execute() is None
        return local

    return finish


def test_an_edit_acts_where_the_recipe_says_and_nowhere_else(run: Callable[..., LocalRun], small: Build) -> None:
    spec = small(rounds=1, agreement={"enabled": False}, evaluation={"prompts": 8, "samples": 0})

    def digests(*edits: RecipeEdit) -> dict[str, str]:
        done = run(Recipe(spec=spec, edits=edits)).done.values()
        return {c.policy: c.digest for result in done for c in result.checkpoints if c.step == 2}

    plain = digests()
    edited = digests(RecipeEdit(path="optimizer.lr", value=0.01, steps={"text": 2}))
    late = digests(RecipeEdit(path="optimizer.lr", value=0.01, steps={"text": 99}), RecipeEdit(path="seed", value=3))
    assert {name for name in plain if plain[name] != edited[name]} == {"text"}
    assert late == plain
    assert run_id(spec) != run_id(spec, [RecipeEdit(path="seed", value=3)])


def test_a_replay_that_is_stopped_goes_on_with_its_edits(
    run: Callable[..., LocalRun], small: Build, store: Store, coins: PolicyCache
) -> None:
    edits = (
        RecipeEdit(path="seed", value=5, steps={"text": 2, "image": 1}),
        RecipeEdit(path="rlvr.steps", value=1, round=1),
        RecipeEdit(path="rlvr.clip_high", value=0.0, steps={"video": 3}),
    )
    recipe = Recipe(spec=small(rounds=2, optimizer={"lr": 1e-3, "updates": 2}), edits=edits)
    recipe.check()
    whole = run(recipe)
    coins.forget()
    asked = count()
    while (local := LocalRun(recipe.spec, store, cache=coins, edits=edits)).execute(lambda: next(asked) % 5 == 4) is not None:
        pass
    assert local.merged_digest == whole.merged_digest != run(Recipe(spec=recipe.spec)).merged_digest
    bound = {(event.version, event.policy, event.step) for event in whole.events() if isinstance(event, Bound)}
    assert bound == {(1, "text", 2), (1, "image", 1), (3, "video", 3)}
