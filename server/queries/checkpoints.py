"""A run's checkpoints as its page lists them: why each stays, and to which round it belongs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from copd_engine.plan import TRAINING, Kind, Ref
from server.api.schemas.results import CheckpointList, ListedCheckpoint
from server.commands.fork import whole_rounds
from server.commands.locked import spec_of
from server.db.held import Judged, judged, pinned
from server.db.models import Run, SegmentRow
from server.db.segments import segment_of
from server.queries.artifacts import columns


def checkpoint_list(db: Session, run: Run) -> CheckpointList:
    """One per policy and step, that of the highest attempt; a policy's newest first."""
    found, rounds, pins = _newest(judged(db, run, spec_of(run).checkpoint.keep)), _Rounds(db, run.id), pinned(db, run.id)
    views = []
    for row, reasons in sorted(found, key=lambda item: (item.row.policy, -item.row.step)):
        round_, ends = rounds.of(Ref(row.policy, row.step))
        views.append(ListedCheckpoint(**columns(row, pins), reasons=reasons, round=round_, ends_round=ends))
    return CheckpointList(checkpoints=views, whole_rounds=whole_rounds(db, run.id))


def _newest(found: Iterable[Judged]) -> list[Judged]:
    """Of several attempts' at one step the highest's: `found` is in the order of the attempts."""
    return list({(item.row.policy, item.row.step): item for item in found}.values())


class _Rounds:
    """Which round made a checkpoint, by the plan as it stands."""

    def __init__(self, db: Session, run_id: str) -> None:
        kinds = [*(kind.value for kind in TRAINING), Kind.merge.value]
        rows = db.scalars(select(SegmentRow).where(SegmentRow.run_id == run_id, SegmentRow.kind.in_(kinds)).order_by(SegmentRow.position))
        self._ends: dict[str, dict[int, int]] = {}
        """Policy → round, from 1 → the step at its end."""
        for segment in map(segment_of, rows):
            ends = self._ends.setdefault(segment.policy, {})
            ends[segment.round + 1] = max(segment.end.step, ends.get(segment.round + 1, 0))

    def of(self, ref: Ref) -> tuple[int | None, bool]:
        """The round, and whether the checkpoint is what it ended with."""
        ends: Mapping[int, int] = self._ends.get(ref.policy, {})
        reached = [round_ for round_, step in sorted(ends.items()) if ref.step <= step]
        if not reached or ref.step == 0:
            return None, False
        return reached[0], ends[reached[0]] == ref.step
