"""The slot's files, and what the parent makes of them."""

from __future__ import annotations

import itertools
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from worker import childwatch
from worker.childwatch import ChildWatch
from worker.slot import ChildState, EndedAttempt, Slot, SlotTakenError, take_first_free

SOON = 20.0


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A child process that does nothing and leads its own group."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, start_new_session=True) as running:
        yield running
        running.kill()


@pytest.fixture
def slot(tmp_path: Path) -> Slot:
    return Slot(tmp_path, "w")


@pytest.fixture
def watch(slot: Slot) -> ChildWatch:
    return ChildWatch(slot, slot.take())


def soon() -> float:
    return time.monotonic() + SOON


def test_state_survives_the_way_through_the_file(slot: Slot) -> None:
    slot.take()
    assert slot.read() is None
    state = ChildState(pid=7, state="busy", run="r", attempt=3, versions={"torch": "2"}, ended=EndedAttempt(run="r", attempt=2))
    slot.write(state, ring=False)
    assert slot.read() == state


def test_second_worker_of_a_name_is_refused_and_an_unnamed_one_takes_the_next_number(tmp_path: Path) -> None:
    first, _ = take_first_free(tmp_path, "host")
    second, _ = take_first_free(tmp_path, "host")
    assert [first.folder.name, second.folder.name] == ["host-1", "host-2"]
    with pytest.raises(SlotTakenError, match="already runs here"):
        Slot(tmp_path, "host-1").take()


def test_taking_a_slot_clears_what_the_last_worker_left(tmp_path: Path, slot: Slot) -> None:
    (slot.folder).mkdir(parents=True)
    (slot.folder / "stop").touch()
    slot.take()
    assert not slot.stop_wanted()
    slot.ask_to_stop()
    assert Slot(tmp_path, "w").stop_wanted()


def test_bell_wakes_the_parent_however_often_it_is_rung(slot: Slot, watch: ChildWatch) -> None:
    for _ in range(100_000):  # more than a FIFO holds
        slot.ring()
    assert watch.wait(soon())
    while watch.wait(0):
        pass
    slot.ring()
    assert watch.wait(soon())


def test_ended_attempts_and_readiness_are_noticed(slot: Slot, watch: ChildWatch, process: subprocess.Popen[bytes]) -> None:
    slot.write(ChildState(pid=process.pid), ring=True)
    watch.look()
    assert (watch.loads, watch.busy) == (0, False)
    slot.write(ChildState(pid=process.pid, state="busy", run="r", attempt=1), ring=True)
    watch.look()
    assert (watch.loads, watch.busy) == (1, True)
    slot.write(ChildState(pid=process.pid, state="idle", ended=EndedAttempt(run="r", attempt=1)), ring=True)
    watch.look()
    watch.look()
    assert watch.ended == [EndedAttempt(run="r", attempt=1)]
    assert not watch.busy


def test_death_ends_the_attempt_once(slot: Slot, watch: ChildWatch, process: subprocess.Popen[bytes]) -> None:
    slot.write(ChildState(pid=process.pid, state="busy", run="r", attempt=1), ring=False)
    watch.look()
    watch.end(signal.SIGKILL, "test")
    assert watch.wait(soon())
    watch.look()
    watch.look()
    assert watch.child is None
    assert watch.ended == [EndedAttempt(run="r", attempt=1)]
    assert watch.failed_loads == 0


def test_child_that_died_before_anybody_looked_is_noticed(slot: Slot, watch: ChildWatch, process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    slot.write(ChildState(pid=process.pid), ring=True)
    watch.look()
    assert watch.child is None
    assert watch.failed_loads == 1


def test_successor_is_seen_although_the_old_state_was_never_read(slot: Slot, watch: ChildWatch, process: subprocess.Popen[bytes]) -> None:
    slot.write(ChildState(pid=process.pid, state="busy", run="r", attempt=1), ring=False)
    watch.look()
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as successor:
        process.kill()
        process.wait()
        slot.write(ChildState(pid=successor.pid), ring=True)
        watch.look()
        assert watch.ended == [EndedAttempt(run="r", attempt=1)]
        assert watch.child
        assert watch.child.pid == successor.pid


def test_silence_counts_from_the_last_sign_of_life_of_a_busy_child(
    slot: Slot, watch: ChildWatch, process: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = itertools.count(1000.0)
    monkeypatch.setattr(childwatch.time, "monotonic", lambda: next(now))  # a second passes between two looks
    busy = ChildState(pid=process.pid, state="busy", run="r", attempt=1, progress_at=1.0)
    slot.write(busy, ring=False)
    for seconds in range(4):
        watch.look()
        assert watch.silence == seconds
    slot.write(busy.model_copy(update={"progress_at": 2.0}), ring=False)
    watch.look()
    assert watch.silence == 0
    slot.write(busy.model_copy(update={"progress_at": 2.0, "state": "idle", "attempt": None, "run": None}), ring=False)
    watch.look()
    watch.look()
    assert watch.silence == 0


def test_time_in_which_the_parent_itself_was_frozen_is_no_silence(
    slot: Slot, watch: ChildWatch, process: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    slot.write(ChildState(pid=process.pid, state="busy", run="r", attempt=1), ring=False)
    watch.look()
    later = time.monotonic() + 3600
    monkeypatch.setattr(childwatch.time, "monotonic", lambda: later)
    watch.look()
    assert watch.silence <= childwatch.LONGEST_LOOK
