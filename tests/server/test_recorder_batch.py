"""What events amount to, and when a stream may be cut. Pure."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copd_engine.events import Event, Log, Points, Progress, Sample, Value
from server.recorder.batch import Batch, advance, clean, finite
from server.recorder.service import add_frame
from server.recorder.trim import KEPT_ENTRIES, KEPT_SECONDS, Window
from server.stream_ids import stream_order, stream_time

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def points(seq: int, step: int, value: float | None) -> Points:
    return Points(seq=seq, policy="image", step=step, values=[Value(name="reward", value=value)])


def values(batch: Batch) -> dict[int, float | None]:
    return {step: point.value for (_, step), point in batch.points.items()}


EVENTS = [(attempt, points(seq, step, 100 * attempt + step)) for attempt in (1, 2) for seq, step in ((1, 1), (2, 2), (3, 3))]


@settings(deadline=None, derandomize=True)
@given(st.permutations([*EVENTS, *EVENTS]))
def test_the_higher_attempt_wins_in_any_order(events: list[tuple[int, Event]]) -> None:
    batch = Batch()
    for attempt, event in events:
        batch.add(attempt, event, NOW)
    assert values(batch) == {1: 201, 2: 202, 3: 203}
    assert batch.seqs == {1: {1, 2, 3}, 2: {1, 2, 3}}


@pytest.mark.parametrize(
    ("recorded", "seqs", "expected"), [(0, [1, 2, 3], 3), (2, [1, 2, 3], 3), (0, [2, 3], 0), (3, [5, 4, 7], 5), (4, [], 4)]
)
def test_advance_stops_before_a_gap(recorded: int, seqs: list[int], expected: int) -> None:
    assert advance(recorded, seqs) == expected


@pytest.mark.parametrize(("number", "expected"), [(0.5, 0.5), (math.nan, None), (math.inf, None), (None, None)])
def test_numbers_no_chart_can_draw_are_gaps(number: float | None, expected: float | None) -> None:
    assert finite(number) == expected


def test_a_series_has_no_nulls_in_its_name() -> None:
    batch = Batch()
    batch.add(
        1,
        Points(
            seq=1, policy="image", step=1, values=[Value(name="w", value=1.0, peer="text"), Value(name="accuracy", value=0.5, domain="d")]
        ),
        NOW,
    )
    assert {series for series, _ in batch.points} == {("w", "image", "text", ""), ("accuracy", "image", "", "d")}


def test_viewers_are_told_of_a_comparison_once_it_is_stored() -> None:
    """The matrix is put together from the database: who read it at the point itself would read it too early."""
    batch = Batch()
    batch.add(1, points(1, 12, 0.5), NOW)
    assert batch.changed() == []
    batch.add(1, Points(seq=2, policy="image", step=12, values=[Value(name="overlap", value=0.9, peer="text")]), NOW)
    assert batch.changed() == ["agreement"]


def test_progress_counts_but_leaves_nothing() -> None:
    batch = Batch()
    batch.add(1, Progress(seq=1, done=1, total=2), NOW)
    batch.add(1, Log(seq=2, message="hello"), NOW)
    assert batch.seqs == {1: {1, 2}}
    assert list(batch.lines) == [(1, 2)]


def test_a_model_may_utter_what_postgresql_cannot_keep() -> None:
    sample = Sample(policy="p", step=1, domain="d", index=0, prompt="a", answer="b", completion="\x00\ud800", reward=math.nan, reason="")
    assert (clean(sample)["completion"], clean(sample)["reward"]) == ("\N{REPLACEMENT CHARACTER}?", 0.0)


@pytest.mark.parametrize(
    "data", [b"", b"{", b'{"time": 1, "attempt": 1, "event": {"type": "points"}}', b'{"time": 1, "attempt": 1, "event": {"type": "new"}}']
)
def test_a_frame_that_cannot_be_read_is_left_out(data: bytes) -> None:
    batch = Batch()
    add_frame(batch, "1-0", data, {})
    assert batch == Batch()


def test_ids_sort_as_numbers() -> None:
    assert stream_order("9-10") > stream_order("9-9") > stream_order("8-99")
    assert stream_time("1000-3") == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)


class TestWindow:
    def test_keeps_the_last_entries(self) -> None:
        window = Window()
        for batch in range(1, 5):
            window.add(f"{batch}000-0", KEPT_ENTRIES // 2)
        assert window.cut(now=4.0) == "2000-0"
        assert window.cut(now=4.0) is None

    def test_lets_old_entries_go(self) -> None:
        window = Window()
        window.add("1000-0", 1)
        window.add("5000-0", 1)
        assert window.cut(now=1.0 + KEPT_SECONDS) is None
        assert window.cut(now=2.0 + KEPT_SECONDS) == "1000-0"
