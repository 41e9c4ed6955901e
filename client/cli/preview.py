"""What `copd set --dry-run` prints."""

from __future__ import annotations

from client.models import ControlPreview


def lines(preview: ControlPreview) -> list[str]:
    """The edits and when they would act, then what becomes of the plan."""
    edits = [f"{edit.path}: {edit.old} → {edit.value}; {edit.expected or 'would not act any more'}" for edit in preview.edits]
    dropped, added = {segment.key for segment in preview.dropped}, {segment.key for segment in preview.added}
    if not dropped | added:
        return edits
    groups = {"-": dropped - added, "+": added - dropped, "~": dropped & added}
    changes = [f"{sign} {key}" for sign, keys in groups.items() for key in sorted(keys)]
    return [*edits, f"steps of all experts: {preview.total_steps_before} → {preview.total_steps}", *changes]
