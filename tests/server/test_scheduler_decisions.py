"""The scheduler's pure decisions: what signs mean, who gets what, what can go."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from copd_engine.plan import Kind, Ref, Segment
from server.scheduler.dispatch import Idle, Ready, choose, idle_workers, waiting_for
from server.scheduler.judge import ABANDON_AFTER_SECONDS, CLAIM_SECONDS, KILL_AFTER_SECONDS, LiveAttempt, Order, Verdict, order, verdict
from server.scheduler.sight import Trust
from server.scheduler.stopping import Waiting, sentence
from worker.bus import LEASE_SECONDS, WorkerReport

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
RUNNING = LiveAttempt(7, "run", "rlvr.a@0", "w1", "running", 100.0)
SENT = replace(RUNNING, state="sent", age=0.1)


@pytest.mark.parametrize(
    ("attempt", "leases", "told", "trusted", "expected"),
    [
        (RUNNING, {7}, False, True, Verdict.alive),
        (SENT, {7}, False, True, Verdict.claimed),
        (SENT, set(), False, True, Verdict.alive),
        (replace(SENT, age=CLAIM_SECONDS), set(), False, True, Verdict.ended),
        (replace(SENT, age=CLAIM_SECONDS), set(), False, False, Verdict.look),
        (RUNNING, set(), False, True, Verdict.ended),
        (RUNNING, set(), False, False, Verdict.look),
        (RUNNING, {7}, True, False, Verdict.ended),
        (SENT, set(), True, False, Verdict.ended),
    ],
)
def test_verdict(attempt: LiveAttempt, leases: set[int], told: bool, trusted: bool, expected: Verdict) -> None:
    assert verdict(attempt, leases=leases, told=told, trusted=trusted) is expected


@pytest.mark.parametrize(
    ("overdue", "expected"), [(-1.0, None), (0.0, Order.term), (KILL_AFTER_SECONDS, Order.kill), (ABANDON_AFTER_SECONDS, Order.abandon)]
)
def test_orders_grow_sterner(overdue: float, expected: Order | None) -> None:
    assert order(overdue) is expected


class TestTrust:
    def make(self) -> tuple[Trust, list[float]]:
        now = [1000.0]
        return Trust(lambda: now[0]), now

    def test_missing_leases_count_once_redis_has_been_up_for_a_lease(self) -> None:
        trust, _ = self.make()
        assert not trust.seen(LEASE_SECONDS - 1)
        assert trust.seen(LEASE_SECONDS)

    def test_nobody_is_judged_for_a_lease_after_an_outage(self) -> None:
        trust, now = self.make()
        trust.failed()
        for _ in range(3):
            now[0] += LEASE_SECONDS / 4
            assert not trust.seen(1e6)
        now[0] += LEASE_SECONDS / 4
        assert trust.seen(1e6)

    @pytest.mark.parametrize("jump", [LEASE_SECONDS, -1.0])
    def test_unseen_time_is_an_outage(self, jump: float) -> None:
        """A suspended machine, a stopped process, a clock that was set."""
        trust, now = self.make()
        assert trust.seen(1e6)
        now[0] += jump
        assert not trust.seen(1e6)


def ready(
    run: str = "run", policy: str = "image", *, priority: int = 0, live: int = 0, queued: bool = False, age: int = 0,
    fingerprint: str | None = None, round_: int = 0,
) -> Ready:  # fmt: skip
    segment = Segment(Kind.rlvr, policy, round_, Ref(policy, 10 * round_), steps=5)
    return Ready(run, priority, (live, queued, NOON - timedelta(seconds=age)), fingerprint, 0, segment)


def idle(name: str, fingerprint: str = "cpu", last_policy: str | None = None) -> Idle:
    return Idle(name, fingerprint, last_policy)


def chosen(items: list[Ready], workers: list[Idle]) -> list[tuple[str, str, str]]:
    return [(item.run, item.segment.policy, worker.worker) for item, worker in choose(items, workers)]


class TestChoose:
    def test_priority_then_few_workers_then_turn(self) -> None:
        items = [ready("young"), ready("old", age=9), ready("busy", live=1, age=99), ready("urgent", priority=1, live=5)]
        assert [run for run, _, _ in chosen(items, [idle(f"w{i}") for i in range(4)])] == ["urgent", "old", "young", "busy"]

    def test_within_a_run_urgency_decides(self) -> None:
        items = [ready(policy="image", round_=1), ready(policy="video")]
        assert [policy for _, policy, _ in chosen(items, [idle("w1"), idle("w2")])] == ["video", "image"]

    def test_runs_share_the_workers_evenly(self) -> None:
        items = [ready(run, f"p{number}") for run in ("one", "two") for number in range(9)]
        items += [ready("three", f"p{number}", live=3) for number in range(9)]
        order_ = [run for run, _, _ in chosen(items, [idle(f"w{i}") for i in range(9)])]
        assert [order_.count(run) for run in ("one", "two", "three")] == [4, 4, 1]

    def test_runs_that_have_begun_go_first(self) -> None:
        items = [ready("new", queued=True, age=99), ready("begun"), ready("begun", "video")]
        assert [run for run, _, _ in chosen(items, [idle("w1"), idle("w2")])] == ["begun", "new"]

    def test_a_worker_gets_the_policy_it_holds(self) -> None:
        workers = [idle("w1", last_policy="run/video"), idle("w2", last_policy="run/image")]
        assert chosen([ready(policy="image"), ready(policy="video")], workers) == [("run", "image", "w2"), ("run", "video", "w1")]

    def test_nobody_takes_the_worker_another_segment_could_use(self) -> None:
        workers = [idle("w1", last_policy="run/video"), idle("w2")]
        assert chosen([ready(policy="image"), ready(policy="video")], workers) == [("run", "image", "w2"), ("run", "video", "w1")]

    def test_a_worker_that_was_lost_with_it_is_the_last_to_get_it_again(self) -> None:
        again = replace(ready(), lost_by=frozenset({"w1"}))
        workers = [idle("w1", last_policy="run/image"), idle("w2", last_policy="run/video")]
        assert chosen([again, ready(policy="video")], workers) == [("run", "image", "w2"), ("run", "video", "w1")]
        assert chosen([again], workers[:1]) == [("run", "image", "w1")]

    def test_a_run_keeps_to_workers_of_its_kind(self) -> None:
        workers = [idle("w1", "gpu"), idle("w2", "cpu")]
        assert chosen([ready(fingerprint="cpu")], workers) == [("run", "image", "w2")]
        assert chosen([ready(fingerprint="other")], workers) == []

    def test_the_first_segment_of_a_run_decides_its_kind(self) -> None:
        workers = [idle("w1", "gpu"), idle("w2", "cpu")]
        assert chosen([ready(policy="image"), ready(policy="video")], workers) == [("run", "image", "w1")]


def report(name: str = "w1", **changes: object) -> WorkerReport:
    start = WorkerReport(name=name, state="idle", host="h", pid=1, fingerprint="cpu", started_at=0, seen_at=0)
    return start.model_copy(update=changes)


class TestIdleWorkers:
    def test_is_who_says_so_and_has_nothing_of_ours(self) -> None:
        reports = [report("w1"), report("w2"), report("w3", state="loading"), report("w4", state="busy", attempt=5)]
        assert [worker.worker for worker in idle_workers(reports, {"w2"}, set())] == ["w1"]

    def test_is_also_whose_attempt_we_know_to_have_ended(self) -> None:
        busy = report(state="busy", run="run", attempt=5, segment="opd.image@3")
        assert idle_workers([busy], set(), {5}) == [Idle("w1", "cpu", "run/image")]
        assert idle_workers([busy], set(), {4}) == []


@pytest.mark.parametrize(
    ("reports", "expected"),
    [
        ([], "a worker: none is running"),
        ([report("w2", state="loading"), report("w1", state="starting")], "w1: it is loading torch"),
        ([report(state="busy"), report(state="loading")], "a free worker: all are busy with other runs"),
        ([report(state="busy", run="a"), report(state="busy", run="b")], "a free worker: all are busy with other runs"),
        ([report(state="busy", run="a"), report(state="idle")], "a free worker: all are busy with 'First'"),
        ([report(fingerprint="gpu")], "a worker like the one it began on (cpu)"),
    ],
)
def test_waiting_for(reports: list[WorkerReport], expected: str) -> None:
    assert waiting_for(reports, "cpu", {"a": "First"}).startswith(expected)


def test_a_stopping_run_says_whose_work_it_waits_for() -> None:
    trained = Waiting("run", 1, "worker-2", "text (OPD)", trains=True, overdue=-5.0)
    evaluated = Waiting("run", 2, "worker-1", "base (evaluation)", trains=False, overdue=-5.0)
    assert sentence([trained]) == "text (OPD) on worker-2 to finish its step"
    assert sentence([trained, trained]).endswith("on worker-2 to finish their steps")
    assert sentence([evaluated]) == "base (evaluation) on worker-1 to stop"
