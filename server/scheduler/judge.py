"""What the signs of an attempt mean. Pure."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from enum import StrEnum

from worker.bus import LEASE_SECONDS

CLAIM_SECONDS = LEASE_SECONDS
"""How long a worker may take to claim what it was sent."""
MAX_LOST = 3
"""Lost attempts of one segment after which its run fails."""
LIVE = ("sent", "running")
"""States of an attempt that has not ended."""


@dataclass(frozen=True)
class LiveAttempt:
    """An attempt in state sent or running, as PostgreSQL has it."""

    id: int
    run: str
    segment: str
    worker: str
    state: str
    age: float
    """Seconds since it was sent."""


class Verdict(StrEnum):
    alive = "alive"
    claimed = "claimed"
    """Its worker has begun."""
    look = "look"
    """It may have left a result; without one, nothing is known."""
    ended = "ended"
    """It left a result, or it is lost."""


def verdict(attempt: LiveAttempt, *, leases: Container[int], told: bool, trusted: bool) -> Verdict:
    """told: its worker said that it ended. trusted: a missing lease means that nobody renews it."""
    if told:
        return Verdict.ended
    if attempt.id in leases:
        return Verdict.claimed if attempt.state == "sent" else Verdict.alive
    if attempt.state == "sent" and attempt.age < CLAIM_SECONDS:
        return Verdict.alive
    return Verdict.ended if trusted else Verdict.look


class Order(StrEnum):
    """What a stopping run's attempts are told after its deadline."""

    term = "term"
    kill = "kill"
    abandon = "abandon"
    """Nobody carries the order out: the attempt is given up."""


KILL_AFTER_SECONDS = 5.0
ABANDON_AFTER_SECONDS = KILL_AFTER_SECONDS + 2 * LEASE_SECONDS


def order(overdue: float) -> Order | None:
    """The order for attempts of a run whose deadline passed `overdue` seconds ago; None before it."""
    if overdue < 0:
        return None
    if overdue < KILL_AFTER_SECONDS:
        return Order.term
    return Order.kill if overdue < ABANDON_AFTER_SECONDS else Order.abandon
