"""Which segment goes to which worker. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from copd_engine.plan import Segment
from copd_engine.urgency import urgency
from worker.bus import WorkerReport


@dataclass(frozen=True)
class Ready:
    """A segment all of whose needs are done."""

    run: str
    priority: int
    created_at: datetime
    fingerprint: str | None
    """What the run's first worker was; None while nothing has been sent."""
    position: int
    segment: Segment

    @property
    def order(self) -> tuple[object, ...]:
        """Runs by priority, then age; within a run by urgency, then place in the plan."""
        return (-self.priority, self.created_at, self.run, urgency(self.segment), self.position)

    @property
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
    """Pairs to send, most urgent first. A worker that holds a policy's weights gets that policy where it can."""
    free, pairs, fingerprints = list(idle), list[tuple[Ready, Idle]](), dict[str, str]()
    for item in sorted(ready, key=lambda item: item.order):
        wanted = item.fingerprint or fingerprints.get(item.run)
        able = [worker for worker in free if wanted in (None, worker.fingerprint)]
        if able:
            waited_for = {other.lineage for other in ready if other is not item}
            worker = min(able, key=lambda worker: _distance(worker, item, waited_for))
            free.remove(worker)
            pairs.append((item, worker))
            fingerprints[item.run] = worker.fingerprint
    return pairs


def waiting_for(reports: Sequence[WorkerReport], fingerprint: str | None) -> str:
    """Why a run with work to do has none under way, in words that go on from "waiting for …"."""
    if not reports:
        return "a worker: none is running"
    able = [report for report in reports if fingerprint is None or report.fingerprint in (fingerprint, "")]
    if not able:
        return f"a worker like the one it began on ({fingerprint}): none is running, and another kind would change its numbers"
    loading = sorted(report.name for report in able if report.state in ("starting", "loading"))
    if loading and len(loading) == len(able):
        return f"{loading[0]}: it is loading torch"
    return "a free worker: all are busy"


def _distance(worker: Idle, item: Ready, waited_for: Collection[str | None]) -> int:
    """0: has the weights; 1: holds nothing that another ready segment could use; 2: does."""
    if worker.last_policy == item.lineage:
        return 0
    return 2 if worker.last_policy in waited_for else 1


def _in_memory(report: WorkerReport) -> str | None:
    """A worker that has not yet reported the end of its attempt holds that attempt's policy."""
    if report.state == "busy" and report.run and report.segment:
        return f"{report.run}/{report.segment.partition('.')[2].partition('@')[0]}"
    return report.last_policy
