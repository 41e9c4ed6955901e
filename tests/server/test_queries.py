"""Lists stay quick: the number of statements does not grow with the number of rows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, func, select, update

from server import commands, figures, queries
from server.db.models import Attempt, LogLine, Run, SegmentRow
from server.figures import Halt
from server.queries.spells import halts, spells
from server.states import RunState, Trigger
from tests.server.backend import Backend
from tests.server.seed import EPOCH, add_points, add_run, finish

pytestmark = pytest.mark.integration


@contextlib.contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """The SQL that is sent meanwhile."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


def listed(backend: Backend, limit: int) -> list[str]:
    with backend.sessions() as db, statements(backend.engine) as sent:
        page = queries.run_list(db, backend.redis, queries.Wanted(), limit=limit)
    assert len(page.runs) == limit
    return sent


def test_a_page_of_runs_costs_the_same_statements_whatever_its_length(backend: Backend) -> None:
    with backend.sessions() as db:
        for number in range(6):
            run = add_run(db, name=f"run {number}")
            add_points(db, run, "capability", "merged", [0.5, 0.6], domain="text", se=0.01)
            finish(db, run, "rlvr.text@0", 2.0)
        db.execute(update(Run).values(state=RunState.running.value))
        db.commit()
    short, long = listed(backend, 1), listed(backend, 6)
    assert len(short) == len(long) <= 11


@pytest.mark.parametrize("name", ["capability.text", "overlap", "timeline"])
def test_a_figure_costs_the_same_statements_whatever_its_curves(backend: Backend, name: str) -> None:
    counts = []
    with backend.sessions() as db:
        run = db.get_one(Run, add_run(db))
        kind = figures.find(queries.cast_of(run), name)
        assert kind
        for policies in (["text"], ["image", "merged", "base"]):
            for policy in policies:
                add_points(db, run.id, "capability", policy, [0.1, 0.2], domain="text")
                add_points(db, run.id, "overlap", policy, [0.1, 0.2], peer="x")
            with statements(backend.engine) as sent:
                queries.figure_data(db, run, kind, window=queries.Window(), compare=None)
            counts.append(len(sent))
    assert counts[0] == counts[1] <= 12


def test_each_attempt_is_a_spell_that_ends_where_it_was_stopped(backend: Backend) -> None:
    """text's RLVR was paused after a step, lost before it began again, and is under way; its evaluation is the parent's, of a fork."""
    now = EPOCH + timedelta(hours=1)
    with backend.sessions() as db:
        run = add_run(db)
        second = timedelta(seconds=1)
        stopped_at_1 = {"state": "stopped", "stored_step": 1, "started_at": EPOCH, "ended_at": EPOCH + 5 * second}
        lost = {"state": "lost", "ended_at": EPOCH + 50 * second}
        tries = (stopped_at_1, lost, {"state": "running", "started_at": EPOCH + 60 * second})
        common = {"run_id": run, "segment_key": "rlvr.text@0", "worker": "w1", "sent_at": EPOCH - second}
        db.add_all([Attempt(start_step=min(number, 1), **common, **each) for number, each in enumerate(tries)])
        inherited = db.get_one(SegmentRow, (run, "evaluate.base@0.text"))
        inherited.state, inherited.started_at, inherited.ended_at = "done", EPOCH - timedelta(days=2), EPOCH - timedelta(days=1)
        db.commit()
        parents, stopped, under_way = spells(db, run, now)
    assert (parents.worker, parents.state, parents.domain, parents.end - parents.start) == (None, "done", "text", timedelta(days=1))
    assert (stopped.attempt, stopped.state, stopped.start_step, stopped.end_step) == (1, "stopped", 0, 1)
    assert (stopped.sent, stopped.start, stopped.end) == (EPOCH - second, EPOCH, EPOCH + 5 * second)
    assert (under_way.attempt, under_way.state, under_way.start_step, under_way.end_step) == (3, "running", 1, 3)
    assert (under_way.start, under_way.end) == (EPOCH + 60 * second, now)


def test_halts_are_told_by_the_log_of_the_run_and_of_each_policy(backend: Backend) -> None:
    """text is paused, then all, and all resumed; then image, which is paused still."""
    pause, resume = Trigger.pause, Trigger.resume
    with backend.sessions() as db:
        run = add_run(db)
        commands.command_policies(db, run, pause, ["text"], "bob")
        commands.command(db, run, pause, "bob")
        commands.command(db, run, resume, "bob")
        commands.command_policies(db, run, pause, ["image"], "bob")
        now = db.scalars(select(func.now())).one()
        times = list(db.scalars(select(LogLine.time).where(LogLine.run_id == run, LogLine.actor == "bob").order_by(LogLine.id)))
        found = halts(db, run, now)
    text_since, all_since, text_resumed, all_resumed, image_since = times
    assert found == [Halt("text", text_since, text_resumed), Halt(None, all_since, all_resumed), Halt("image", image_since, now)]


def test_a_series_answer_is_one_snapshot(backend: Backend) -> None:
    """Points stored after the cursor was read are not in it, though they were committed before the answer was complete."""
    with backend.sessions() as db, backend.sessions() as recorder:
        run = add_run(db)
        add_points(db, run, "reward", "text", [0.1])
        cursor = queries.snapshot(db, run)
        add_points(recorder, run, "reward", "image", [0.2])
        recorder.execute(update(Run).values(stream_position="9-9"))
        recorder.commit()
        seen = queries.curves(db, run, window=queries.Window())
    assert cursor == "0-0"
    assert [curve.policy for curve in seen] == ["text"]
