"""The adaptive schedule: its rule, and local runs that follow it, interrupted or not."""

from collections.abc import Callable, Iterator
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from copd_engine.adaptive import mean_overlap, next_phase, sentence
from copd_engine.cache import PolicyCache
from copd_engine.events import Event, Points
from copd_engine.local import LocalRun
from copd_engine.plan import TRAINING, Kind, horizon, plan
from copd_engine.spec import RunSpec, parse_spec
from copd_engine.store import Store, open_store
from copd_engine.structure import TEACH, StructureEdit, spec_of_round, with_edit

shares = st.floats(0, 1)
overlaps = st.lists(shares, min_size=1, max_size=8)


def spec_with(floor: float = 0.9, ceiling: float = 0.95, *, teach: bool = False, rounds: int = 9) -> RunSpec:
    experts = {name: {"domain": "d"} for name in "abc"}
    adaptive = {"floor": floor, "ceiling": ceiling, "teach": teach}
    data: dict[str, Any] = {"name": "x", "domains": {"d": {"source": "digit_images"}}, "experts": experts, "rounds": rounds}
    return parse_spec(data | {"rlvr": {"steps": 3}, "opd": {"steps": 2, "adaptive": adaptive}})


@st.composite
def adaptive_specs(draw: st.DrawFn) -> RunSpec:
    floor, ceiling = draw(shares), draw(shares)
    assume(floor < ceiling)
    return spec_with(floor, ceiling, teach=draw(st.booleans()))


# -- the rule ----------------------------------------------------------------------------------------------------------


@given(adaptive_specs(), shares)
def test_only_beyond_the_bound_that_ends_it_a_phase_changes(spec: RunSpec, overlap: float) -> None:
    adaptive = spec.opd.adaptive
    assert adaptive
    edit = next_phase(spec, 2, overlap, 7)
    if adaptive.floor <= overlap <= adaptive.ceiling:
        assert edit is None
    elif overlap < adaptive.floor:
        assert edit == (None if adaptive.teach else StructureEdit(7, 3, TEACH, True))
    else:
        assert edit == (StructureEdit(7, 3, TEACH, False) if adaptive.teach else None)


@given(adaptive_specs(), overlaps)
def test_decisions_alternate_and_leave_what_went_before(spec: RunSpec, measured: list[float]) -> None:
    """As a run would meet them, one overlap after each round: a decision changes no round before its own."""
    edits: list[StructureEdit] = []
    for round_, overlap in enumerate(measured):
        before = plan(spec, edits)
        edit = next_phase(spec_of_round(spec, edits, round_), round_, overlap, len(edits) + 1)
        edits += [edit] if edit else []
        after = plan(spec, edits)
        assert [s for s in after if s.round <= round_] == [s for s in before if s.round <= round_]
        assert (after != before) == (edit is not None)
    assert spec.opd.adaptive
    assert [edit.value for edit in edits[:1]] in ([], [not spec.opd.adaptive.teach])
    assert all(one.value is not other.value and one.round < other.round for one, other in pairwise(edits))


def test_nothing_is_decided_after_the_last_round_or_without_the_schedule() -> None:
    spec = spec_with(rounds=2)
    assert next_phase(spec, 0, 0.5, 1)
    assert next_phase(spec, 1, 0.5, 1) is None
    assert next_phase(with_edit(spec, "opd.adaptive", None), 0, 0.5, 1) is None


def test_the_overlap_is_the_mean_over_the_edges_alone() -> None:
    spec = spec_with()  # a is the hub: b and c do not teach each other
    measured = {"a": {"b": 0.5, "c": 0.75}, "b": {"a": 1.0, "c": 0.0}, "c": {"a": 0.25, "b": 0.0}}
    assert mean_overlap(spec, measured) == (0.5 + 0.75 + 1.0 + 0.25) / 4
    assert mean_overlap(spec, {name: measured[name] for name in "ab"}) is None


