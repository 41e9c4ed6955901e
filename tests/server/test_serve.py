"""The API as a process of its own: streams over a real socket, and an end that keeps nobody waiting."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select, update

from server import auth
from server.db.models import LogLine, User
from server.roles import Role
from tests.server.api import token_of
from tests.server.api_process import api_process
from tests.server.backend import Backend
from tests.server.seed import add_run
from worker.bus import STREAM_FIELD, Frame, run_stream

pytestmark = pytest.mark.integration


@pytest.fixture
def process(backend: Backend, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client]]:
    with api_process(log=tmp_path / "api.log") as (running, client):
        client.headers["authorization"] = f"Bearer {token_of(backend)}"
        yield running, client


def test_a_stream_is_sent_event_by_event_and_ends_with_the_server(
    backend: Backend, process: tuple[subprocess.Popen[bytes], httpx.Client], tmp_path: Path
) -> None:
    running, client = process
    with backend.sessions() as db:
        run = add_run(db)
    backend.redis.delete(run_stream(run))
    first = backend.redis.xadd(run_stream(run), {STREAM_FIELD: Frame(time=0, changed=["run"]).model_dump_json()}, id="5-1")
    with client.stream("GET", f"/api/v1/runs/{run}/events", headers={"last-event-id": "0-0"}) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-cache"
        lines = response.iter_lines()
        assert [next(lines) for _ in range(4)] == ["event: ping", "data: {}", "id: 0-0", ""]
        assert [next(lines) for _ in range(4)] == ["event: changed", 'data: {"what":["run"]}', "id: 5-1", ""]
        assert first == b"5-1"
        running.send_signal(signal.SIGTERM)
        assert [line for line in lines if line.startswith("event:")] == []
    assert running.wait() in (0, -signal.SIGTERM)
    assert "Traceback" not in (tmp_path / "api.log").read_text()


async def test_many_at_once_all_get_their_answer(backend: Backend, process: tuple[subprocess.Popen[bytes], httpx.Client]) -> None:
    """More than there are connections and threads together: none waits for one that waits for it."""
    _, client = process
    with backend.sessions() as db:
        run = add_run(db)
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=client.base_url, headers=client.headers, limits=limits, timeout=90) as many:
        answers = await asyncio.gather(*(many.get(f"/api/v1/runs/{run}") for _ in range(400)))
    assert {answer.status_code for answer in answers} == {200}


def test_a_position_that_cannot_be_followed_gets_one_reset(backend: Backend, process: tuple[subprocess.Popen[bytes], httpx.Client]) -> None:
    _, client = process
    with backend.sessions() as db:
        run = add_run(db)
    answer = client.get(f"/api/v1/runs/{run}/events", params={"cursor": "99999999999999-0"})
    assert answer.text == 'event: reset\ndata: {"reason":"the event stream was lost"}\n\n'


def test_several_runs_come_over_one_connection_and_a_reset_ends_one_alone(
    backend: Backend, process: tuple[subprocess.Popen[bytes], httpx.Client]
) -> None:
    _, client = process
    with backend.sessions() as db:
        runs = [add_run(db) for _ in range(2)]
    for run in runs:
        backend.redis.delete(run_stream(run))
        backend.redis.xadd(run_stream(run), {STREAM_FIELD: Frame(time=0, changed=["run"]).model_dump_json()}, id="5-1")
    asked = [f"{runs[0]}@0-0", f"{runs[1]}@99999999999999-0", "nobody@5-1"]
    with client.stream("GET", "/api/v1/events", params={"run": asked}) as response:
        lines = response.iter_lines()
        seen = {tuple(next(lines) for _ in range(4)) for _ in range(4)}
        assert seen == {
            ("event: ping", "data: {}", f"id: {runs[0]}@0-0", ""),
            ("event: changed", 'data: {"what":["run"]}', f"id: {runs[0]}@5-1", ""),
            ("event: reset", 'data: {"reason":"the event stream was lost"}', f"id: {runs[1]}@", ""),
            ("event: reset", 'data: {"reason":"there is no such run"}', "id: nobody@", ""),
        }
        backend.redis.xadd(run_stream(runs[0]), {STREAM_FIELD: Frame(time=0, changed=["log"]).model_dump_json()}, id="6-1")
        assert [next(lines) for _ in range(3)] == ["event: changed", 'data: {"what":["log"]}', f"id: {runs[0]}@6-1"]


@pytest.mark.parametrize("how", ["revoked", "disabled"])
def test_a_stream_ends_when_its_login_does_and_others_go_on(
    backend: Backend, process: tuple[subprocess.Popen[bytes], httpx.Client], how: str
) -> None:
    _, client = process
    value = token_of(backend, "bob", Role.viewer)
    with backend.sessions() as db:
        run = add_run(db)
    with client.stream("GET", f"/api/v1/runs/{run}/events") as anns:
        assert next(lines := anns.iter_lines()) == "event: ping"
        with client.stream("GET", f"/api/v1/runs/{run}/events", headers={"authorization": f"Bearer {value}"}) as bobs:
            assert next(rest := bobs.iter_lines()) == "event: ping"
            with backend.sessions.begin() as db:
                if how == "revoked":
                    auth.revoke(db, auth.load_secret(backend.settings.home), "token", value)
                else:
                    db.execute(update(User).where(User.name == "bob").values(disabled_at=func.now()))
            assert "event: reset" not in list(rest)  # it ends; pytest's time limit holds
        backend.redis.xadd(run_stream(run), {STREAM_FIELD: Frame(time=0, changed=["run"]).model_dump_json()})
        assert "event: changed" in lines


@pytest.mark.parametrize(
    ("proxies", "address", "is_secure"),
    [("[]", "127.0.0.1", False), ('["10.9.8.7"]', "127.0.0.1", True), ('["127.0.0.1"]', "192.0.2.7", True)],
)
def test_only_a_named_proxy_is_believed(backend: Backend, proxies: str, address: str, is_secure: bool) -> None:
    with api_process({"COPD_BEHIND_PROXY": proxies}) as (_, client):
        code = auth.issue_now(backend.settings, "code", None, auth.CODE_LIFETIME)
        forwarded = {"x-forwarded-for": "192.0.2.7", "x-forwarded-proto": "https"}
        answer = client.post("/api/v1/session", json={"code": code}, headers=forwarded)
        assert ("secure" in answer.headers["set-cookie"].lower()) is is_secure
    with backend.sessions() as db:
        assert db.scalars(select(LogLine)).one().data == {"address": address}
