"""Fields of a spec by their dotted paths, and the edits that change the plan of a run under way. Pure: no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from copd_engine.spec import FieldError, RunSpec, SpecError, parse_spec

TEACH = "opd.adaptive.teach"
STRUCTURE_PATHS = ("rounds", "rlvr.steps", "opd.steps", "opd.sync_every", "opd.topology", TEACH, "evaluation.every")


@dataclass(frozen=True)
class StructureEdit:
    """A change of the plan that holds from `round` on. Edits apply in `version` order."""

    version: int
    round: int
    path: str
    value: Any


def structure_paths(spec: RunSpec) -> tuple[str, ...]:
    """The fields that shape the plan of the run's method."""
    match spec.method:
        case "copd":
            return STRUCTURE_PATHS if spec.opd.adaptive else tuple(path for path in STRUCTURE_PATHS if path != TEACH)
        case "experts" | "mixed_rlvr":
            return ("rounds", "rlvr.steps", "evaluation.every")
        case "opd":
            return ("rounds", "opd.steps", "evaluation.every")
        case _:
            return ("rounds", "rlvr.steps", "opd.steps", "evaluation.every")


def with_edit(spec: RunSpec, path: str, value: Any) -> RunSpec:
    """The spec with one dotted field changed. Raises SpecError when the result is not a valid spec."""
    data: dict[str, Any] = spec.model_dump()
    *parents, leaf = path.split(".")
    node = data
    for name in parents:
        node = node.setdefault(name, {})
        if not isinstance(node, dict):
            raise SpecError([FieldError(path, f"'{name}' has no fields of its own")])
    node[leaf] = value
    return parse_spec(data)


def field_of(spec: RunSpec, path: str) -> Any:
    """The value of a field of the spec by its dotted path."""
    node: Any = spec
    for name in path.split("."):
        node = node[name] if isinstance(node, dict) else getattr(node, name)
    return node


def spec_of_round(spec: RunSpec, edits: Sequence[StructureEdit], round_: int) -> RunSpec:
    """The spec as it stands for one round. Raises SpecError for an edit of a field that is not structure."""
    for edit in sorted(edits, key=lambda e: e.version):
        if edit.path not in (paths := structure_paths(spec)):
            raise SpecError([FieldError(edit.path, f"does not change the plan of method {spec.method}; structure is {', '.join(paths)}")])
        if edit.round <= round_ or edit.path == "rounds":
            spec = with_edit(spec, edit.path, edit.value)
    return spec
