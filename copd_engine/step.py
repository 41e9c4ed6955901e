"""What a training step is made of, what it uses up, and what it tells.

Letters: P prompts, G rollouts per prompt.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from torch import Tensor

from copd_engine.batches import Batch
from copd_engine.control import StepValues
from copd_engine.domains import Domain, Reward
from copd_engine.events import Value
from copd_engine.objective import Objective
from copd_engine.policy import Policy
from copd_engine.rollout import Rollouts


@dataclass(frozen=True)
class Teacher:
    """A fixed snapshot that teaches on its own domain."""

    policy: Policy
    domain: Domain


@dataclass
class Spent:
    """What a step used up, and what it learned on the way."""

    values: list[Value] = field(default_factory=list)
    rollouts: int = 0
    tokens: int = 0
    prompts: int = 0
    failures: list[str] = field(default_factory=list)
    """Why a verifier failed, for each completion that got a zero for it."""

    def count(self, rollouts: Rollouts, prompts: int) -> None:
        """Adds a sampling on so many prompts."""
        self.rollouts += len(rollouts.prompts)
        self.tokens += int(rollouts.mask.sum())
        self.prompts += prompts


@dataclass(frozen=True)
class Rewarded:
    """Completions of a domain's P prompts, G each, and what the verifier and the length penalty say of them.

    rewards [P, G]: the verifier's. penalties [P, G]: <= 0, to be added. drawn: the mean reward of the prompts as first drawn, before any
    group was replaced. resampled: groups that were.
    """

    domain: Domain
    batch: Batch
    rewards: Tensor
    penalties: Tensor
    drawn: float
    judged: list[Reward]
    """The verifier's judgement of each of the P x G completions."""
    resampled: int = 0


@dataclass(frozen=True)
class Outcomes:
    """What the verifier said of each of a batch's N completions, and the advantages [N, 1] that came of it."""

    judged: list[Reward]
    advantages: Tensor


@dataclass
class Part:
    """One batch of a step and its loss, of which `share` counts; every update of the step goes back through it."""

    name: str
    batch: Batch
    objective: Objective
    known: dict[str, float]
    """What is to be seen of it apart from the updates: name → mean."""
    share: float = 1.0
    losses: list[float] = field(default_factory=list)
    """Of each update so far."""
    outcomes: Outcomes | None = None
    """Of a part whose completions get rewards."""

    def seen(self) -> dict[str, float]:
        """`known`, the mean loss of the updates, and what else the objective saw, per token: name → mean."""
        updates = len(self.losses)
        per_token = {name: value / (self.batch.token_count * updates) for name, value in self.objective.sums.items()}
        return {**self.known, "loss": sum(self.losses) / updates, **per_token}


def told_natives(parts: Mapping[str, Part]) -> Iterator[Value]:
    """The native part as a whole and, where there are several domains, each of them."""
    means: defaultdict[str, float] = defaultdict(float)
    for domain, part in parts.items():
        for name, value in part.seen().items():
            means[name] += value if name == "resampled" else value * part.share  # which is a count, the others are means
            if len(parts) > 1:
                yield Value(name=name, domain=domain, value=value)
    yield from (Value(name=name, value=value) for name, value in means.items())


def told_teachers(parts: Mapping[str, Part], values: StepValues) -> Iterator[Value]:
    """What each teacher's part saw, and the weights of all of them."""
    for name, part in parts.items():
        for seen, value in part.seen().items():
            yield Value(name="distill_loss" if seen == "loss" else seen, peer=name, value=value)
    yield from (Value(name="w", peer=name, value=weight) for name, weight in values.w.items())
