"""Edits bind to a policy's next step that uses them, and a later attempt finds them at the same step."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copd_engine.control import (
    DISPATCH_FIELDS,
    VALUE_FIELDS,
    Binding,
    StepValues,
    ValueEdit,
    bind,
    check_value_edit,
    value_paths,
    values_at,
)
from copd_engine.plan import Kind
from copd_engine.spec import SpecError, parse_spec, spec_schema
from copd_engine.spec.run import Ramp
from copd_engine.structure import STRUCTURE_PATHS

DOMAIN = {"source": "digit_images"}
SPEC = parse_spec({"name": "x", "domains": {"d": DOMAIN}, "experts": {n: {"domain": "d"} for n in "abc"}, "w": {"a": {"b": 0.5}}})
TEACHERS = {"a": ["b", "c"], "b": ["a"], "c": ["a"]}
PATHS = list(value_paths(SPEC))

values = st.sampled_from(PATHS).flatmap(
    lambda path: st.tuples(st.just(path), st.integers(1, 5) if path.endswith(".steps") else st.floats(0.01, 1.0))
)
edits = st.lists(values, max_size=6).map(
    lambda drawn: [ValueEdit(version=i, path=path, value=value) for i, (path, value) in enumerate(drawn, start=1)]
)


def train(policy: str, seen: list[list[ValueEdit]], bindings: list[Binding], first: int = 1) -> tuple[list[StepValues], list[Binding]]:
    """Steps first, first + 1, ... of which step i sees the edits seen[i]; odd steps are RLVR, even ones OPD."""
    bound, values = list(bindings), []
    for step, visible in enumerate(seen, start=first):
        kind = Kind.opd if step % 2 == 0 else Kind.rlvr
        teachers = TEACHERS[policy] if kind is Kind.opd else []
        bound += bind(visible, bound, kind=kind, policy=policy, teachers=teachers, step=step)
        values.append(values_at(SPEC, visible, bound, policy=policy, teachers=teachers, step=step))
    return values, bound


@given(edits, st.data(), st.sampled_from("abc"))
def test_a_replay_with_the_recorded_bindings_gives_the_same_values(given_edits: list[ValueEdit], data: st.DataObject, policy: str) -> None:
    """The first run sees edits arrive over time; the replay has all of them from its first step."""
    arrivals = sorted(data.draw(st.lists(st.integers(0, len(given_edits)), min_size=8, max_size=8)))
    first, bindings = train(policy, [given_edits[:n] for n in arrivals], [])
    used = {b.version for b in bindings}  # the others came too late to act on any step
    again, same = train(policy, [[e for e in given_edits if e.version in used]] * 8, bindings)
    assert (again, same) == (first, bindings)


@given(edits, st.sampled_from("abc"))
def test_an_edit_binds_once_and_only_to_steps_that_use_it(given_edits: list[ValueEdit], policy: str) -> None:
    _, bindings = train(policy, [given_edits] * 4, [])
    versions = [b.version for b in bindings]
    assert len(set(versions)) == len(versions)
    for binding in bindings:
        path = given_edits[binding.version - 1].path
        if path.startswith("w"):
            assert path.split(".")[1] == policy
            assert binding.step == 2  # the first OPD step


def test_a_scheduled_weight_moves_with_the_students_steps_until_it_is_edited() -> None:
    spec = SPEC.model_copy(update={"w_schedule": {"a": {"b": Ramp(end=0.1, steps=4)}}})

    def weight(step: int, *given_edits: ValueEdit) -> float:
        bindings = [Binding(version=edit.version, policy="a", step=3) for edit in given_edits]
        return values_at(spec, given_edits, bindings, policy="a", teachers=["b", "c"], step=step).w["b"]

    assert [weight(step) for step in (1, 3, 5, 9)] == pytest.approx([0.5, 0.3, 0.1, 0.1])
    edit = ValueEdit(version=1, path="w.a.b", value=0.7)
    assert [weight(step, edit) for step in (1, 3, 9)] == pytest.approx([0.5, 0.7, 0.7])


def test_a_schedule_edited_under_way_begins_with_the_weight_of_that_moment() -> None:
    spec = SPEC.model_copy(update={"w_schedule": {"a": {"b": Ramp(end=0.1, steps=4)}}})

    def weights(*changes: tuple[str, float, int]) -> list[float]:
        """Of steps 1 to 9, under changes (path, value, step)."""
        given_edits = [ValueEdit(version=n, path=path, value=value) for n, (path, value, _) in enumerate(changes)]
        bindings = [Binding(version=n, policy="a", step=step) for n, (_, _, step) in enumerate(changes)]
        return [values_at(spec, given_edits, bindings, policy="a", teachers=["b"], step=step).w["b"] for step in range(1, 10)]

    end, steps = ("w_schedule.a.b.end", 0.7, 3), ("w_schedule.a.b.steps", 2, 3)
    assert weights(end) == pytest.approx([0.5, 0.4, 0.3, 0.4, 0.5, 0.6, 0.7, 0.7, 0.7])
    assert weights(steps) == pytest.approx([0.5, 0.4, 0.3, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1])
    assert weights(end, steps) == pytest.approx([0.5, 0.4, 0.3, 0.5, 0.7, 0.7, 0.7, 0.7, 0.7]) == weights(steps, end)
    by_hand = ("w.a.b", 0.9, 5)
    assert weights(end, by_hand) == pytest.approx([0.5, 0.4, 0.3, 0.4, 0.9, 0.9, 0.9, 0.9, 0.9])
    assert weights(by_hand, ("w_schedule.a.b.end", 0.1, 6))[4:] == pytest.approx([0.9, 0.9, 0.7, 0.5, 0.3])


def test_an_edge_without_a_schedule_can_be_given_one() -> None:
    assert check_value_edit(SPEC, "w_schedule.a.b.steps", 8) == 8
    assert check_value_edit(SPEC, "w_schedule.b.a.end", 0) == 0
    with pytest.raises(SpecError, match=r"w_schedule\.a\.b\.steps: .*greater than or equal to 1"):
        check_value_edit(SPEC, "w_schedule.a.b.steps", 0)
    with pytest.raises(SpecError, match="not an editable value"):
        check_value_edit(SPEC, "w_schedule.b.c.end", 0)


def test_the_later_edit_wins() -> None:
    twice = [ValueEdit(version=v, path="optimizer.lr", value=v / 100) for v in (1, 2)]
    values, _ = train("a", [twice], [])
    assert values[0].lr == 0.02


def test_a_binding_does_not_act_before_its_step_nor_on_another_policy() -> None:
    edit = [ValueEdit(version=1, path="optimizer.lr", value=0.5)]
    bindings = [Binding(version=1, policy="a", step=3)]
    assert [values_at(SPEC, edit, bindings, policy="a", teachers=[], step=s).lr for s in (2, 3, 4)] == [1e-4, 0.5, 0.5]
    assert values_at(SPEC, edit, bindings, policy="b", teachers=[], step=4).lr == 1e-4


def test_spec_weights_are_the_start() -> None:
    assert values_at(SPEC, [], [], policy="a", teachers=["b", "c"], step=1).w == {"b": 0.5, "c": 1.0}


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("w.a.b", -1, "greater than or equal to 0"),
        ("w.a.b", float("nan"), "finite number"),
        ("w.a.b", 1001, "less than or equal to 1000"),
        ("w.b.c", 1.0, "editable are"),
        ("rounds", 3, "editable are"),
        ("rlvr.temperature", 0, "greater than 0"),
        ("optimizer.lr", "fast", "valid number"),
        ("optimizer.lr", True, "valid number"),
        ("rlvr.clip_low", 1, "less than 1"),
        ("rlvr.clip_high", 10.5, "less than or equal to 10"),
        ("seed", 1.5, "valid integer"),
        ("seed", 2**31, "less than 2147483648"),
        ("priority", 101, "less than or equal to 100"),
    ],
)
def test_a_wrong_value_edit_is_refused(path: str, value: object, says: str) -> None:
    with pytest.raises(SpecError, match=says):
        check_value_edit(SPEC, path, value)


@pytest.mark.parametrize(("path", "value"), [("w.a.b", 0), ("rlvr.clip_low", 0.1), ("seed", 7), ("priority", -100)])
def test_a_right_value_edit(path: str, value: float) -> None:
    assert check_value_edit(SPEC, path, value) == value


def test_what_may_be_edited_is_what_the_schema_says() -> None:
    """Of every field, by its dotted path; `w` stands for all its edges."""

    def editable(properties: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
        for name, node in properties.items():
            target = next((each for each in (node, *node.get("anyOf", ())) if "$ref" in each), None)
            if "edit" in node:
                yield prefix + name, node["edit"]
            elif target is not None:
                inside = spec_schema()["$defs"][target["$ref"].rpartition("/")[2]]
                yield from editable(inside.get("properties", {}), f"{prefix}{name}.")

    found = dict(editable(spec_schema()["properties"]))
    paths = {"value": {"w", "w_schedule", *VALUE_FIELDS}, "structure": set(STRUCTURE_PATHS), "dispatch": set(DISPATCH_FIELDS)}
    assert {kind: {path for path, edit in found.items() if edit == kind} for kind in paths} == paths


def test_an_edited_seed_and_clip_range_hold_from_their_step() -> None:
    given_edits = [ValueEdit(version=1, path="seed", value=7), ValueEdit(version=2, path="rlvr.clip_high", value=0.5)]
    values, bindings = train("a", [[], given_edits, given_edits], [])
    assert [(each.seed, each.clip_low, each.clip_high) for each in values] == [(0, 0.2, 0.28), (7, 0.2, 0.5), (7, 0.2, 0.5)]
    assert {binding.step for binding in bindings} == {2}
