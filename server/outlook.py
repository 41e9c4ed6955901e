"""What comes next, for people: how long a run still takes, and when an edit will act. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from copd_engine.control import DISPATCH_FIELDS
from copd_engine.plan import TRAINING, Kind
from server.states import TERMINAL, RunState

OPD_SLOWDOWN = 2.0
"""An OPD step does its native part and as many rollouts again; used until one has been seen."""


@dataclass(frozen=True)
class Work:
    """Segments of one kind, in units: steps where it trains, else segments."""

    remaining: float = 0.0
    done: float = 0.0
    seconds: float = 0.0
    """Wall time the done units took."""


@dataclass(frozen=True)
class Ahead:
    """A policy's training segment that is not done, in plan order."""

    kind: Kind
    steps_left: int
    is_running: bool


def eta_seconds(work: Mapping[Kind, Work], lanes: float) -> float | None:
    """Seconds until the run is done on `lanes` workers at a time, at the speed seen so far; None until a training step was timed, and
    while it gets no worker.

    Kinds not seen yet count nothing, but for OPD, which is guessed from RLVR.
    """
    speed = {kind: part.seconds / part.done for kind, part in work.items() if part.done > 0}
    if not speed.keys() & TRAINING or lanes <= 0:
        return None
    if Kind.opd not in speed:
        speed[Kind.opd] = OPD_SLOWDOWN * speed[Kind.rlvr]
    return sum(part.remaining * speed.get(kind, 0.0) for kind, part in work.items()) / lanes


def in_about(seconds: float) -> str:
    """`20 s`, `4 min`, `2 h`: as exact as an estimate deserves."""
    if seconds < 90:
        return f"{max(5, 5 * round(seconds / 5))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{round(seconds / 3600)} h"


def expected_effect(
    state: RunState,
    path: str,
    round_: int | None,
    ahead: Mapping[str, Sequence[Ahead]],
    seconds_per_step: Mapping[Kind, float],
    *,
    may_teach: bool = False,
) -> str | None:
    """When an edit that has not acted everywhere yet will act; None when it never can.

    ahead: what each expert still trains, in plan order. round_: the first round of a structure edit, from 0. may_teach: an adaptive
    schedule may yet plan an OPD phase where none is planned.
    """
    if path in DISPATCH_FIELDS:
        return "acts at once"
    if state in TERMINAL or state in (RunState.failing, RunState.cancelling):
        return None
    if state in (RunState.pausing, RunState.paused):
        return "acts after the run is resumed"
    if round_ is not None:
        return f"acts from round {round_ + 1}"
    if not path.startswith(("w.", "w_schedule.")):
        return "acts from each expert's next step" if any(ahead.values()) else None
    student = ahead.get(path.split(".")[1], ())
    return _edge_effect(student, seconds_per_step) or (
        "acts from the next OPD phase, should there be one" if may_teach and student else None
    )


def _edge_effect(ahead: Sequence[Ahead], seconds_per_step: Mapping[Kind, float]) -> str | None:
    """A weight acts in the student's OPD steps only."""
    seconds, is_timed = 0.0, True
    for segment in ahead:
        if segment.kind is Kind.opd:
            if segment.is_running:
                return "acts from the next step"
            return "acts from the next OPD phase" + (f", in about {in_about(seconds)}" if is_timed else "")
        is_timed = is_timed and segment.kind in seconds_per_step
        seconds += segment.steps_left * seconds_per_step.get(segment.kind, 0.0)
    return None
