"""What may be edited of a run, and what was: each edit from request to effect."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from copd_engine.control import DISPATCH_FIELDS, value_paths
from copd_engine.plan import TRAINING
from copd_engine.spec import RunSpec, spec_schema
from copd_engine.structure import structure_paths
from server.api.schemas.runs import ControlView, EditView, Effect
from server.commands.controls import current_spec, current_value
from server.commands.locked import spec_of
from server.db.models import Edit, EditBinding, Run, SegmentRow
from server.outlook import Outlook, expected_effect
from server.queries.work import ahead_of, lanes_of, under_way_of, work_of
from server.states import RunState
from worker.bus import WorkerReport


def control_views(db: Session, run: Run) -> list[ControlView]:
    """Every editable value as last requested: weights first, then other values, then structure, then priority. Of schedules, those there
    are."""
    spec, edits = spec_of(run), _edits(db, run.id)
    edited, views = {edit.path.rpartition(".")[0] for edit in edits}, []
    for path in (*value_paths(current_spec(spec, edits)), *structure_paths(spec), *DISPATCH_FIELDS):
        if path.startswith("w_schedule.") and not _has_schedule(spec, path, edited):
            continue
        limits = _limits(path)
        views.append(
            ControlView(
                path=path,
                value=current_value(spec, edits, path),
                kind=limits["edit"],
                minimum=limits.get("minimum", limits.get("exclusiveMinimum")),
                maximum=limits.get("maximum", limits.get("exclusiveMaximum")),
                choices=limits.get("enum"),
                description=_description(path, limits),
            )
        )
    return views


def _has_schedule(spec: RunSpec, path: str, edited: set[str]) -> bool:
    """Whether the edge of `w_schedule.<student>.<teacher>.<part>` has a schedule: by the spec, or by an edit of it."""
    _, student, teacher, _ = path.split(".")
    return teacher in spec.w_schedule.get(student, {}) or path.rpartition(".")[0] in edited


def edit_views(db: Session, run: Run, reports: Sequence[WorkerReport] = ()) -> list[EditView]:
    """All edits in order, with where each took effect. `reports` tell how far the running segments are."""
    edits = _edits(db, run.id)
    if not edits:
        return []
    effects: defaultdict[int, list[Effect]] = defaultdict(list)
    to_come: defaultdict[int, list[str]] = defaultdict(list)
    for binding in db.scalars(select(EditBinding).where(EditBinding.run_id == run.id).order_by(EditBinding.bound_at, EditBinding.policy)):
        if binding.attempt_id:
            effects[binding.version].append(Effect(policy=binding.policy, step=binding.step, at=binding.bound_at))
        else:
            to_come[binding.version].append(f"{binding.policy} from step {binding.step}")
    starts = _round_starts(db, run.id)
    for edit in edits:
        if edit.round is not None:
            effects[edit.version] = starts.get(edit.round, [])
    outlook = _outlook(db, run, reports)
    views = [_edit_view(run, edit, effects[edit.version], outlook) for edit in edits]
    for edit, view in zip(edits, views, strict=True):
        if edit.replayed and edit.kind == "value" and not view.effective:
            view.expected = f"acts as in its recipe: {', '.join(to_come[edit.version]) or 'nowhere'}"
    return views


def _edit_view(run: Run, edit: Edit, effects: list[Effect], outlook: Outlook) -> EditView:
    expected = None if effects else expected_effect(RunState(run.state), edit.path, edit.round, outlook)
    names = ("version", "kind", "path", "old", "value", "round", "author", "requested_at", "acknowledged_at")
    return EditView(**{name: getattr(edit, name) for name in names}, effective=effects, expected=expected)


def _outlook(db: Session, run: Run, reports: Sequence[WorkerReport]) -> Outlook:
    under_way = under_way_of(db, [run.id], reports)
    return Outlook(
        ahead=ahead_of(db, run.id, under_way),
        work=work_of(db, [run.id], under_way)[run.id],
        lanes=lanes_of(db, [run.id], {run.id: len(reports)})[run.id],
        may_teach=spec_of(run).opd.adaptive is not None,
    )


def _round_starts(db: Session, run_id: str) -> dict[int, list[Effect]]:
    """Round → where each policy began it: there a structure edit takes effect."""
    query = (
        select(SegmentRow.round, SegmentRow.policy, func.min(SegmentRow.step), func.min(SegmentRow.started_at))
        .where(SegmentRow.run_id == run_id, SegmentRow.kind.in_(TRAINING), SegmentRow.started_at.is_not(None))
        .group_by(SegmentRow.round, SegmentRow.policy)
        .order_by(func.min(SegmentRow.started_at), SegmentRow.policy)
    )
    starts: defaultdict[int, list[Effect]] = defaultdict(list)
    for round_, policy, step, at in db.execute(query):
        assert at is not None  # by the query
        starts[round_].append(Effect(policy=policy, step=step, at=at))
    return starts


def _edits(db: Session, run_id: str) -> list[Edit]:
    return list(db.scalars(select(Edit).where(Edit.run_id == run_id).order_by(Edit.version)))


def _description(path: str, limits: dict[str, Any]) -> str:
    if path.startswith("w."):
        _, student, teacher = path.split(".")
        return f"how strongly {student} follows its teacher {teacher}"
    if path.startswith("w_schedule."):
        _, student, teacher, part = path.split(".")
        what = "the weight that w moves to" if part == "end" else "how many steps of the student that takes, from when it is edited"
        return f"{student} ← {teacher}: {what}"
    return limits.get("description", "")


@cache
def _limits(path: str) -> dict[str, Any]:
    """The JSON schema of a field of the spec; for a weight, of any weight."""
    if path.startswith("w."):
        return {"edit": "value", "minimum": 0.0, "maximum": 1000.0}
    if path.startswith("w_schedule."):
        limits = spec_schema()["$defs"]["Ramp"]["properties"]["steps"] if path.endswith(".steps") else _limits("w.student.teacher")
        return {**limits, "edit": "value"}
    schema = spec_schema()
    node: dict[str, Any] = schema
    for name in path.split("."):
        node = node["properties"][name]
        node = next((member for member in node.get("anyOf", ()) if "$ref" in member), node)  # a part that may be null
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].rpartition("/")[2]]
    return node
