"""A recipe: the spec of a run and all its edits, with where each took effect. Carried out again it gives the same weights, bit for bit.

A replayed value edit holds where the recipe says and nowhere else: one that came too late for a policy stays without effect on it. Edits
that people make while a recipe is replayed come after the recipe's and bind as ever. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, WithJsonSchema

from copd_engine.control import DISPATCH_FIELDS, Binding, ValueEdit, check_value_edit
from copd_engine.plan import round_count
from copd_engine.spec import MAX_STEPS, FieldError, RunSpec, SpecError, load_yaml, parse_spec
from copd_engine.spec.parts import EditKind, Name, Text
from copd_engine.structure import STRUCTURE_PATHS, StructureEdit, spec_of_round

MAX_EDITS = 1000


class RecipeEdit(BaseModel):
    """One edit and where it took effect: structure at a round, a value at a step of each policy, priority at once."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Annotated[Text, Field(max_length=200)]
    value: bool | int | float | Text
    round: int | None = Field(default=None, ge=0, le=10_000, description="structure: the first round it holds for, from 0")
    steps: dict[Name, Annotated[int, Field(ge=1, le=MAX_STEPS)]] = Field(
        default_factory=dict, description="value: policy → the optimizer step from which it holds; it never holds for the others"
    )

    @property
    def kind(self) -> EditKind:
        """What the edit changes; see `copd_engine.spec.parts.editable`."""
        if self.path in STRUCTURE_PATHS:
            return "structure"
        return "dispatch" if self.path in DISPATCH_FIELDS else "value"


class Recipe(BaseModel):
    """Everything the weights of a run are a function of. Edits stand in the order in which they were made."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    spec: Annotated[RunSpec, WithJsonSchema({"type": "object", "description": "GET /api/v1/spec/schema", "additionalProperties": True})]
    edits: tuple[RecipeEdit, ...] = ()

    def structure(self, first: int = 1) -> list[StructureEdit]:
        """The edits that change the plan. Edits are numbered from `first`, all kinds together."""
        return [StructureEdit(n, e.round, e.path, e.value) for n, e in enumerate(self.edits, first) if e.round is not None]

    def values(self, first: int = 1) -> tuple[ValueEdit, ...]:
        """The edits of values, as a control document carries them."""
        numbered = enumerate(self.edits, first)
        return tuple(ValueEdit(version=n, path=e.path, value=float(e.value), replayed=True) for n, e in numbered if e.kind == "value")

    def bindings(self, first: int = 1) -> list[Binding]:
        """Where the edits of values hold."""
        return [Binding(version=n, policy=p, step=step) for n, e in enumerate(self.edits, first) for p, step in e.steps.items()]

    def check(self) -> None:
        """Raises SpecError for every edit that could not have been made, each checked under those before it."""
        held, problems = self.spec, list[FieldError]()
        for place, edit in enumerate(self.edits):
            try:
                held = _after(held, edit)
            except SpecError as error:
                problems += [FieldError(f"edits.{place}", str(each)) for each in error.errors]
        if problems:
            raise SpecError(problems)


def parse_recipe(source: str | dict[str, Any]) -> Recipe:
    """A recipe from YAML, JSON or a mapping: `{spec: …, edits: […]}`, or a spec alone, which is a recipe without edits.

    Raises SpecError naming every wrong field.
    """
    data = load_yaml(source) if isinstance(source, str) else source
    if not isinstance(data, dict) or "spec" not in data:
        return Recipe(spec=parse_spec(data))
    problems = [FieldError(str(name), "unknown field; a recipe has spec and edits") for name in data if name not in ("spec", "edits")]
    if not isinstance(data["spec"], dict):
        problems.append(FieldError("spec", f"must be a mapping of fields, not {type(data['spec']).__name__}"))
    if problems:
        raise SpecError(problems)
    try:
        spec = parse_spec(data["spec"])
    except SpecError as error:
        raise SpecError([FieldError(f"spec.{each.field}" if each.field else "spec", each.message) for each in error.errors]) from None
    try:
        edits = _EDITS.validate_python(data.get("edits") or ())
    except ValidationError as error:
        raise SpecError(list(_edit_errors(error))) from None
    recipe = Recipe(spec=spec, edits=edits)
    recipe.check()
    return recipe


_EDITS = TypeAdapter(Annotated[tuple[RecipeEdit, ...], Field(max_length=MAX_EDITS)])


def _edit_errors(error: ValidationError) -> Iterator[FieldError]:
    for item in error.errors():
        yield FieldError(".".join(map(str, ("edits", *item["loc"]))), item["msg"])


def _after(held: RunSpec, edit: RecipeEdit) -> RunSpec:
    """The spec after an edit. Raises SpecError when the edit could not have been made under `held`."""
    if edit.kind == "structure":
        if edit.round is None or edit.steps:
            raise SpecError([FieldError(edit.path, "structure takes effect at a round: give round, and no steps")])
        rounds = held.rounds if edit.path == "rounds" else round_count(held) - 1
        if edit.round > rounds or (edit.path == "rounds" and isinstance(edit.value, int) and edit.value < edit.round):
            raise SpecError([FieldError(edit.path, f"there is no round {edit.round} that it could change (rounds count from 0)")])
        return spec_of_round(held, [StructureEdit(0, 0, edit.path, edit.value)], 0)
    check_value_edit(held, edit.path, edit.value)
    unknown = edit.steps.keys() - held.policies().keys()
    if edit.round is not None or unknown or (edit.steps and edit.kind == "dispatch"):
        help_ = "a value takes effect at steps of the policies that train" if edit.kind == "value" else "takes neither round nor steps"
        raise SpecError([FieldError(edit.path, help_ + (f"; unknown: {', '.join(sorted(unknown))}" if unknown else ""))])
    return held
