"""Which segment goes to which worker. Pure."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from copd_engine.plan import Segment
from copd_engine.urgency import urgency
from worker.bus import WorkerReport


@dataclass(frozen=True)
class Ready:
    """A segment all of whose needs are done."""

    run: str
    priority: int
    turn: tuple[int, bool, datetime]
    """Of the run: how many workers it has, whether it has yet to begin, and when it was last sent something, or submitted."""
    fingerprint: str | None
    """What the run's first worker was; None while nothing has been sent."""
    position: int
    segment: Segment
    lost_by: frozenset[str] = frozenset()
    """Workers that were lost with it."""

    @property
    def order(self) -> tuple[object, ...]:
        """Within its run: by urgency, then place in the plan."""
        return (urgency(self.segment), self.position)

    @cached_property
    def lineage(self) -> str:
        return f"{self.run}/{self.segment.policy}"


@dataclass(frozen=True)
class Idle:
    worker: str
    fingerprint: str
    last_policy: str | None
    """"run/policy" whose weights it has in memory."""


def idle_workers(reports: Iterable[WorkerReport], occupied: Collection[str], ended: Collection[int | None]) -> list[Idle]:
    """Workers that can be sent work now: they say idle, or still busy with an attempt of which we know that it `ended`.

    occupied: workers to whom a live attempt was sent already, whatever they say.
    """
    free = [
        report
        for report in reports
        if report.name not in occupied and (report.state == "idle" or (report.state == "busy" and report.attempt in ended))
    ]
    return [Idle(report.name, report.fingerprint, _in_memory(report)) for report in sorted(free, key=lambda report: report.name)]


def choose(ready: Sequence[Ready], idle: Sequence[Idle]) -> list[tuple[Ready, Idle]]:
    """Pairs to send. Runs of the highest priority first; of those, whoever has the fewest workers, runs that have begun before others, and
    then in turn. A worker that holds a policy's weights gets that policy where it can; one that was lost with a segment gets it
    only if nobody else is free."""
    free, pairs, lineages = list(idle), list[tuple[Ready, Idle]](), Counter(item.lineage for item in ready)
    waiting, fingerprints = defaultdict[str, deque[Ready]](deque), dict[str, str | None]()
    for item in sorted(ready, key=lambda item: item.order):
        waiting[item.run].append(item)
        fingerprints[item.run] = item.fingerprint
    line = [(-items[0].priority, items[0].turn, run) for run, items in waiting.items()]
    heapq.heapify(line)
    while line and free:
        priority, (workers, begins, since), run = heapq.heappop(line)
        item = waiting[run].popleft()
        able = [worker for worker in free if fingerprints[run] in (None, worker.fingerprint)]
        if not able:
            continue  # nor is anybody for the run's other segments
        worker = min(able, key=lambda worker: _distance(worker, item, lineages))
        free.remove(worker)
        pairs.append((item, worker))
        fingerprints[run] = worker.fingerprint
        if waiting[run]:
            heapq.heappush(line, (priority, (workers + 1, begins, since), run))
    return pairs


def waiting_for(reports: Sequence[WorkerReport], fingerprint: str | None, names: Mapping[str, str]) -> str:
    """Why a run with work to do has none under way, in words that go on from "waiting for …". names: of the runs that have workers."""
    if not reports:
        return "a worker: none is running"
    able = [report for report in reports if fingerprint is None or report.fingerprint in (fingerprint, "")]
    if not able:
        return f"a worker like the one it began on ({fingerprint}): none is running, and another kind would change its numbers"
    loading = sorted(report.name for report in able if report.state in ("starting", "loading"))
    if loading and len(loading) == len(able):
        return f"{loading[0]}: it is loading torch"
    others = {report.run for report in able if report.run}
    name = names.get(next(iter(others)) or "") if len(others) == 1 else None
    return "a free worker: all are busy with " + (f"'{name}'" if name else "other runs")


def _distance(worker: Idle, item: Ready, lineages: Mapping[str, int]) -> int:
    """0: has the weights; 1: holds nothing that another ready segment could use; 2: does; 3: was lost with this one before.

    lineages: how many segments of each are ready.
    """
    if worker.worker in item.lost_by:
        return 3
    if worker.last_policy == item.lineage:
        return 0
    return 2 if worker.last_policy in lineages else 1


def _in_memory(report: WorkerReport) -> str | None:
    """A worker that has not yet reported the end of its attempt holds that attempt's policy."""
    if report.state == "busy" and report.run and report.segment:
        return f"{report.run}/{report.segment.partition('.')[2].partition('@')[0]}"
    return report.last_policy
