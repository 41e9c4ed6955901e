"""What comes next, for people: how long a run still takes, and when an edit will act. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

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
    """A segment that is not done, and how many of its units are left."""

    policy: str
    kind: Kind
    units: float
    is_running: bool
    step: int
    """Which step of its policy it makes next, where it trains; of a running one, that which is under way."""

    @property
    def next_step(self) -> int:
        """The first step that can still hear of an edit."""
        return self.step + self.is_running


@dataclass(frozen=True)
class Outlook:
    """A run from here on."""

    ahead: Sequence[Ahead]
    """In plan order."""
    work: Mapping[Kind, Work]
    lanes: float
    """Workers it gets at a time."""
    may_teach: bool = False
    """An adaptive schedule may yet plan an OPD phase where none is planned."""


def speeds(work: Mapping[Kind, Work]) -> dict[Kind, float]:
    """Seconds per unit of the kinds seen so far; OPD is guessed from RLVR until it was seen."""
    seen = {kind: part.seconds / part.done for kind, part in work.items() if part.done > 0}
    return {Kind.opd: OPD_SLOWDOWN * seen[Kind.rlvr], **seen} if Kind.rlvr in seen else seen


def eta_seconds(work: Mapping[Kind, Work], lanes: float) -> float | None:
    """Seconds until the run is done on `lanes` workers at a time, at the speed seen so far; None until a training step was timed, and
    while it gets no worker. Other kinds not seen yet count nothing."""
    speed = speeds(work)
    if not speed.keys() & TRAINING or lanes <= 0:
        return None
    return sum(part.remaining * speed.get(kind, 0.0) for kind, part in work.items()) / lanes


def in_about(seconds: float) -> str:
    """`about 20 s`, `about 4 min`, `about 2 h`: as exact as an estimate deserves."""
    if seconds < 90:
        return f"about {max(5, 5 * round(seconds / 5))} s"
    if seconds < 5400:
        return f"about {round(seconds / 60)} min"
    return f"about {round(seconds / 3600)} h"


def expected_effect(state: RunState, path: str, round_: int | None, outlook: Outlook) -> str | None:
    """When an edit that has not acted everywhere yet will act; None when it never can. round_: the first round of a structure edit, from
    0."""
    if path in DISPATCH_FIELDS:
        return "acts at once"
    if state in TERMINAL or state in (RunState.failing, RunState.cancelling):
        return None
    if state in (RunState.pausing, RunState.paused):
        effect = expected_effect(RunState.running, path, round_, replace(outlook, lanes=0))
        return effect and f"{effect}, once the run is resumed"
    if round_ is not None:
        return f"acts from round {round_ + 1}"
    trained = {segment.policy for segment in outlook.ahead if segment.kind in TRAINING}
    if not path.startswith(("w.", "w_schedule.")):
        return f"acts from each expert's next step: {_next_steps(outlook)}" if trained else None
    student = path.split(".")[1]
    return _edge_effect(student, outlook) or (
        "acts from the next OPD phase, should there be one" if outlook.may_teach and student in trained else None
    )


SOON_AFTER = ", or soon after"
"""Steps pass until a worker hears of an edit, and work that is near may begin before."""
SOON = 12.5
"""Seconds."""


def _next_steps(outlook: Outlook) -> str:
    """ "37", or each expert's own: "37 of text, 41 of image"."""
    following: dict[str, Ahead] = {}
    for segment in outlook.ahead:
        if segment.kind in TRAINING:
            following.setdefault(segment.policy, segment)
    steps = {policy: segment.next_step for policy, segment in following.items()}
    alike = len(set(steps.values())) == 1
    told = str(min(steps.values())) if alike else ", ".join(f"{step} of {policy}" for policy, step in steps.items())
    return told + (SOON_AFTER if any(segment.is_running for segment in following.values()) else "")


def _edge_effect(student: str, outlook: Outlook) -> str | None:
    """A weight acts in the student's OPD steps only. Before the next there is all training that comes earlier in the plan, shared by the
    workers, and by no more of them than one for what the student itself has to do; all else yields to it."""
    speed, own, everything, is_timed, is_next = speeds(outlook.work), 0.0, 0.0, outlook.lanes > 0, True
    for segment in outlook.ahead:
        is_own = segment.policy == student
        if is_own and segment.kind is Kind.opd:
            if segment.is_running:
                return f"acts from {student}'s next step: {segment.next_step}{SOON_AFTER}"
            seconds = max(own, everything / outlook.lanes) if is_timed else None
            when = "" if seconds is None else SOON_AFTER if seconds < SOON else f", in {in_about(seconds)}"
            where = "" if is_next else f", in {student}'s next OPD phase"
            return f"acts from step {segment.step}{where}{when}"
        is_next = is_next and not (is_own and segment.kind in TRAINING)
        if segment.kind in TRAINING:
            is_timed = is_timed and segment.kind in speed
            seconds = segment.units * speed.get(segment.kind, 0.0)
            everything += seconds
            own += seconds if is_own else 0.0
    return None
