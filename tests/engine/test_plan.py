"""The plan: a DAG in topological order, kept as it was wherever something may have been sent, whatever is edited."""

from typing import Any, get_args

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from copd_engine.plan import BASE, MERGED, TRAINING, Kind, Ref, Segment, _rounds, export_segment, plan, round_count
from copd_engine.spec import Method, RunSpec, SpecError, parse_spec
from copd_engine.structure import STRUCTURE_PATHS, TEACH, StructureEdit, spec_of_round, structure_paths, with_edit
from copd_engine.urgency import urgency

DOMAIN = {"source": "digit_images"}


def spec_of(experts: int = 3, **changes: Any) -> RunSpec:
    names = [f"e{i}" for i in range(experts)]
    if changes.get("method") == "opd":
        changes["teachers"] = {"big": {"path": "tiny", "domain": "d"}, "other": {"path": "tiny", "domain": "h"}}
    data = {"name": "x", "domains": {"d": DOMAIN, "h": DOMAIN}, "experts": {n: {"domain": "d"} for n in names}, "rounds": 2}
    return parse_spec(data | changes)


def drawn_spec(
    experts: int, method: str, rounds: int, rlvr: int, opd: int, sync: int, topology: str, every: int, agreement: bool,
    adaptive: dict[str, Any] | None,
) -> RunSpec:  # fmt: skip
    return spec_of(
        max(experts, 2) if method == "static_opd" else experts,
        method=method,
        rounds=rounds,
        rlvr={"steps": rlvr},
        opd={"steps": opd, "sync_every": sync, "topology": topology, "adaptive": adaptive},
        agreement={"enabled": agreement},
        evaluation={"every": every},
    )


topologies = st.sampled_from(["hub_and_spoke", "full", "ring"])
sizes = (st.integers(1, 5), st.integers(1, 5), st.integers(1, 6), st.integers(1, 7), topologies, st.integers(1, 3))
schedules = st.fixed_dictionaries({"teach": st.booleans()})
adaptive_specs = st.builds(drawn_spec, st.integers(2, 4), st.just("copd"), *sizes, st.just(value=True), schedules)
specs = st.builds(drawn_spec, st.integers(1, 4), st.sampled_from(get_args(Method)), *sizes, st.booleans(), st.none()) | adaptive_specs
values: dict[str, st.SearchStrategy[Any]] = {path: st.integers(1, 9) for path in STRUCTURE_PATHS}
values |= {"opd.topology": topologies, TEACH: st.booleans()}
changes = st.sampled_from(STRUCTURE_PATHS).flatmap(lambda path: st.tuples(st.just(path), st.integers(0, 6), values[path]))


@st.composite
def edit_lists(draw: st.DrawFn) -> list[StructureEdit]:
    drawn = draw(st.lists(changes, max_size=5))
    return [StructureEdit(version, round_, path, value) for version, (path, round_, value) in enumerate(drawn, start=1)]


def fitting(spec: RunSpec, edits: list[StructureEdit]) -> list[StructureEdit]:
    """The edits that the run's method takes."""
    return [edit for edit in edits if edit.path in structure_paths(spec)]


def reads(segment: Segment) -> set[Ref]:
    return {segment.start, *segment.teachers}


@given(specs, edit_lists())
def test_needs_come_first_and_make_what_is_read(spec: RunSpec, edits: list[StructureEdit]) -> None:
    segments = plan(spec, fitting(spec, edits))
    seen: dict[str, Segment] = {}
    for segment in segments:
        assert segment.key not in seen
        assert set(segment.needs) <= seen.keys()
        made = {seen[need].end for need in segment.needs if seen[need].kind is not Kind.measure}
        assert {ref for ref in reads(segment) if ref.policy not in (BASE, *spec.teachers)} == made
        seen[segment.key] = segment


@given(specs, edit_lists(), changes)
def test_an_edit_leaves_the_rounds_before_it_as_they_were(spec: RunSpec, edits: list[StructureEdit], change: tuple[str, int, Any]) -> None:
    path, first, value = change
    assume(path in structure_paths(spec))
    edits = fitting(spec, edits)
    rounds = max(segment.round for segment in plan(spec, edits)) + 1
    first = min(first, rounds)  # nothing beyond the run's end can have been sent
    before, edited = plan(spec, edits), plan(spec, [*edits, StructureEdit(99, first, path, value)])
    sent = [segment for segment in before if segment.round < first]
    assert [segment for segment in edited if segment in before][: len(sent)] == sent
    added = [segment for segment in edited if segment.round < first and segment not in before]
    assert {(segment.kind, segment.round) for segment in added} <= {(Kind.evaluate, first - 1)}, "what is the last round now is evaluated"


