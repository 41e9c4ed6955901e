"""The transition table has no dead end."""

from __future__ import annotations

import pytest

from server.states import COMMANDS, STOPPING, TERMINAL, TRANSITIONS, RunState, TransitionError, Trigger, after, allowed_commands, sources


def reachable(start: RunState, triggers: frozenset[Trigger]) -> set[RunState]:
    """The states some sequence of these triggers leads to."""
    found, new = {start}, [start]
    while new:
        state = new.pop()
        for trigger, target in TRANSITIONS[state].items():
            if trigger in triggers and target not in found:
                found.add(target)
                new.append(target)
    return found


@pytest.mark.parametrize("state", RunState)
def test_from_everywhere_the_run_can_end(state: RunState) -> None:
    assert reachable(state, frozenset(Trigger)) & TERMINAL


@pytest.mark.parametrize("state", RunState)
def test_a_person_can_end_every_run(state: RunState) -> None:
    """`quiet` comes by itself, for a deadline ends every attempt."""
    assert reachable(state, frozenset({Trigger.cancel, Trigger.quiet})) & TERMINAL


@pytest.mark.parametrize("state", sorted(STOPPING))
def test_a_stopping_run_leaves_its_state_without_help(state: RunState) -> None:
    assert TRANSITIONS[state][Trigger.quiet] not in STOPPING


def test_a_failed_run_may_be_retried_and_that_is_all() -> None:
    assert TRANSITIONS[RunState.failed] == {Trigger.retry: RunState.queued}


@pytest.mark.parametrize("state", sorted(TERMINAL - {RunState.failed}))
def test_what_is_over_stays_over(state: RunState) -> None:
    assert allowed_commands(state) == []
    for trigger in Trigger:
        with pytest.raises(TransitionError, match="the run is over"):
            after(state, trigger)


@pytest.mark.parametrize("trigger", Trigger)
def test_sources_are_the_table_reversed(trigger: Trigger) -> None:
    assert sources(trigger) == [state for state in RunState if trigger in TRANSITIONS[state]]


def test_a_refusal_says_what_is_allowed() -> None:
    with pytest.raises(TransitionError, match="a run that is paused cannot pause; allowed now: resume, cancel"):
        after(RunState.paused, Trigger.pause)


def test_commands_never_lead_into_a_state_of_the_scheduler() -> None:
    """People ask; only facts complete or fail a run."""
    targets = {TRANSITIONS[state].get(command) for state in RunState for command in COMMANDS}
    assert not targets & {RunState.completed, RunState.failed, RunState.failing}
