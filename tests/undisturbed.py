"""A run of the stack beside the local run of the same spec: weights and every point must be equal, whatever happened on the way."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from copd_engine.events import Points
from copd_engine.local import LocalRun
from copd_engine.plan import TRAINING
from copd_engine.spec import parse_spec
from copd_engine.store import open_store
from tests.embedded import Stack, eventually

MINIATURE = (Path(__file__).parent / "miniature.yaml").read_text()
SeriesKey = tuple[str, str, str | None, str | None]
Curves = dict[SeriesKey, list[tuple[int, float | None]]]


def local_run(text: str, folder: Path) -> LocalRun:
    """The spec carried out in this process."""
    run = LocalRun(parse_spec(text), open_store(str(folder)))
    assert run.execute() is None
    return run


def is_measured(name: str) -> bool:
    """Whether a series is a time, which no two runs share."""
    return name.startswith("seconds") or name in ("step_seconds", "tokens_per_second")


def curves_of(points: Iterable[Points]) -> Curves:
    """Every series by step, times aside."""
    curves: Curves = {}
    for point in points:
        for value in point.values:
            if not is_measured(value.name):
                curves.setdefault((value.name, point.policy, value.peer, value.domain), []).append((point.step, value.value))
    return {key: sorted(curve) for key, curve in curves.items()}


def unrecorded(stack: Stack, run_id: str) -> int:
    """Attempts of which not all events are in the tables yet."""
    with stack.database() as db:
        found = db.execute("SELECT count(*) FROM attempts WHERE run_id = %s AND recorded_seq < events", (run_id,)).fetchone()
        assert found
        return found[0]


def assert_same(stack: Stack, run_id: str, local: LocalRun) -> None:
    """The completed run has the local run's merged weights and all of its points, none missing and none doubled.

    A second or two may pass until the recorder has taken from the store what a stream that was away took along.
    """
    eventually(lambda: unrecorded(stack, run_id) == 0)
    assert {c.digest for c in stack.client.checkpoints(run_id)} >= {local.merged_digest}
    expected = curves_of(event for event in local.events() if isinstance(event, Points))
    series = [s for s in stack.client.series(run_id).series if not is_measured(s.name)]
    given = {(s.name, s.policy, s.peer, s.domain): list(zip(s.step, s.value, strict=True)) for s in series}
    assert given == expected
    steps = sum(s.steps for s in local.segments if s.kind in TRAINING)
    assert sum(s.total for s in series if s.name == "reward") == steps
