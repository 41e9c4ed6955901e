"""A run as the board shows it: what is read of it, and what is worked out from that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from client.api import Client
from client.models import LogEntry, Run, Segment, Series, Worker

TRAINING = ("rlvr", "opd")
POINTS = 64
"""Per series. A sparkline shows fewer."""
PACE_POINTS = 20
LOG_LINES = 200
SHOWN = ("reward", "overlap", "capability")


@dataclass(frozen=True)
class PolicyView:
    """One row of the board."""

    name: str
    steps: int
    total_steps: int
    seconds_left: float | None
    """At the pace of its last steps; None before there is one."""
    now: str
    """What it is doing."""
    curves: dict[str, list[float | None]]
    """Of each of SHOWN: its means over peers and domains, by step."""


@dataclass(frozen=True)
class Snapshot:
    run: Run
    segments: list[Segment]
    series: list[Series]
    workers: list[Worker]
    log: list[LogEntry]


def read(client: Client, run_id: str) -> Snapshot:
    """Raises ApiError."""
    return Snapshot(
        run=client.run(run_id),
        segments=client.segments(run_id),
        series=client.series(run_id, name=SHOWN, limit=POINTS).series,
        workers=[worker for worker in client.workers().workers if worker.run == run_id],
        log=client.log(run_id, limit=LOG_LINES),
    )


def policies(snapshot: Snapshot) -> list[PolicyView]:
    """Those that train or have been measured, in the order of the spec."""
    views = [_policy(snapshot, policy.name) for policy in snapshot.run.policies]
    return [view for view in views if view.total_steps or any(view.curves.values())]


def _policy(snapshot: Snapshot, name: str) -> PolicyView:
    segments = [segment for segment in snapshot.segments if segment.policy == name]
    training = [segment for segment in segments if segment.kind in TRAINING]
    at_work = {worker.segment: worker for worker in snapshot.workers}
    total = sum(segment.steps for segment in training)
    steps = sum(segment.steps for segment in training if segment.state == "done")
    steps += sum(at_work[segment.key].done for segment in training if segment.state == "running" and segment.key in at_work)
    series = [each for each in snapshot.series if each.policy == name]
    pace = _seconds_per_step([each for each in series if each.name == "reward"])
    return PolicyView(
        name=name,
        steps=min(steps, total),
        total_steps=total,
        seconds_left=pace * (total - steps) if pace is not None and steps < total else None,
        now=_doing(segments, at_work),
        curves={shown: means([each for each in series if each.name == shown]) for shown in SHOWN},
    )


def _doing(segments: Sequence[Segment], at_work: dict[str | None, Worker]) -> str:
    running = [segment for segment in segments if segment.state == "running"]
    if not running:
        return "waits" if any(segment.state == "planned" for segment in segments) else "done" if segments else ""
    worker = at_work.get(running[0].key)
    return running[0].kind + (f" {worker.done}/{worker.total}" if worker and worker.total else "")


def means(series: Sequence[Series]) -> list[float | None]:
    """The mean over the series at every step of any of them, by step. Series that are means already stand alone."""
    chosen = [each for each in series if each.domain is None] or series
    at: defaultdict[int, list[float]] = defaultdict(list)
    for each in chosen:
        for step, value in zip(each.step, each.value, strict=True):
            if value is not None:
                at[step].append(value)
    return [fmean(at[step]) for step in sorted(at)]


def _seconds_per_step(series: Sequence[Series]) -> float | None:
    for each in series:
        steps, times = each.step[-PACE_POINTS:], each.time[-PACE_POINTS:]
        if len(steps) > 1 and steps[-1] > steps[0]:
            return (times[-1] - times[0]).total_seconds() / (steps[-1] - steps[0])
    return None
