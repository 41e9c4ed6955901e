"""Segments between the plan and the table. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import text

from copd_engine.plan import Kind, Ref, Segment
from copd_engine.structure import StructureEdit
from server.db.models import Edit, SegmentRow

NEEDS_ARE_DONE = text("""NOT EXISTS (
    SELECT FROM unnest(segments.needs) AS need LEFT JOIN segments AS maker ON maker.run_id = segments.run_id AND maker.key = need
    WHERE maker.state IS DISTINCT FROM 'done')""")
"""Of a row of `segments`: that nothing it waits for is left."""


def row_of(run_id: str, position: int, segment: Segment) -> SegmentRow:
    return SegmentRow(
        run_id=run_id,
        key=segment.key,
        position=position,
        kind=segment.kind.value,
        policy=segment.policy,
        round=segment.round,
        part=segment.part,
        step=segment.step,
        steps=segment.steps,
        start=str(segment.start),
        teachers=[str(ref) for ref in segment.teachers],
        domain=segment.domain,
        needs=list(segment.needs),
        state="planned",
    )


def segment_of(row: SegmentRow) -> Segment:
    return Segment(
        kind=Kind(row.kind),
        policy=row.policy,
        round=row.round,
        start=Ref.parse(row.start),
        steps=row.steps,
        part=row.part,
        teachers=tuple(map(Ref.parse, row.teachers)),
        domain=row.domain,
        needs=tuple(row.needs),
    )


def structure_edits(edits: Sequence[Edit]) -> list[StructureEdit]:
    """The edits that change the plan, as plan() takes them."""
    return [StructureEdit(e.version, e.round, e.path, e.value) for e in edits if e.kind == "structure" and e.round is not None]


@dataclass(frozen=True)
class Replanned:
    """What a new plan does to the stored one. Sent segments are in neither list."""

    dropped: list[str]
    added: list[Segment]
    positions: dict[str, int]
    """Every segment of the new plan → its place in it."""


def replan(stored: Sequence[Segment], sent: Collection[str], new: Sequence[Segment]) -> Replanned:
    """Replaces what was not sent by the new plan and leaves what was sent as it is.

    Raises ValueError when the new plan lacks or changes a sent segment: it was then made with an edit bound too early.
    """
    planned = {segment.key: segment for segment in new}
    kept = {segment.key: segment for segment in stored if segment.key in sent}
    for key, segment in kept.items():
        if planned.get(key) != segment:
            raise ValueError(f"the new plan does not contain {key} as it was sent")
    return Replanned(
        dropped=[segment.key for segment in stored if segment.key not in sent],
        added=[segment for segment in new if segment.key not in sent],
        positions={segment.key: position for position, segment in enumerate(new)},
    )
