"""A run that was edited, its recipe, and the recipe carried out again: the same work with the same values at the same steps."""

from __future__ import annotations

from typing import Any

import pytest

from copd_engine.recipe import Recipe, parse_recipe
from server import queries
from server.commands import create_run, edit_controls
from server.db.models import Run
from tests.server.simulation import World, small_spec

pytestmark = pytest.mark.integration
AT_WORK = ("w1", "w2")


def edit(world: World, run: str, changes: dict[str, Any]) -> None:
    with world.backend.sessions() as session:
        edit_controls(session, run, changes, "bob", world.run(run).control_version)


def recipe_of(world: World, run: str) -> Recipe:
    with world.backend.sessions() as session:
        return queries.recipe(session, session.get_one(Run, run))


def replay(world: World, recipe: Recipe) -> str:
    """Submits the recipe as text, as people do. Returns the run's id."""
    text = recipe.model_dump_json()
    given = parse_recipe(text)
    with world.backend.sessions() as session:
        return create_run(session, given.spec, text, "eve", edits=given.edits)


def work_until(world: World, run: str, *keys: str) -> None:
    """One segment at a time, until one of these is done."""
    while all(world.segment(run, key).state != "done" for key in keys):
        world.tick()
        for worker in AT_WORK:
            if not any(world.segment(run, key).state == "done" for key in keys):
                world.finish(worker)
                world.tick()
        world.record()


def edited_run(world: World) -> str:
    """Values and structure edited at the start, within, and when one of the two experts is done with its last step."""
    run = world.submit(small_spec())
    edit(world, run, {"w.image.video": 0.5, "rlvr.temperature": 0.7})
    work_until(world, run, "rlvr.image@0")
    edit(world, run, {"rlvr.steps": 1, "rounds": 3, "seed": 4, "priority": 2})
    work_until(world, run, "opd.image@10", "opd.video@10")
    edit(world, run, {"optimizer.lr": 0.5})
    world.complete(run, AT_WORK)
    return run


def test_the_replay_does_the_same(world: World) -> None:
    run = edited_run(world)
    recipe = recipe_of(world, run)
    assert [(e.path, e.round) for e in recipe.edits if e.round is not None] == [("rounds", 1), ("rlvr.steps", 1)]
    assert [len(e.steps) for e in recipe.edits if e.path == "optimizer.lr"] == [1], "it came too late for the other"
    again = replay(world, recipe)
    assert (world.run(again).priority, world.run(again).control_version) == (2, 1 + len(recipe.edits))
    world.complete(again, AT_WORK)
    assert world.merged_digest(again) == world.merged_digest(run)
    assert world.points(again) == world.points(run)
    assert recipe_of(world, again) == recipe


def test_an_edit_of_a_replay_is_effective_when_its_step_has_come(world: World) -> None:
    again = replay(world, recipe_of(world, edited_run(world)))

    def views() -> list[tuple[str, bool, str | None]]:
        with world.backend.sessions() as session:
            run = session.get_one(Run, again)
            return [
                (e.path, bool(e.effective), e.expected) for e in queries.run_view(session, world.redis, run.id).edits if e.path == "seed"
            ]

    [(_, is_effective, expected)] = views()
    assert not is_effective
    assert expected is not None
    assert expected.startswith("acts as in its recipe: image from step ")
    world.complete(again, AT_WORK)
    assert views() == [("seed", True, None)]


def test_a_person_may_edit_a_replay(world: World) -> None:
    recipe = recipe_of(world, edited_run(world))
    run = replay(world, recipe)
    edit(world, run, {"optimizer.lr": 0.25})
    world.complete(run, AT_WORK)
    mine = recipe_of(world, run)
    assert mine.edits[:-1] == recipe.edits
    assert (mine.edits[-1].path, mine.edits[-1].steps) == ("optimizer.lr", {"image": 1, "video": 1})
    again = replay(world, mine)
    world.complete(again, AT_WORK)
    assert world.merged_digest(again) == world.merged_digest(run)


def test_the_decisions_of_an_adaptive_schedule_are_replayed_and_not_made_again(world: World) -> None:
    adaptive = {"steps": 2, "adaptive": {"floor": 0.5, "ceiling": 0.6}}
    run = world.submit(small_spec(seed=1, rounds=5, rlvr={"steps": 2}, opd=adaptive, agreement={}))
    world.complete(run, AT_WORK)
    recipe = recipe_of(world, run)
    assert {edit.path for edit in recipe.edits} == {"opd.adaptive.teach"}
    again = replay(world, recipe)
    world.complete(again, AT_WORK)
    assert recipe_of(world, again) == recipe
    assert world.merged_digest(again) == world.merged_digest(run)
