"""Scheduler and recorder as processes, among others that are killed: the run goes on, and its tables are whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from copd_engine.plan import TRAINING, plan
from copd_engine.spec import parse_spec
from tests.embedded import Stack, eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
MINIATURE = (Path(__file__).parents[1] / "miniature.yaml").read_text()
STEPS = sum(segment.steps for segment in plan(parse_spec(MINIATURE)) if segment.kind in TRAINING)


def rewards(stack: Stack, run_id: str) -> int:
    """How many points the reward curves have."""
    return sum(series.total for series in stack.client.series(run_id, name="reward").series)


def merged_digests(stack: Stack, run_id: str) -> dict[int, str]:
    return {c.step: c.digest for c in stack.client.checkpoints(run_id) if c.policy == "merged"}


def test_a_run_rides_out_postgresql_valkey_and_scheduler_killed_one_after_the_other(stack: Stack) -> None:
    undisturbed, run = (stack.client.create_run(MINIATURE) for _ in range(2))
    eventually(lambda: stack.client.run(undisturbed.id).state == "completed", seconds=300)
    for share, victim in ((0.1, "postgres"), (0.3, "valkey"), (0.5, "scheduler")):
        eventually(lambda share=share: rewards(stack, run.id) >= share * STEPS, seconds=300)
        stack.kill(victim)
        stack.next_line(f"{victim} is started again")
    eventually(lambda: stack.client.run(run.id).state == "completed", seconds=300)
    assert merged_digests(stack, run.id) == merged_digests(stack, undisturbed.id)
    origins = [attempt.provenance for attempt in stack.client.attempts(run.id) if attempt.state == "done"]
    assert {len(origin["packages"]) > 1 and len(origin["spec"]) for origin in origins if origin} == {64}
    assert None not in origins
    eventually(lambda: rewards(stack, run.id) == STEPS)
    with stack.database() as database:
        unrecorded = "SELECT count(*) FROM attempts WHERE run_id = %s AND recorded_seq < events"
        eventually(lambda: database.execute(unrecorded, [run.id]).fetchone() == (0,))
        live = "SELECT count(*) FROM attempts WHERE run_id = %s AND state IN ('sent', 'running')"
        assert database.execute(live, [run.id]).fetchone() == (0,)
