"""Commands: each all or nothing, audited, and safe against somebody who was faster."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from copd_engine.plan import BASE, Segment, plan
from copd_engine.spec import SpecError
from copd_engine.structure import StructureEdit
from server.commands import (
    IdempotencyConflict,
    IdempotencyToken,
    NotFound,
    Refused,
    VersionConflict,
    command,
    create_run,
    edit_controls,
    force,
    request_export,
)
from server.db.models import Attempt, Base, Checkpoint, Edit, LogLine, Run, SegmentRow
from server.db.segments import replan, row_of, segment_of
from server.db.transition import deadline_seconds
from server.queries.preview import control_preview
from server.scheduler.control import control_document
from server.scheduler.dispatch import Idle, choose
from server.scheduler.line import ready_segments
from server.states import TransitionError, Trigger
from tests.server.backend import Backend
from tests.server.simulation import small_spec
from worker import bus

SPEC = small_spec()
EDITS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from([("rounds", 4), ("rlvr.steps", 2), ("opd.steps", 3), ("opd.sync_every", 2), ("opd.topology", "full")]),
    ),
    max_size=4,
)


def submit(backend: Backend, **changes: Any) -> str:
    with backend.sessions() as session:
        return create_run(session, small_spec(**changes), "text", "ann")


def rows(backend: Backend, query: Any) -> list[Any]:
    with backend.sessions() as session:
        return list(session.scalars(query))


def row_counts(backend: Backend) -> dict[str, int]:
    with backend.sessions() as session:
        return {name: session.scalars(select(func.count()).select_from(table)).one() for name, table in Base.metadata.tables.items()}


def send(backend: Backend, run: str, *keys: str) -> None:
    """As if the scheduler had sent these segments."""
    with backend.sessions.begin() as session:
        session.add_all(Attempt(run_id=run, segment_key=key, worker="w", start_step=0) for key in keys)
        session.execute(update(SegmentRow).where(SegmentRow.run_id == run, SegmentRow.key.in_(keys)).values(state="running"))


@pytest.mark.parametrize("segment", plan(SPEC), ids=lambda segment: segment.key)
def test_a_segment_survives_its_row(segment: Segment) -> None:
    assert segment_of(row_of("run", 0, segment)) == segment


@settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(changes=EDITS, sent=st.integers(0, 60))
def test_replanning_keeps_what_was_sent(changes: list[tuple[int, tuple[str, Any]]], sent: int) -> None:
    """Whatever is edited, each edit bound to the first free round: the sent segments stay, the rest is the new plan."""
    stored = plan(SPEC)
    keys = {segment.key for segment in stored[:sent]}
    free = max((segment.round + 1 for segment in stored[:sent] if segment.policy != BASE), default=0)
    edits = [StructureEdit(version, free + later, path, value) for version, (later, (path, value)) in enumerate(changes, start=2)]
    new = plan(SPEC, edits)
    result = replan(stored, keys, new)
    assert not keys & set(result.dropped)
    kept = [segment for segment in stored if segment.key in keys]
    together = sorted([*kept, *result.added], key=lambda segment: result.positions[segment.key])
    assert together == new


def test_replanning_refuses_an_edit_bound_too_early() -> None:
    stored = plan(SPEC)
    with pytest.raises(ValueError, match="as it was sent"):
        replan(stored, {stored[2].key}, plan(SPEC, [StructureEdit(2, 0, "rlvr.steps", 1)]))


def test_a_stopping_run_waits_for_three_steps_and_a_state_at_least_a_minute() -> None:
    assert deadline_seconds([], []) == 60
    assert deadline_seconds([2.0, 100.0], [7.0, 5.0]) == 307


@pytest.mark.integration
class TestCreate:
    def test_stores_run_and_plan_and_says_so(self, backend: Backend) -> None:
        run = submit(backend, notes="n", tags=["a"], priority=3)
        [row] = rows(backend, select(Run))
        assert (row.id, row.state, row.notes, row.tags, row.priority, row.created_by, row.source) == (
            run,
            "queued",
            "n",
            ["a"],
            3,
            "ann",
            "text",
        )
        stored = rows(backend, select(SegmentRow).order_by(SegmentRow.position))
        assert [segment_of(segment) for segment in stored] == plan(small_spec())
        assert [line.message for line in rows(backend, select(LogLine))] == ["submitted"]
        assert backend.redis.xlen(bus.INBOX) == 1
        assert backend.redis.xlen(bus.run_stream(run)) == 1

    def test_an_equal_request_makes_one_run(self, backend: Backend) -> None:
        def request(_: int) -> str:
            with backend.sessions() as session:
                return create_run(session, SPEC, "text", "ann", once=IdempotencyToken("POST /runs", "key", "hash"))

        with ThreadPoolExecutor(4) as many:
            made = set(many.map(request, range(8)))
        assert made == set(rows(backend, select(Run.id)))
        assert len(made) == 1

    def test_another_request_under_the_same_key_is_refused(self, backend: Backend) -> None:
        with backend.sessions() as session:
            create_run(session, SPEC, "text", "ann", once=IdempotencyToken("POST /runs", "key", "hash"))
            with pytest.raises(IdempotencyConflict, match="choose a new key"):
                create_run(session, SPEC, "text", "ann", once=IdempotencyToken("POST /runs", "key", "other"))
        assert len(rows(backend, select(Run.id))) == 1

    def test_redis_may_be_away(self, backend: Backend) -> None:
        backend.valkey.kill()
        try:
            assert rows(backend, select(Run.id).where(Run.id == submit(backend)))
        finally:
            backend.valkey.start()


@pytest.mark.integration
class TestCommand:
    def test_changes_state_and_version_and_leaves_a_line(self, backend: Backend) -> None:
        run = submit(backend)
        with backend.sessions() as session:
            assert command(session, run, Trigger.pause, "bob") == "paused"
        [row] = rows(backend, select(Run))
        assert (row.state, row.control_version) == ("paused", 2)
        [_, line] = rows(backend, select(LogLine).order_by(LogLine.id))
        assert (line.actor, line.message) == ("bob", "queued → paused")
        assert line.data == {"trigger": "pause", "from": "queued", "to": "paused"}

    def test_is_refused_where_the_table_has_none(self, backend: Backend) -> None:
        run = submit(backend)
        before = row_counts(backend)
        with backend.sessions() as session, pytest.raises(TransitionError):
            command(session, run, Trigger.resume, "bob")
        assert row_counts(backend) == before

    def test_of_two_pauses_at_once_one_wins(self, backend: Backend) -> None:
        run = submit(backend)

        def pause(_: int) -> str:
            with backend.sessions() as session:
                try:
                    return command(session, run, Trigger.pause, "bob", 1)
                except (VersionConflict, TransitionError) as error:
                    return type(error).__name__

        with ThreadPoolExecutor(2) as two:
            assert sorted(two.map(pause, range(2))) == ["VersionConflict", "paused"]

    def test_an_unknown_run_is_not_found(self, backend: Backend) -> None:
        with backend.sessions() as session, pytest.raises(NotFound, match="no run 'nope'"):
            command(session, "nope", Trigger.pause, "bob")

    def test_facts_are_not_commands(self, backend: Backend) -> None:
        with backend.sessions() as session, pytest.raises(ValueError, match="not a command"):
            command(session, "x", Trigger.all_done, "bob")

    def test_only_a_stopping_run_can_be_forced(self, backend: Backend) -> None:
        run = submit(backend)
        with backend.sessions() as session, pytest.raises(Refused, match="waits for no attempt"):
            force(session, run, "bob")


@pytest.mark.integration
class TestEdit:
    def test_each_field_is_one_version(self, backend: Backend) -> None:
        run = submit(backend)
        with backend.sessions() as session:
            edits = edit_controls(session, run, {"optimizer.lr": 0.5, "w.image.video": 0, "rounds": 3}, "bob", 1)
        assert [(e.version, e.kind, e.path, e.old, e.value, e.round) for e in edits] == [
            (2, "structure", "rounds", 2, 3, 0),
            (3, "value", "optimizer.lr", 1e-4, 0.5, None),
            (4, "value", "w.image.video", 1.0, 0.0, None),
        ]
        [row] = rows(backend, select(Run))
        assert row.control_version == 4
        assert [line.message for line in rows(backend, select(LogLine).where(LogLine.actor == "bob").order_by(LogLine.id))] == [
            "rounds: 2 → 3 from round 1 on",
            "optimizer.lr: 0.0001 → 0.5",
            "weight image ← video: 1.0 → 0.0",
        ]

    def test_priority_acts_at_once_and_is_never_told_to_workers(self, backend: Backend) -> None:
        first, run = submit(backend), submit(backend)
        with backend.sessions() as session:
            edit_controls(session, run, {"priority": 5}, "bob", 1)
            chosen = choose(ready_segments(session, 100), [Idle(f"w{number}", "cpu", None) for number in range(4)])
        assert [chosen[0][0].run, chosen[-1][0].run] == [run, first]
        [edit] = rows(backend, select(Edit))
        assert (edit.kind, edit.old, edit.value) == ("dispatch", 0, 5)
        assert edit.acknowledged_at is not None
        assert rows(backend, select(Run.priority).where(Run.id == run)) == [5]
        with backend.sessions() as session:
            assert control_document(session.get_one(Run, run), [edit]).edits == ()

    def test_old_is_what_was_requested_last(self, backend: Backend) -> None:
        run = submit(backend)
        with backend.sessions() as session:
            edit_controls(session, run, {"optimizer.lr": 0.5}, "bob", 1)
            [edit] = edit_controls(session, run, {"optimizer.lr": 0.25}, "bob", 2)
        assert edit.old == 0.5

    def test_a_stale_version_is_a_conflict(self, backend: Backend) -> None:
        run = submit(backend)
        with backend.sessions() as session:
            edit_controls(session, run, {"optimizer.lr": 0.5}, "bob", 1)
            with pytest.raises(VersionConflict) as conflict:
                edit_controls(session, run, {"optimizer.lr": 0.6}, "bob", 1)
        assert conflict.value.current == 2

    def test_one_wrong_field_refuses_all_and_every_wrong_field_is_named(self, backend: Backend) -> None:
        run = submit(backend)
        changes = {"optimizer.lr": 0.5, "w.image.image": 1.0, "rlvr.temperature": float("nan"), "opd.steps": 0, "seed": -1}
        with backend.sessions() as session, pytest.raises(SpecError) as refused:
            edit_controls(session, run, changes, "bob", 1)
        assert {error.field for error in refused.value.errors} == {"w.image.image", "rlvr.temperature", "opd.steps", "seed"}
        assert rows(backend, select(Edit)) == []
        assert rows(backend, select(Run.control_version)) == [1]

    def test_structure_spares_what_was_sent(self, backend: Backend) -> None:
        run = submit(backend)
        send(backend, run, "rlvr.image@0")
        with backend.sessions() as session:
            [edit] = edit_controls(session, run, {"rlvr.steps": 1}, "bob", 1)
        assert edit.round == 1
        stored = [segment_of(row) for row in rows(backend, select(SegmentRow).order_by(SegmentRow.position))]
        assert stored == plan(small_spec(), [StructureEdit(2, 1, "rlvr.steps", 1)])
        assert rows(backend, select(SegmentRow.state).where(SegmentRow.key == "rlvr.image@0")) == ["running"]
        assert len(rows(backend, select(Attempt))) == 1

    def test_looking_at_the_base_begins_no_round(self, backend: Backend) -> None:
        run = submit(backend)
        send(backend, run, "evaluate.base@0.digits")
        with backend.sessions() as session:
            [edit] = edit_controls(session, run, {"rlvr.steps": 1}, "bob", 1)
        assert edit.round == 0

    def test_structure_needs_a_round_that_has_not_begun(self, backend: Backend) -> None:
        run = submit(backend)
        send(backend, run, "rlvr.image@5")
        with backend.sessions() as session:
            with pytest.raises(SpecError, match="all 2 rounds have begun"):
                edit_controls(session, run, {"rlvr.steps": 1}, "bob", 1)
            with pytest.raises(SpecError, match="2 rounds have begun; must be at least 2"):
                edit_controls(session, run, {"rounds": 1}, "bob", 1)
            edits = edit_controls(session, run, {"rlvr.steps": 1, "rounds": 3}, "bob", 1)
        assert {edit.round for edit in edits} == {2}

    def test_a_finished_run_is_not_edited(self, backend: Backend) -> None:
        run = submit(backend)
        with backend.sessions() as session:
            command(session, run, Trigger.cancel, "bob")
            with pytest.raises(Refused, match="a run that is cancelled cannot be edited"):
                edit_controls(session, run, {"optimizer.lr": 0.5}, "bob", 2)


@pytest.mark.integration
class TestPreview:
    CHANGES: ClassVar[dict[str, Any]] = {"rounds": 3, "rlvr.steps": 1, "optimizer.lr": 0.5, "priority": 4}

    def test_says_what_the_edit_then_does_and_changes_nothing(self, backend: Backend) -> None:
        run = submit(backend)
        send(backend, run, "rlvr.image@0")
        before, plan_before = row_counts(backend), self.plan(backend, run)
        with backend.sessions() as session:
            preview = control_preview(session, run, self.CHANGES, "bob", 1)
        assert (row_counts(backend), self.plan(backend, run)) == (before, plan_before)
        assert rows(backend, select(Run.control_version)) == [1]
        assert rows(backend, select(Run.priority)) == [0]
        with backend.sessions() as session:
            edit_controls(session, run, self.CHANGES, "bob", 1)
        edits = rows(backend, select(Edit).order_by(Edit.version))
        assert [(e.version, e.path, e.old, e.value, e.round) for e in preview.edits] == [
            (e.version, e.path, e.old, e.value, e.round) for e in edits
        ]
        after = self.plan(backend, run)
        assert {s.key for s in preview.dropped} == {s.key for s in plan_before if s not in after}
        assert {s.key for s in preview.added} == {s.key for s in after if s not in plan_before}
        assert (preview.total_steps_before, preview.total_steps) == tuple(sum(s.steps for s in p) for p in (plan_before, after))

    def test_of_a_value_leaves_the_plan(self, backend: Backend) -> None:
        run = submit(backend)
        with backend.sessions() as session:
            preview = control_preview(session, run, {"seed": 5}, "bob", 1)
        assert (preview.dropped, preview.added, preview.total_steps) == ([], [], preview.total_steps_before)
        assert [(edit.path, edit.expected) for edit in preview.edits] == [("seed", "acts from each expert's next step: 1")]

    def test_refuses_what_the_edit_refuses(self, backend: Backend) -> None:
        run = submit(backend)
        with backend.sessions() as session:
            with pytest.raises(SpecError, match=r"rlvr\.steps"):
                control_preview(session, run, {"rlvr.steps": 0}, "bob", 1)
            with pytest.raises(VersionConflict):
                control_preview(session, run, {"seed": 5}, "bob", 7)

    def plan(self, backend: Backend, run: str) -> list[Segment]:
        query = select(SegmentRow).where(SegmentRow.run_id == run).order_by(SegmentRow.position)
        return [segment_of(row) for row in rows(backend, query)]


@pytest.mark.integration
class TestExport:
    def test_takes_the_newest_checkpoint_and_is_the_same_when_asked_again(self, backend: Backend) -> None:
        run = submit(backend)
        with backend.sessions.begin() as session:
            session.add_all(
                Checkpoint(run_id=run, policy="image", step=step, attempt_id=1, path=f"p{step}", digest="d", bytes=1, has_state=True)
                for step in (3, 4)
            )
        with backend.sessions() as session:
            export = request_export(session, run, "image", None, "bob")
            assert request_export(session, run, "image", 4, "eve").id == export.id
        assert (export.step, export.segment_key, export.requested_by) == (4, "export.image@4", "bob")
        [row] = rows(backend, select(SegmentRow).where(SegmentRow.kind == "export"))
        assert (row.state, row.start, row.needs) == ("planned", "image@4", [])

    @pytest.mark.parametrize(("policy", "step"), [("image", None), ("nobody", None), ("base", 3)])
    def test_what_is_not_there_is_not_found(self, backend: Backend, policy: str, step: int | None) -> None:
        run = submit(backend)
        with backend.sessions() as session, pytest.raises(NotFound, match="holds no checkpoint"):
            request_export(session, run, policy, step, "bob")
