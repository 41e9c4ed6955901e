"""How long a plan takes at the speed of earlier runs. Pure.

Work is counted in tokens: the completions that a segment samples, each as long as it may get. Earlier runs tell, for each kind of segment,
how many seconds such a token took.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from copd_engine.plan import BASE, TRAINING, Kind, Segment
from copd_engine.spec import RunSpec


@dataclass(frozen=True)
class Work:
    """Done segments of one kind: tokens at most, and the seconds they took."""

    tokens: float = 0.0
    seconds: float = 0.0

    def __add__(self, other: Work) -> Work:
        return Work(self.tokens + other.tokens, self.seconds + other.seconds)


Measured = Mapping[Kind, Work]


def token_counter(spec: RunSpec) -> Callable[[Segment], float]:
    """Segment → the most tokens that its completions have together; 0 of what samples none. Plans have many segments, and few kinds."""
    known: dict[tuple[Kind, str, str | None, tuple[str, ...]], float] = {}

    def count(segment: Segment) -> float:
        key = (segment.kind, segment.policy, segment.domain, tuple(teacher.policy for teacher in segment.teachers))
        if key not in known:
            known[key] = _tokens(spec, *key)
        return known[key] * (segment.steps if segment.kind in TRAINING else 1)

    return count


def _tokens(spec: RunSpec, kind: Kind, policy: str, domain: str | None, teachers: tuple[str, ...]) -> float:
    """Of one step of training, else of the whole segment."""
    lengths = {name: source.max_new_tokens for name, source in spec.domains.items()}
    if kind in TRAINING:
        rewarded = spec.native_domains(policy, in_opd=kind is Kind.opd)
        taught = [spec.teacher_domain(teacher) for teacher in teachers if teacher != BASE]
        means = [fmean(lengths[name] for name in names) for names in (rewarded, taught) if names]
        return spec.rlvr.prompts * spec.rlvr.group * sum(means)
    if kind is Kind.evaluate and domain in lengths:
        return spec.evaluation.prompts * lengths[domain]
    return spec.agreement.prompts * sum(lengths.values()) if kind is Kind.measure else 0.0


def training_tokens(spec: RunSpec, segments: Iterable[Segment]) -> int:
    """The most tokens that are sampled to train on."""
    tokens = token_counter(spec)
    return round(sum(tokens(segment) for segment in segments if segment.kind in TRAINING))


def seconds_of(spec: RunSpec, segments: Sequence[Segment], measured: Measured, lanes: int) -> float | None:
    """On `lanes` workers at a time; None where no training was measured. A training kind not measured is as quick as the other; of the
    rest, what was not measured counts nothing."""
    rates = {kind: work.seconds / work.tokens for kind, work in measured.items() if work.tokens > 0}
    training = [rates[kind] for kind in TRAINING if kind in rates]
    if not training or lanes < 1:
        return None
    rates = {**dict.fromkeys(TRAINING, max(training)), **rates}
    tokens = token_counter(spec)
    return sum(tokens(segment) * rates.get(segment.kind, 0.0) for segment in segments) / lanes
