"""What a CoPD cycle costs beside its own rollouts, scoring and updates: `python -m benchmarks.cycle`.

One round of the demo's spec in this process. The ratio is the wall time of its training segments to the time they spent in rollout,
scoring and update; the rest is loading teachers, storing checkpoints, events and control. What looking at the experts costs stands apart.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from copd_engine.local import LocalRun
from copd_engine.plan import TRAINING, Kind
from copd_engine.spec import parse_spec
from copd_engine.store import open_store

SPEC = Path(__file__).parent.parent / "examples/three-experts.yaml"
WORK = ("rollout", "score", "update")


class TimedRun(LocalRun):
    """Notes the wall time of each kind of segment."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.wall: defaultdict[Kind, float] = defaultdict(float)

    def _attempt(self, segment: Any, stopping: Any) -> Any:
        began = time.perf_counter()
        result = super()._attempt(segment, stopping)
        self.wall[segment.kind] += time.perf_counter() - began
        return result


def measure() -> dict[str, Any]:
    spec = parse_spec(SPEC.read_text()).model_copy(update={"rounds": 1})
    with tempfile.TemporaryDirectory() as folder:
        run = TimedRun(spec, open_store(folder))
        ended = run.execute()
    assert ended is None, ended
    parts: defaultdict[str, float] = defaultdict(float)
    for key, result in run.done.items():
        if Kind(key.partition(".")[0]) in TRAINING:
            for name, seconds in result.seconds.items():
                parts[name] += seconds
    training, work = sum(run.wall[kind] for kind in TRAINING), sum(parts[name] for name in WORK)
    return {
        "name": "CoPD cycle: training segments / their rollout, scoring and update",
        "ratio": training / work,
        "wanted": "≤ 1.05",
        "training": {"wall": training, **parts},
        "looking": {kind.value: run.wall[kind] for kind in (Kind.evaluate, Kind.measure, Kind.merge)},
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