def test_a_decision_says_why() -> None:
    alone, taught = spec_with(), spec_with(teach=True)
    edits = next_phase(alone, 1, 0.871, 1), next_phase(taught, 4, 0.96, 1)
    assert edits[0]
    assert edits[1]
    assert sentence(alone, 0.871, edits[0]) == "overlap 0.871 is under the floor 0.9: teaching from round 3 on"
    assert sentence(taught, 0.96, edits[1]) == "overlap 0.960 is above the ceiling 0.95: no teaching from round 6 on"


def test_a_later_decision_does_not_move_the_end_of_a_learning_rate_schedule() -> None:
    spec = with_edit(spec_with(rounds=3), "optimizer.schedule", "linear")
    first = next(s for s in plan(spec) if s.kind is Kind.rlvr)
    taught = [StructureEdit(1, 1, TEACH, True)]
    second = next(s for s in plan(spec, taught) if s.kind is Kind.opd)
    assert (horizon(spec, taught, first), horizon(spec, taught, second)) == (9, 3 + 2 + 2)


# -- local runs --------------------------------------------------------------------------------------------------------


@pytest.fixture
def wavering(small: Callable[..., RunSpec]) -> RunSpec:
    """Coins pull the experts apart (overlap 0.2), and a strong pull of whole distributions brings them together again (0.5)."""
    edges = [("text", "image"), ("text", "video"), ("image", "text"), ("video", "text")]
    return small(
        rounds=5, evaluation={"prompts": 8, "samples": 0}, checkpoint={"every": 1},
        w={student: {t: 20.0 for s, t in edges if s == student} for student in ("text", "image", "video")},
        opd={"steps": 4, "sync_every": 2, "loss": "full", "divergence": "forward_kl", "adaptive": {"floor": 0.35, "ceiling": 0.4}},
    )  # fmt: skip


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the engine catches it, and no result is written."""


def phases(local: LocalRun) -> list[Kind]:
    """The kind of each round's training."""
    return [next(s.kind for s in local.segments if s.round == r and s.kind in TRAINING) for r in range(local.spec.rounds)]


def test_a_run_teaches_when_overlap_is_low_and_stops_when_it_is_high_however_often_it_is_killed(
    wavering: RunSpec, store: Store, coins: PolicyCache, tmp_path: Path
) -> None:
    undisturbed = LocalRun(wavering, open_store(str(tmp_path / "undisturbed")), cache=coins)
    assert undisturbed.execute() is None
    assert [edit.value for edit in undisturbed.edits][:2] == [True, False]
    assert {Kind.rlvr, Kind.opd} == set(phases(undisturbed))
    for _ in range(5):
        coins.forget()  # a new process
        local = LocalRun(wavering, store, cache=coins)
        seen = count(1)

        def emit(event: Event, seen: Iterator[int] = seen) -> None:
            if isinstance(event, Points) and next(seen) == 21:
                raise Killed

        local.emit = emit
        with pytest.raises(Killed):
            local.execute()
    coins.forget()
    last = LocalRun(wavering, store, cache=coins)
    assert last.execute() is None
    assert last.edits == undisturbed.edits
    assert last.merged_digest == undisturbed.merged_digest
    finished = LocalRun(wavering, store, cache=coins)
    assert (finished.edits, finished.merged_digest) == (last.edits, last.merged_digest)


def test_a_schedule_that_never_decides_is_rlvr_alone(small: Callable[..., RunSpec], tmp_path: Path, coins: PolicyCache) -> None:
    """Floor 0 is never passed: the same steps as independent experts, to the bit."""
    waiting = small(opd={"steps": 2, "adaptive": {"floor": 0.0, "ceiling": 1.0}})
    alone = small(method="experts")
    runs = [LocalRun(spec, open_store(str(tmp_path / str(n))), cache=coins) for n, spec in enumerate((waiting, alone))]
    assert [run.execute() for run in runs] == [None, None]
    assert runs[0].edits == []
    assert runs[0].merged_digest == runs[1].merged_digest
