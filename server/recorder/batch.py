"""What a number of events amounts to: rows by table, doubles gone. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from copd_engine.control import Binding
from copd_engine.events import Acknowledged, Bound, Event, Log, Points, Rollout, Sample, Stored
from copd_engine.job import CheckpointRecord
from server.db.transition import printable
from worker.bus import Changed

MAX_STEP = 2**31 - 1
OVERLAP = "overlap"
"""The series that every comparison of two policies has."""


SeriesName = tuple[str, str, str, str]
"""A series of one run: name, policy, peer, domain; the last two are '' where it has none."""


RolloutKey = tuple[str, int, str, str, str, int]
"""Policy, step, part, peer ('' where there is none), domain, index."""


class PointValue(NamedTuple):
    """Compares by attempt and, within one, by the event's number: of two values for one step the greater counts."""

    attempt: int
    seq: int
    value: float | None
    se: float | None
    time: datetime


@dataclass
class Batch:
    """Events of one run, from any attempts, in any order, perhaps more than once."""

    points: dict[tuple[SeriesName, int], PointValue] = field(default_factory=dict)
    seqs: dict[int, set[int]] = field(default_factory=dict)
    """Attempt → the numbers of its events in here."""
    bindings: dict[int, list[Binding]] = field(default_factory=dict)
    checkpoints: dict[int, list[CheckpointRecord]] = field(default_factory=dict)
    samples: dict[tuple[str, int, str, int], tuple[int, Sample]] = field(default_factory=dict)
    """(policy, step, domain, index) → the highest attempt's sample."""
    rollouts: dict[RolloutKey, tuple[int, Rollout]] = field(default_factory=dict)
    """The highest attempt's rollout."""
    lines: dict[tuple[int, int], tuple[Log, datetime]] = field(default_factory=dict)
    """(attempt, seq) → a line of the log."""
    acknowledged: int = 0

    def add(self, attempt: int, event: Event, time: datetime) -> None:
        """time: when the event reached the stream."""
        self.seqs.setdefault(attempt, set()).add(event.seq)
        match event:
            case Points():
                self._add_points(attempt, event, time)
            case Bound():
                binding = Binding(version=event.version, policy=event.policy, step=event.step)
                self.bindings.setdefault(attempt, []).append(binding)
            case Stored():
                self.checkpoints.setdefault(attempt, []).append(event.checkpoint)
            case Sample():
                key = (event.policy, event.step, event.domain, event.index)
                if attempt >= self.samples.get(key, (0, None))[0]:
                    self.samples[key] = (attempt, event)
            case Rollout() if max(event.step, event.index, event.size, event.tokens, event.place) <= MAX_STEP and event.step >= 0:
                place = (event.policy, event.step, event.part, event.peer or "", event.domain, event.index)
                if attempt >= self.rollouts.get(place, (0, None))[0]:
                    self.rollouts[place] = (attempt, event)
            case Log():
                self.lines[attempt, event.seq] = (event, time)
            case Acknowledged():
                self.acknowledged = max(self.acknowledged, event.version)
            case _:
                pass  # progress is for those who watch now

    def changed(self) -> list[Changed]:
        """What viewers should fetch again once this is stored. Points reach them by the stream itself."""
        compared = any(name == OVERLAP for (name, *_), _ in self.points)
        said: dict[Changed, object] = {
            "edits": self.bindings or self.acknowledged, "checkpoints": self.checkpoints, "rollouts": self.samples or self.rollouts,
            "log": self.lines or self.bindings, "agreement": compared,
        }  # fmt: skip
        return [what for what, rows in said.items() if rows]

    def _add_points(self, attempt: int, event: Points, time: datetime) -> None:
        if not 0 <= event.step <= MAX_STEP:
            return
        for value in event.values:
            series = (value.name, event.policy, value.peer or "", value.domain or "")
            point = PointValue(attempt, event.seq, finite(value.value), finite(value.se), time)
            held = self.points.get((series, event.step))
            if held is None or held[:2] <= point[:2]:
                self.points[series, event.step] = point


def finite(number: float | None) -> float | None:
    """The number, or None for what no chart can draw."""
    return number if number is not None and math.isfinite(number) else None


def advance(recorded: int, seqs: Iterable[int]) -> int:
    """The number up to which all events are there, given that all up to `recorded` are: it stops before a gap."""
    present = set(seqs)
    while recorded + 1 in present:
        recorded += 1
    return recorded


def clean(sample: Sample) -> dict[str, object]:
    """A sample's columns, as PostgreSQL can keep them: a model may well utter NUL."""
    texts = {name: printable(getattr(sample, name)) for name in ("prompt", "answer", "completion", "reason")}
    return {**sample.model_dump(include={"policy", "step", "domain", "index", "media"}), "reward": finite(sample.reward) or 0.0, **texts}


def clean_rollout(rollout: Rollout) -> dict[str, object]:
    """A rollout's columns, likewise."""
    texts = {name: printable(getattr(rollout, name)) for name in ("policy", "domain", "prompt", "completion", "path")}
    numbers = {name: finite(getattr(rollout, name)) or 0.0 for name in ("reward_min", "reward_mean", "reward_max")}
    kept = rollout.model_dump(include={"step", "part", "index", "media", "size", "tokens", "place"})
    return {**kept, **texts, **numbers, "peer": printable(rollout.peer or ""), "gap": finite(rollout.gap)}
