"""What the client does when the network and the server misbehave, and how its calls look, plain and awaited."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from client import ApiError, AsyncClient, Client, UnreachableError
from client.calls import series
from client.errors import FIRST_PAUSE, LONGEST_PAUSE, pause
from client.frames import MissingExtraError
from client.models import Series, SeriesList
from tests.client.scripted import Asked, as_json, as_stream, scripted

SERIES = {"cursor": "7-0", "series": []}
WORKERS = {"workers": [], "scheduler_alive": True}


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("client.errors.FIRST_PAUSE", 0.001)


def busy(times: int, then: Any) -> Any:
    """Answers 503 so many times, then `then`."""
    count = itertools.count()
    return lambda _: as_json({"detail": "not now"}, 503) if next(count) < times else as_json(then)


def test_reading_is_tried_again() -> None:
    with scripted(busy(2, WORKERS)) as server, Client(server.url, "x") as client:
        assert client.workers().scheduler_alive
        assert len(server.asked) == 3


def test_reading_is_given_up_after_the_retries() -> None:
    with scripted(busy(9, WORKERS)) as server, Client(server.url, "x", retries=2) as client:
        with pytest.raises(ApiError, match="not now"):
            client.workers()
        assert len(server.asked) == 3


def test_what_is_wrong_is_not_tried_again() -> None:
    with scripted(lambda _: as_json({"detail": "no"}, 404)) as server, Client(server.url, "x") as client:
        with pytest.raises(ApiError, match="no"):
            client.workers()
        assert len(server.asked) == 1


def test_a_command_is_sent_once() -> None:
    with scripted(busy(1, {})) as server, Client(server.url, "x") as client:
        with pytest.raises(ApiError):
            client.command("r", "resume")
        assert len(server.asked) == 1


def test_a_submit_is_tried_again_under_one_key() -> None:
    with scripted(busy(9, {})) as server, Client(server.url, "x", retries=3) as client:
        with pytest.raises(ApiError):
            client.create_run("name: x")
        assert len(server.asked) == 4
        keys = {asked.headers["idempotency-key"] for asked in server.asked}
        with pytest.raises(ApiError):
            client.create_run("name: x")
        assert len(keys) == 1 != len({asked.headers["idempotency-key"] for asked in server.asked})


def test_nobody_there_is_an_error_of_its_own() -> None:
    with Client("http://127.0.0.1:1", "x", retries=0) as client, pytest.raises(UnreachableError, match="cannot reach"):
        client.workers()


def test_pauses_grow_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("client.errors.FIRST_PAUSE", FIRST_PAUSE)
    assert FIRST_PAUSE / 2 <= pause(1) <= FIRST_PAUSE
    assert all(LONGEST_PAUSE / 2 <= pause(failures) <= LONGEST_PAUSE for failures in range(6, 200))


def breaking_stream() -> Any:
    """Two events, an end; two more; a reset; one more; then refusal."""
    streams = iter([as_stream(("1-0", "ping"), ("2-0", "points")), as_stream(("3-0", "points")), as_stream(("", "reset")),
                    as_stream(("8-0", "points")), as_json({"detail": "over"}, 401)])  # fmt: skip

    def answer(asked: Asked) -> Any:
        return next(streams) if asked.path.endswith("/events") else as_json(SERIES)

    return answer


EXPECTED = [("1-0", "ping"), ("2-0", "points"), ("3-0", "points"), ("7-0", "reset"), ("8-0", "points")]
CURSORS = ["0-5", "2-0", "3-0", "7-0", "8-0"]


def test_events_go_on_where_the_connection_broke_and_show_each_reset() -> None:
    told = list[ApiError]()
    with scripted(breaking_stream()) as server, Client(server.url, "x") as client:
        events = client.events("r", cursor="0-5", on_retry=told.append)
        seen = [(event.id, event.event) for event in itertools.islice(events, len(EXPECTED))]
        with pytest.raises(ApiError, match="over"):
            next(events)
        asked = [request.headers["last-event-id"] for request in server.asked if request.path.endswith("/events")]
    assert seen == EXPECTED
    assert asked == CURSORS
    assert len(told) == 3, "once for each broken connection; a reset is none"


async def test_events_to_be_awaited_are_the_same() -> None:
    with scripted(breaking_stream()) as server:
        async with AsyncClient(server.url, "x") as client:
            events = client.events("r", cursor="0-5")
            seen = [(event.id, event.event) for event in [await anext(events) for _ in EXPECTED]]
            with pytest.raises(ApiError, match="over"):
                await anext(events)
        assert [request.headers["last-event-id"] for request in server.asked if request.path.endswith("/events")] == CURSORS
    assert seen == EXPECTED


def test_a_stream_without_a_connection_is_given_up_after_its_patience() -> None:
    with Client("http://127.0.0.1:1", "x") as client, pytest.raises(UnreachableError):
        next(client.events("r", cursor="1-0", patience=0.01))


async def test_reading_to_be_awaited_is_tried_again() -> None:
    with scripted(busy(2, WORKERS)) as server:
        async with AsyncClient(server.url, "x") as client:
            assert (await client.workers()).scheduler_alive
        assert len(server.asked) == 3


PUBLIC_OF_SYNC_ONLY = {"live_figure"}


@pytest.mark.parametrize("plain", ["Client", "Runs", "RunHandle"])
def test_both_clients_have_the_same_calls(plain: str) -> None:
    from client import aio, api

    one, other = getattr(api, plain), getattr(aio, f"Async{plain}")
    names = [{name for name in dir(kind) if not name.startswith("_")} for kind in (one, other)]
    assert names[0] - PUBLIC_OF_SYNC_ONLY == names[1]
    for name in names[1] - {"id", "runs"}:
        first, second = inspect.getattr_static(one, name), inspect.getattr_static(other, name)
        assert first is second or inspect.signature(first).parameters.keys() == inspect.signature(second).parameters.keys()


def curve(name: str, policy: str, *, peer: str | None = None, domain: str | None = None, total: int = 2) -> Series:
    time = datetime(2026, 1, 1, tzinfo=UTC)
    return Series(name=name, policy=policy, peer=peer, domain=domain, total=total, step=[1, 2], value=[0.5, None], time=[time, time])


CURVES = [curve("capability", "merged", domain="text"), curve("capability", "text", domain="text"), curve("gap", "image", peer="text")]


@pytest.mark.parametrize(
    ("pattern", "found", "sent"),
    [("capability/*", 2, "capability"), ("*", 3, None), ("*/merged/*", 1, None), ("gap/image/text", 1, "gap"), ("reward/*", 0, "reward")],
)
def test_series_are_chosen_by_pattern(pattern: str, found: int, sent: str | None) -> None:
    flow = series("r", pattern)
    assert next(flow).arguments["params"].get("name") == sent
    answer = SeriesList(cursor="1-0", series=CURVES)
    with pytest.raises(StopIteration) as end:
        flow.send(answer.model_dump())
    assert len(end.value.value.series) == found


def test_series_as_a_frame() -> None:
    frame = SeriesList(cursor="1-0", series=CURVES).to_pandas()
    assert list(frame.columns) == ["name", "policy", "peer", "domain", "step", "value", "se", "time"]
    assert len(frame) == 6
    assert [list(frame[name]) for name in ("name", "policy", "step")] == [
        ["capability"] * 4 + ["gap"] * 2, ["merged"] * 2 + ["text"] * 2 + ["image"] * 2, [1, 2] * 3,
    ]  # fmt: skip
    assert list(frame["value"].fillna(-1)) == [0.5, -1] * 3
    assert SeriesList(cursor="1-0", series=[]).to_pandas().empty


def test_without_pandas_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'copd\[notebook\]'"):
        SeriesList(cursor="1-0", series=CURVES).to_pandas()


def test_a_thinned_series_says_so() -> None:
    assert [curve("a", "b", total=total).is_thinned for total in (2, 3)] == [False, True]


def run_list(*names: tuple[str, str]) -> dict[str, Any]:
    empty = {"round": 0, "rounds": 1, "phase": "", "steps": 0, "total_steps": 1, "eta_seconds": None}
    rest = {"state": "queued", "method": "copd", "priority": 0, "allowed": [], "waiting_for": None, "progress": empty, "capability": None,
            "created_at": "2026-01-01T00:00:00Z", "started_at": None, "ended_at": None}  # fmt: skip
    return {"runs": [{"id": number, "name": name, **rest} for number, name in names], "total": len(names), "next": None}


@pytest.fixture
def known() -> Iterator[Client]:
    runs = run_list(("ab1", "new"), ("ab2", "old"), ("cd1", "old"))

    def answer(asked: Asked) -> Any:
        return as_json(runs) if asked.path == "/runs" else as_json({"detail": "there is no such run"}, 404)

    with scripted(answer) as server, Client(server.url, "x") as client:
        yield client


@pytest.mark.parametrize(("reference", "found"), [("old", "ab2"), ("cd", "cd1"), ("ab1", "ab1")])
def test_a_run_is_found_by_name_and_by_the_beginning_of_its_id(known: Client, reference: str, found: str) -> None:
    assert known.runs[reference].id == found


@pytest.mark.parametrize(("reference", "error"), [("ab", "begins 2 ids"), ("x", "no run 'x'"), ("", "no run ''")])
def test_what_names_no_run_or_several_is_not_found(known: Client, reference: str, error: str) -> None:
    with pytest.raises(ApiError, match=error) as refused:
        known.find_run(reference)
    assert refused.value.status == 404
