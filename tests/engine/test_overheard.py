"""Warnings and errors of libraries reach the attempt's own log."""

from __future__ import annotations

import logging
import threading
import warnings

import pytest

from copd_engine.events import Event, Log
from copd_engine.overheard import overheard


@pytest.fixture
def heard() -> list[tuple[str, str]]:
    return []


def listening(heard: list[tuple[str, str]]) -> None:
    def emit(event: Event) -> None:
        assert isinstance(event, Log)
        heard.append((event.level, event.message))

    with overheard(emit):
        logging.getLogger("some.library").warning("low on %s", "memory")
        logging.getLogger("some.library").info("all is well")
        try:
            _ = 1 // 0
        except ZeroDivisionError:
            logging.getLogger("some.library").exception("gave up")
        logging.getLogger("worker.link").warning({"event": "Redis is away", "logger": "worker.link", "level": "warning", "error": "gone"})
    logging.getLogger("some.library").warning("nobody listens any more")


def test_warnings_and_errors_are_events_while_the_attempt_lasts(heard: list[tuple[str, str]]) -> None:
    listening(heard)
    said = {message.partition("\n")[0]: level for level, message in heard}
    assert said == {
        "some.library: low on memory": "warning",
        "some.library: gave up": "error",
        "worker.link: Redis is away error=gone": "warning",
    }
    assert any("ZeroDivisionError: integer division" in message for _, message in heard)


def test_from_any_thread(heard: list[tuple[str, str]]) -> None:
    thread = threading.Thread(target=listening, args=(heard,))
    thread.start()
    thread.join()
    assert len(heard) == 3


@pytest.mark.filterwarnings("default")
def test_python_warnings_too_and_they_are_shown_as_ever(heard: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    shown = list[str]()
    monkeypatch.setattr("copd_engine.overheard.LONGEST", 40)
    monkeypatch.setattr(warnings, "showwarning", lambda message, *_: shown.append(str(message)))
    before = warnings.showwarning
    with overheard(lambda event: heard.append((event.level, event.message)) if isinstance(event, Log) else None):
        warnings.warn("a thing of the past!!!!!!!!!!!!", DeprecationWarning, stacklevel=1)
    assert warnings.showwarning is before
    assert heard == [("warning", "DeprecationWarning: a thing of the past!")]
    assert shown == ["a thing of the past!!!!!!!!!!!!"]


def test_a_listener_that_fails_ends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    def emit(_event: Event) -> None:
        raise OSError("disk full")

    with overheard(emit):
        logging.getLogger("some.library").warning("heard by nobody")
    assert "disk full" in capsys.readouterr().err