@given(specs, edit_lists())
def test_the_last_round_is_always_evaluated(spec: RunSpec, edits: list[StructureEdit]) -> None:
    segments = plan(spec, fitting(spec, edits))
    newest = max((segment.end for segment in segments if segment.kind is Kind.merge), key=lambda ref: ref.step)
    assert {segment.domain for segment in segments if segment.kind is Kind.evaluate and segment.start == newest} == set(spec.domains)


@pytest.mark.parametrize(("every", "expected"), [(1, [0, 1, 2, 3, 4]), (2, [1, 3, 4]), (3, [2, 4]), (9, [4])])
def test_rounds_are_evaluated_every_so_often(every: int, expected: list[int]) -> None:
    segments = plan(spec_of(rounds=5, evaluation={"every": every}))
    assert sorted({segment.round for segment in segments if segment.kind is Kind.evaluate and segment.policy != BASE}) == expected


@given(specs, edit_lists())
def test_steps_of_an_expert_are_seamless(spec: RunSpec, edits: list[StructureEdit]) -> None:
    edits = fitting(spec, edits)
    segments = plan(spec, edits)
    ends = set()
    for name in spec.policies():
        step, start = 0, Ref(BASE, 0)
        for segment in (s for s in segments if s.policy == name and s.kind in TRAINING):
            assert (segment.start, segment.step) == (start, step)
            start, step = segment.end, segment.step + segment.steps
        ends.add(step)
    assert segments[-1].step in ends
    assert max(segment.round for segment in segments) + 1 == round_count(spec.model_copy(update={"rounds": _rounds(spec, edits)}))


@pytest.mark.parametrize(("sync_every", "parts"), [(1, [1] * 5), (2, [2, 2, 1]), (5, [5]), (9, [5])])
def test_teachers_are_refreshed_every_so_many_steps(sync_every: int, parts: list[int]) -> None:
    spec = spec_of(rounds=1, rlvr={"steps": 3}, opd={"steps": 5, "sync_every": sync_every})
    taught = [s for s in plan(spec) if s.kind is Kind.opd and s.policy == "e0"]
    assert [s.steps for s in taught] == parts
    for segment in taught:  # Jacobi: teachers as they stood where the student starts
        assert segment.teachers == (Ref("e1", segment.step), Ref("e2", segment.step))


def test_one_expert_is_plain_rlvr() -> None:
    assert not [s for s in plan(spec_of(1)) if s.kind in (Kind.opd, Kind.measure)]


@given(specs, edit_lists())
def test_training_waits_for_a_measurement_only_where_that_decides_its_phase(spec: RunSpec, edits: list[StructureEdit]) -> None:
    edits = fitting(spec, edits)
    segments = plan(spec, edits)
    by_key = {segment.key: segment for segment in segments}
    students = [{student for student, _ in spec_of_round(spec, edits, r).edges()} for r in range(round_count(spec) + len(edits) * 9)]
    for segment in segments:
        looks = [by_key[need] for need in segment.needs if by_key[need].kind is Kind.measure]
        awaited = students[segment.round - 1] if spec.opd.adaptive and segment.round and segment.kind in TRAINING else set()
        assert {look.policy for look in looks} == awaited
        assert {look.round for look in looks} <= {segment.round - 1}


@given(adaptive_specs, edit_lists())
def test_under_an_adaptive_schedule_a_round_is_one_phase(spec: RunSpec, edits: list[StructureEdit]) -> None:
    edits = fitting(spec, edits)
    segments = plan(spec, edits)
    for round_ in range(max(segment.round for segment in segments) + 1):
        held = spec_of_round(spec, edits, round_)
        assert held.opd.adaptive
        kind, steps = (Kind.opd, held.opd.steps) if held.opd.adaptive.teach else (Kind.rlvr, held.rlvr.steps)
        trained = [s for s in segments if s.round == round_ and s.kind in TRAINING]
        assert {s.kind for s in trained} == {kind}
        assert {name: sum(s.steps for s in trained if s.policy == name) for name in spec.experts} == dict.fromkeys(spec.experts, steps)
        assert sorted(s.policy for s in segments if s.round == round_ and s.kind is Kind.measure) == sorted(spec.experts)


def test_the_phase_of_a_round_is_edited_only_under_an_adaptive_schedule() -> None:
    with pytest.raises(SpecError, match=r"does not change the plan of method copd; structure is rounds, .*topology, evaluation\.every$"):
        plan(spec_of(), [StructureEdit(1, 0, TEACH, True)])
    adaptive = spec_of(opd={"steps": 2, "adaptive": {}}, rlvr={"steps": 3})
    phases = [(s.round, s.key) for s in plan(adaptive, [StructureEdit(1, 1, TEACH, True)]) if s.kind in TRAINING and s.policy == "e0"]
    assert phases == [(0, "rlvr.e0@0"), (1, "opd.e0@3"), (1, "opd.e0@4")]


def trained(spec: RunSpec) -> list[str]:
    return [f"{s.key}+{s.steps}" + "".join(f" {ref}" for ref in s.teachers) for s in plan(spec) if s.kind in TRAINING]


