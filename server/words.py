"""What people read where the spec has a path and the plan a key: in the log, in waits and on charts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from copd_engine.plan import TRAINING, Kind

KINDS: Mapping[str, str] = {
    Kind.rlvr: "RLVR", Kind.opd: "OPD", Kind.evaluate: "evaluation", Kind.measure: "agreement", Kind.merge: "merge", Kind.export: "export",
}  # fmt: skip


def field_text(path: str) -> str:
    """`w.image.text` as "weight image ← text"; a field that is no edge's as its path."""
    match path.split("."):
        case ["w", student, teacher]:
            return f"weight {student} ← {teacher}"
        case ["w_schedule", student, teacher, "end"]:
            return f"weight {student} ← {teacher}, end of its schedule"
        case ["w_schedule", student, teacher, "steps"]:
            return f"weight {student} ← {teacher}, steps of its schedule"
        case _:
            return path


def change_text(path: str, old: Any, value: Any) -> str:
    """An edit: "weight image ← text: 1.0 → 0.3"."""
    return f"{field_text(path)}: {old} → {value}"


def work_text(kind: Kind, policy: str, step: int | None = None) -> str:
    """A segment: "text (OPD from step 56)", or without its step "text (OPD)"."""
    place = "" if step is None else f" {'from' if kind in TRAINING else 'at'} step {step}"
    return f"{policy} ({KINDS[kind]}{place})"
