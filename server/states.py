"""The states of a run as one table of transitions. Pure. The API, the scheduler and every button derive from it.

Every -ing state ends by itself: it has a deadline after which the attempts it waits for are terminated, then killed.
"""

from __future__ import annotations

from enum import StrEnum


class RunState(StrEnum):
    queued = "queued"
    running = "running"
    pausing = "pausing"
    paused = "paused"
    failing = "failing"
    cancelling = "cancelling"
    completed = "completed"
    failed = "failed"
    cancelled = "cancelled"


class Trigger(StrEnum):
    """What moves a run: commands of people, and facts the scheduler sees."""

    pause = "pause"
    resume = "resume"
    cancel = "cancel"
    retry = "retry"
    first_sent = "first_sent"
    """The first segment went to a worker."""
    error = "error"
    """A segment failed, or lost too many attempts."""
    all_done = "all_done"
    """Every planned segment is done."""
    quiet = "quiet"
    """No attempt is alive any more."""


COMMANDS = (Trigger.pause, Trigger.resume, Trigger.cancel, Trigger.retry)
_S, _T = RunState, Trigger

TRANSITIONS: dict[RunState, dict[Trigger, RunState]] = {
    _S.queued: {_T.pause: _S.paused, _T.cancel: _S.cancelled, _T.first_sent: _S.running, _T.all_done: _S.completed, _T.error: _S.failed},
    _S.running: {_T.pause: _S.pausing, _T.cancel: _S.cancelling, _T.error: _S.failing, _T.all_done: _S.completed},
    _S.pausing: {_T.resume: _S.running, _T.cancel: _S.cancelling, _T.error: _S.failing, _T.all_done: _S.completed, _T.quiet: _S.paused},
    _S.paused: {_T.resume: _S.queued, _T.cancel: _S.cancelled},
    _S.failing: {_T.cancel: _S.cancelling, _T.quiet: _S.failed},
    _S.cancelling: {_T.quiet: _S.cancelled},
    _S.completed: {},
    _S.failed: {_T.retry: _S.queued},
    _S.cancelled: {},
}
TERMINAL = frozenset({_S.completed, _S.failed, _S.cancelled})
"""States in which nothing happens by itself any more."""
EDITABLE = frozenset({_S.queued, _S.running, _S.pausing, _S.paused})
"""States in which a run's values and structure may change."""
STOPPING = frozenset({_S.pausing, _S.failing, _S.cancelling})
"""States that wait for attempts to end, under a deadline."""


class TransitionError(Exception):
    """A trigger the state does not know; says what is allowed now."""

    def __init__(self, state: RunState, trigger: Trigger) -> None:
        allowed = ", ".join(allowed_commands(state)) or "none: the run is over"
        super().__init__(f"a run that is {state} cannot {trigger}; allowed now: {allowed}")
        self.state, self.trigger = state, trigger


def after(state: RunState, trigger: Trigger) -> RunState:
    """The next state. Raises TransitionError where the table has none."""
    try:
        return TRANSITIONS[state][trigger]
    except KeyError:
        raise TransitionError(state, trigger) from None


def allowed_commands(state: RunState, *, holds_policies: bool = False) -> list[Trigger]:
    """holds_policies: whether the run trains on without some that are paused; then it can be resumed as well."""
    resumes = {Trigger.resume} if holds_policies and state in EDITABLE else frozenset[Trigger]()
    return [command for command in COMMANDS if command in TRANSITIONS[state] or command in resumes]


def sources(trigger: Trigger) -> list[RunState]:
    """The reverse of the table, for SQL: all states from which the trigger leads somewhere."""
    return [state for state, row in TRANSITIONS.items() if trigger in row]
