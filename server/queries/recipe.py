"""The recipe of a stored run."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import select
from sqlalchemy.orm import Session

from copd_engine.recipe import Recipe, RecipeEdit
from server.commands.locked import spec_of
from server.commands.structure import stored_edits
from server.db.models import EditBinding, Run


def recipe(db: Session, run: Run) -> Recipe:
    """Its spec and its edits so far, each with where it took effect or, of a replayed recipe, will."""
    steps: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for binding in db.scalars(select(EditBinding).where(EditBinding.run_id == run.id).order_by(EditBinding.policy)):
        steps[binding.version][binding.policy] = binding.step
    edits = [RecipeEdit(path=e.path, value=e.value, round=e.round, steps=steps[e.version]) for e in stored_edits(db, run.id)]
    return Recipe(spec=spec_of(run), edits=tuple(edits))
