"""The live board: what it works out of a run, how it says that it is behind, and its lines where there is no terminal."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from client.cli import exits
from client.cli.board import board
from client.cli.exits import Exit
from client.cli.snapshot import Snapshot, means, policies
from client.cli.spark import BARS, sparkline
from client.cli.watch import Lines, News
from client.errors import ApiError, UnreachableError
from client.models import LogEntry, Segment, Series, Worker
from tests.client.test_report import NOW, run

PROGRESS = {"round": 1, "rounds": 1, "phase": "rlvr", "steps": 3, "total_steps": 8, "eta_seconds": 75}


def series(name: str, *values: float | None, peer: str | None = None, domain: str | None = None) -> Series:
    steps = list(range(1, len(values) + 1))
    times = [NOW + timedelta(seconds=2 * step) for step in steps]
    plain = {"name": name, "policy": "text", "peer": peer, "domain": domain, "total": len(values)}
    return Series.model_validate({**plain, "step": steps, "value": list(values), "time": times})


def snapshot(**changes: Any) -> Snapshot:
    segment = {"kind": "rlvr", "policy": "text", "step": 0, "steps": 4, "worker": "w1"}
    done = Segment(key="a", state="done", **segment)
    running = Segment(key="b", state="running", **segment)
    where = {"name": "w1", "state": "busy", "host": "h", "pid": 1, "device": "cpu", "fingerprint": ""}
    worker = Worker.model_validate({**where, "run": "abc", "run_name": "A run", "segment": "b", "attempt": 1, "done": 1, "total": 4})
    entry = LogEntry(id=1, time=NOW, level="info", actor="ann", message="submitted")
    shown = run(**{"state": "running", "progress": PROGRESS, "policies": [{"name": "base"}, {"name": "text"}], **changes})
    shown.spec = {"domains": {"text": {}}}
    return Snapshot(shown, [done, running], [series("reward", 0.1, 0.2, 0.4), series("overlap", 0.9, peer="image")], [worker], [entry])


def test_a_row_tells_how_far_a_policy_is_and_how_long_it_takes() -> None:
    [text] = policies(snapshot())
    assert (text.name, text.steps, text.total_steps, text.now) == ("text", 5, 8, "rlvr 1/4")
    assert text.seconds_left == 6.0, "three steps at two seconds each"
    assert text.curves == {"reward": [0.1, 0.2, 0.4], "overlap": [0.9], "capability": []}


def test_the_means_of_several_curves_and_the_one_that_is_a_mean_already() -> None:
    first, second = series("overlap", 0.2, 0.4, peer="a", domain="x"), series("overlap", 0.4, None, peer="b", domain="x")
    assert means([first, second]) == [pytest.approx(0.3), 0.4]
    assert means([first, second, series("overlap", 0.9, peer="a")]) == [0.9]


def test_the_board_fits_a_small_terminal_and_shows_everything() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    console.print(board(snapshot(), "3 s behind"))
    shown = console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]  # a StringIO
    assert shown.startswith("A run  running  round 1 of 1, RLVR   3 s behind")
    for words in ("3/8 steps of all experts, 1 min 15 s left", "5/8", "rlvr 1/4", "▁▃█ 0.400", "submitted"):
        assert words in shown
    assert max(map(len, shown.splitlines())) <= 80


@given(st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), max_size=40), st.integers(1, 20))
def test_a_sparkline_is_as_long_as_its_values_and_reaches_both_ends(values: list[float | None], width: int) -> None:
    drawn, shown = sparkline(values, width), values[-width:]
    known = [value for value in shown if value is not None]
    assert len(drawn) == (len(shown) if known else 0)
    if len(set(known)) > 1:
        assert drawn[shown.index(min(known))] == BARS[0]
        assert drawn[shown.index(max(known))] == BARS[-1]


def test_it_says_how_far_behind_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("client.cli.watch.time.monotonic", lambda: now[0])
    news = News()
    assert news.freshness() == "live"
    news.happened()
    now[0] += 3
    assert news.freshness() == "3 s behind"
    news.broke(ApiError("gone"))
    now[0] += 12
    news.broke(ApiError("still gone"))
    assert news.freshness() == "reconnecting, 12 s without news"
    news.happened()
    assert news.freshness() == "live"


def test_without_a_terminal_there_are_lines_and_none_twice() -> None:
    out = io.StringIO()
    lines = Lines(Console(file=out, width=200))
    for state in ("running", "running", "completed"):
        lines(snapshot(state=state), "live")
    lines(snapshot(state="completed"), "reconnecting, 2 s without news")
    said = out.getvalue().splitlines()
    assert [line.partition("  ")[2].partition("  ")[0] for line in said[1:3]] == ["running", "completed"]
    assert said[0].endswith("info: submitted")
    assert said[3:] == ["reconnecting"]
    assert "reward text 0.400; overlap text 0.900" in said[1]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UnreachableError("x"), Exit.unreachable),
        (ApiError("x", 503), Exit.unreachable),
        (ApiError("x", 404), Exit.not_found),
        (ApiError("x", 422), Exit.wrong_input),
        (ApiError("x", 401), Exit.no_access),
        (ApiError("x", 409), Exit.refused),
        (ApiError("x", 500), Exit.failed),
        (ApiError("x"), Exit.failed),
    ],
)
def test_every_error_has_its_exit_code(error: ApiError, code: Exit) -> None:
    assert exits.of_error(error) == code


def test_every_end_of_a_run_has_its_exit_code() -> None:
    states = ("completed", "failed", "cancelled")
    assert [exits.of_run(run(state=state)) for state in states] == [Exit.done, Exit.failed, Exit.cancelled]