def merged(spec: RunSpec) -> list[str]:
    return [f"{s.end} {' '.join(map(str, s.teachers))}" for s in plan(spec) if s.kind is Kind.merge]


@pytest.mark.parametrize(
    ("method", "training", "products"),
    [
        ("experts", ["rlvr.e0@0+3", "rlvr.e1@0+3", "rlvr.e0@3+3", "rlvr.e1@3+3"], ["merged@3 e0@3 e1@3", "merged@6 e0@6 e1@6"]),
        ("mixed_rlvr", ["rlvr.mixed@0+3", "rlvr.mixed@3+3"], ["merged@3 mixed@3", "merged@6 mixed@6"]),
        (
            "static_opd",
            ["rlvr.e0@0+3", "rlvr.e1@0+3", "rlvr.e0@3+3", "rlvr.e1@3+3", "opd.e0@6+2 e1@6", "opd.e0@8+2 e1@6"],
            ["merged@8 e0@8", "merged@10 e0@10"],
        ),
        (
            "mopd",
            ["rlvr.e0@0+3", "rlvr.e1@0+3", "rlvr.e0@3+3", "rlvr.e1@3+3", "opd.student@0+2 e0@6 e1@6", "opd.student@2+2 e0@6 e1@6"],
            ["merged@2 student@2", "merged@4 student@4"],
        ),
        (
            "opd",
            [f"opd.e{e}@{step}+2 big@0 other@0" for step in (0, 2) for e in (0, 1)],
            ["merged@2 e0@2 e1@2", "merged@4 e0@4 e1@4"],
        ),
    ],
)
def test_a_method_is_a_plan(method: str, training: list[str], products: list[str]) -> None:
    spec = spec_of(2, method=method, rounds=2, rlvr={"steps": 3}, opd={"steps": 2})
    assert trained(spec) == training
    assert merged(spec) == products


def test_rounds_are_not_added_before_a_stage_that_has_begun() -> None:
    spec = spec_of(2, method="mopd", rounds=2)
    assert plan(spec, [StructureEdit(1, 3, "rounds", 5)]) == plan(spec)
    assert len(plan(spec, [StructureEdit(1, 2, "rounds", 5)])) > len(plan(spec))


def test_a_round_ends_with_a_merge_that_is_evaluated() -> None:
    spec = spec_of(rounds=2, rlvr={"steps": 3}, opd={"steps": 2})
    merges = [s for s in plan(spec) if s.kind is Kind.merge]
    assert [s.end for s in merges] == [Ref(MERGED, 5), Ref(MERGED, 10)]
    looked = {(s.policy, s.step, s.domain) for s in plan(spec) if s.kind is Kind.evaluate}
    assert {(p, 10, d) for p in ("e0", "e1", "e2", MERGED) for d in ("d", "h")} <= looked
    assert (BASE, 0, "d") in looked


def test_training_goes_before_looking_at_it_but_not_by_more_than_a_phase() -> None:
    segments = plan(spec_of(rounds=3))
    rlvr1 = next(s for s in segments if s.kind is Kind.rlvr and s.round == 1)
    rlvr2 = next(s for s in segments if s.kind is Kind.rlvr and s.round == 2)
    measured = next(s for s in segments if s.kind is Kind.measure and s.round == 0)
    base = next(s for s in segments if s.policy == BASE)
    assert urgency(base) < urgency(rlvr1) < urgency(measured) < urgency(rlvr2)


def test_an_export_needs_what_makes_its_checkpoint() -> None:
    segment = export_segment(Ref(MERGED, 5), "merge.merged@5")
    assert (segment.key, segment.needs, segment.start) == ("export.merged@5", ("merge.merged@5",), Ref(MERGED, 5))
    assert export_segment(Ref(BASE, 0), None).needs == ()


def test_only_structure_is_edited_by_a_structure_edit() -> None:
    with pytest.raises(SpecError, match="does not change the plan"):
        spec_of_round(spec_of(), [StructureEdit(1, 0, "optimizer.lr", 0.1)], 0)
    with pytest.raises(SpecError, match=r"method experts; structure is rounds, rlvr\.steps"):
        plan(spec_of(method="experts"), [StructureEdit(1, 0, "opd.steps", 2)])
    with pytest.raises(SpecError, match=r"rlvr\.steps"):
        plan(spec_of(), [StructureEdit(1, 0, "rlvr.steps", 0)])


@pytest.mark.parametrize("path", ["seed.x", "nothing.here", "w.e0.e0"])
def test_an_edit_of_a_field_that_is_not_there(path: str) -> None:
    with pytest.raises(SpecError):
        with_edit(spec_of(), path, 1.0)


def test_a_ref_is_read_as_it_is_written() -> None:
    assert Ref.parse(str(Ref("text", 36))) == Ref("text", 36)
