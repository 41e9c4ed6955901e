"""The port of the page."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from client.stack.home import HomeError, StackInfo
from client.stack.ports import DEFAULT_PORT, choose_port, page_url, ssh_forward


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def last(port: int) -> StackInfo:
    return StackInfo(f"http://127.0.0.1:{port}", port, 1, "", "", "")


@pytest.fixture(autouse=True)
def _no_port_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COPD_PORT", raising=False)


def test_a_taken_port_moves_to_the_next_free_one(taken: int) -> None:
    assert taken < choose_port("127.0.0.1", taken, None) <= taken + 100


def test_the_port_of_the_last_time_is_kept(taken: int) -> None:
    free = choose_port("127.0.0.1", taken, None)
    assert choose_port("127.0.0.1", None, last(free)) == free


def test_option_beats_environment_beats_last_time(monkeypatch: pytest.MonkeyPatch, taken: int) -> None:
    free = choose_port("127.0.0.1", taken, None)
    monkeypatch.setenv("COPD_PORT", str(free))
    assert choose_port("127.0.0.1", None, last(DEFAULT_PORT)) == free
    assert choose_port("127.0.0.1", free, last(DEFAULT_PORT)) == free


@pytest.mark.parametrize("wrong", ["0", "65536", "http", "-1", "80 "])
def test_a_wrong_port_in_the_environment_is_named(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("COPD_PORT", wrong)
    with pytest.raises(HomeError, match="COPD_PORT must be a port from 1 to 65535"):
        choose_port("127.0.0.1", None, None)


def test_no_free_port_is_an_error(monkeypatch: pytest.MonkeyPatch, taken: int) -> None:
    monkeypatch.setattr("client.stack.ports.PORTS_TRIED", 1)
    with pytest.raises(HomeError, match=f"no free port from {taken}"):
        choose_port("127.0.0.1", taken, None)


def test_over_ssh_the_forwarding_command_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 5000 10.0.0.2 22")
    monkeypatch.setenv("LOGNAME", "ada")
    assert ssh_forward("http://127.0.0.1:8765") == "ssh -N -L 8765:127.0.0.1:8765 ada@10.0.0.2"
    monkeypatch.delenv("SSH_CONNECTION")
    assert ssh_forward("http://127.0.0.1:8765") is None


@pytest.mark.parametrize(
    ("host", "url"), [("127.0.0.1", "http://127.0.0.1:1"), ("0.0.0.0", "http://127.0.0.1:1"), ("::1", "http://[::1]:1")]
)
def test_the_page_is_found_on_what_it_is_served_on(host: str, url: str) -> None:
    assert page_url(host, 1) == url
