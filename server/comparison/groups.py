"""Which runs are one experiment, done again with another seed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Scores = Mapping[str, Mapping[str, tuple[float, float | None]]]
"""Policy → domain → newest accuracy and its standard error."""
LABELS = ("name", "notes", "tags", "priority", "seed")
"""Fields of a spec that change nothing of what is trained, and the seed."""


@dataclass(frozen=True)
class Entry:
    """One run, as far as a comparison goes."""

    id: str
    name: str
    method: str
    seed: int
    spec: Mapping[str, Any]
    """With its defaults."""
    edits: Sequence[tuple[str, Any, str]] = ()
    """(path, value, where it took effect: "at step 60", "from round 3", or nothing yet) of each edit that people made, in their order."""
    age: int = 0
    """Its place among the compared runs by creation, the oldest first."""
    is_over: bool = True
    scores: Scores = field(default_factory=dict)
    budget: tuple[int, int, int] = (0, 0, 0)
    """Rollouts, tokens and optimizer steps of its training."""


@dataclass(frozen=True)
class Group:
    """Runs that are equal but for seed, name, notes, tags and priority."""

    runs: Sequence[Entry]

    @property
    def seeds(self) -> list[Entry]:
        """One run for each seed, the newest with a result: the same seed done twice says nothing new, and would make an interval too
        narrow."""
        newest = {run.seed: run for run in sorted(self.runs, key=lambda run: (bool(run.scores), run.age))}
        return [newest[seed] for seed in sorted(newest)]


def groups(runs: Sequence[Entry]) -> list[Group]:
    """The runs' experiments, in the order in which each comes first. A run that was edited is its own experiment: its spec says less
    than what was done."""
    found: dict[str, list[Entry]] = {}
    for run in runs:
        found.setdefault(_what_is_done(run), []).append(run)
    return [Group(each) for each in found.values()]


def _what_is_done(run: Entry) -> str:
    spec = {name: value for name, value in run.spec.items() if name not in LABELS}
    return json.dumps([spec, list(run.edits)], sort_keys=True)
