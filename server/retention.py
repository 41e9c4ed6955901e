"""Why a checkpoint is kept. Pure: what has no reason may go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from copd_engine.plan import TRAINING, Kind, Ref, Segment
from copd_engine.spec import Keep


class Reason(StrEnum):
    """Why a checkpoint stays; the first two hold whatever the policy says."""

    needed = "needed"
    """A segment that is not done reads it, or would go on from it."""
    newest_round = "newest round"
    """The last round that is whole: where a fork would start, and the newest merged model."""
    pinned = "pinned"
    last = "last"
    round_end = "round end"
    best = "best"
    """Of its policy's recorded accuracies, as means over the domains, the highest. One per policy."""
    being_evaluated = "being evaluated"
    """In some domain at least it was, and not all of its accuracies are recorded yet: it may turn out to be the best."""


@dataclass(frozen=True)
class Held:
    """A checkpoint the store holds, and the attempt that made it."""

    ref: Ref
    attempt: int


def reasons(
    held: Sequence[Held],
    segments: Sequence[Segment],
    done: Collection[str],
    keep: Keep,
    *,
    pinned: Collection[Ref] = (),
    scores: Mapping[Ref, float] | None = None,
) -> dict[Held, list[Reason]]:
    """Why each one stays. Of several attempts' at one step only the newest is ever read: the others have no reason.

    done: keys of the finished segments. scores: mean accuracy of the checkpoints whose evaluation is recorded.
    """
    groups: dict[Reason, Collection[Ref]] = {
        Reason.needed: _needed(held, segments, done),
        Reason.newest_round: _newest_round(segments, done),
        Reason.pinned: pinned,
        Reason.last: _last(held, keep.last),
        Reason.round_end: set(_looked_at(segments)) if keep.round_ends else (),
        Reason.best: _best(held, scores or {}) if keep.best else (),
        Reason.being_evaluated: _evaluated(segments, done) - (scores or {}).keys() if keep.best else (),
    }
    newest = dict[Ref, int]()
    for item in held:
        newest[item.ref] = max(newest.get(item.ref, 0), item.attempt)
    return {
        item: [reason for reason, refs in groups.items() if item.ref in refs] if item.attempt == newest[item.ref] else [] for item in held
    }


def _needed(held: Sequence[Held], segments: Sequence[Segment], done: Collection[str]) -> set[Ref]:
    """What unfinished segments read, and the last state inside each."""
    needed = set[Ref]()
    for segment in segments:
        if segment.key in done:
            continue
        needed |= {segment.start, *segment.teachers}
        if segment.kind in TRAINING:
            inside = [item.ref for item in held if item.ref.policy == segment.policy and segment.step < item.ref.step < segment.end.step]
            needed |= {max(inside)} if inside else set()
    return needed


def _newest_round(segments: Sequence[Segment], done: Collection[str]) -> set[Ref]:
    merges = [segment for segment in segments if segment.kind is Kind.merge and segment.key in done]
    return {*merges[-1].teachers, merges[-1].end} if merges else set()


def _last(held: Sequence[Held], count: int) -> set[Ref]:
    steps: defaultdict[str, set[int]] = defaultdict(set)
    for item in held:
        steps[item.ref.policy].add(item.ref.step)
    return {Ref(policy, step) for policy, found in steps.items() for step in sorted(found)[-count:]}


def _looked_at(segments: Sequence[Segment]) -> Iterator[Ref]:
    """Round ends: what is merged there, the merged model, and what is evaluated."""
    for segment in segments:
        if segment.kind is Kind.merge:
            yield from (*segment.teachers, segment.end)
        elif segment.kind is Kind.evaluate:
            yield segment.start


def _best(held: Sequence[Held], scores: Mapping[Ref, float]) -> set[Ref]:
    """Each policy's best, the earliest of equals."""
    best = dict[str, Ref]()
    for ref in sorted({item.ref for item in held} & scores.keys()):
        if ref.policy not in best or scores[ref] > scores[best[ref.policy]]:
            best[ref.policy] = ref
    return set(best.values())


def _evaluated(segments: Sequence[Segment], done: Collection[str]) -> set[Ref]:
    return {segment.start for segment in segments if segment.kind is Kind.evaluate and segment.key in done}
