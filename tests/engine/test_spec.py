"""A wrong spec is refused with every wrong field named, and what would be right."""

from typing import Any

import pytest

from copd_engine.spec import RunSpec, SpecError, parse_spec, spec_schema

DOMAIN = {"source": "reasoning_gym", "tasks": {"gcd": {}}}


def fields(**changes: Any) -> dict[str, Any]:
    return {
        "name": "a run",
        "domains": {"text": DOMAIN, "image": DOMAIN},
        "experts": {"a": {"domain": "text"}, "b": {"domain": "image"}},
    } | changes


def wrong_fields(data: Any) -> dict[str, str]:
    with pytest.raises(SpecError) as caught:
        parse_spec(data)
    return {error.field: error.message for error in caught.value.errors}


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"speed": 3}, "speed", "unknown field; there are agreement, "),
        ({"rlvr": {"steps": 2, "grup": 3}}, "rlvr.grup", "there are clip_high, clip_low, group, "),
        ({"experts": {"a": {"domain": "text", "lr": 1}}}, "experts.a.lr", "there are domain"),
        ({"domains": {"text": DOMAIN | {"shuffle": 1}}}, "domains.text.shuffle", "there are max_new_tokens, source"),
        ({"rounds": "six"}, "rounds", "integer"),
        ({"rounds": True}, "rounds", "integer"),
        ({"rounds": 0}, "rounds", "greater than or equal to 1"),
        ({"rlvr": {"steps": 0}}, "rlvr.steps", "greater than or equal to 1"),
        ({"rlvr": {"group": 1}}, "rlvr.group", "greater than or equal to 2"),
        ({"experts": {"a": {"domain": "sound"}}}, "experts.a.domain", "domains are image, text"),
        ({"experts": {"merged": {"domain": "text"}}}, "experts.merged", "reserved"),
        ({"experts": {"A!": {"domain": "text"}}}, "experts.A!", "a-z"),
        ({"experts": {}}, "experts", "at least 1"),
        ({"w": {"a": {"b": -0.1}}}, "w.a.b", "greater than or equal to 0"),
        ({"w": {"a": {"b": float("nan")}}}, "w.a.b", "finite"),
        ({"w": {"a": {"a": 1.0}}}, "w.a.a", "cannot teach itself"),
        ({"w": {"a": {"z": 1.0}}}, "w.a.z", "experts are a, b"),
        ({"w_schedule": {"a": {"z": {"end": 0.0, "steps": 5}}}}, "w_schedule.a.z", "experts are a, b"),
        ({"method": "opd"}, "teachers", "at least one teacher"),
        ({"teachers": {"t": {"path": "tiny", "domain": "text"}}}, "teachers", "method copd has no fixed teachers"),
        ({"method": "opd", "teachers": {"t": {"path": "tiny", "domain": "x"}}}, "teachers.t.domain", "domains are image, text"),
        ({"method": "mopd", "w": {"a": {"b": 1.0}}}, "w.a.b", "not an edge of method mopd; edges are w.student.a, w.student.b"),
        ({"method": "static_opd", "opd": {"student": "z"}}, "opd.student", "experts are a, b"),
        ({"opd": {"hub": "z"}}, "opd.hub", "experts are a, b"),
        ({"opd": {"topology": "custom"}}, "w", "custom topology"),
        ({"name": "a\x00b"}, "name", "NUL"),
        ({"name": "  "}, "name", "at least 1"),
        (
            {"domains": {"text": {"source": "sound"}}},
            "domains.text.source",
            "digit_videos, reasoning_gym (given: 'sound')",
        ),
        ({"domains": {"text": {"tasks": {}}}}, "domains.text.source", "one of dataset, digit_images"),
        ({"model": {"lora": {"rank": 0}}}, "model.lora.rank", "greater than or equal to 1"),
        ({"model": {"lora": {"ranks": 4}}}, "model.lora.ranks", "there are alpha, rank, targets"),
        ({"model": {"lora": {"targets": "q_proj"}}}, "model.lora.targets", 'must be "all-linear" or a list'),
        ({"model": {"lora": {"targets": []}}}, "model.lora.targets", 'must be "all-linear" or a list'),
        ({"merge": {"method": "average"}}, "merge.method", "slerp"),
        ({"merge": {"method": "slerp"}, "experts": {n: {"domain": "text"} for n in "abc"}}, "merge.method", "exactly two experts, and 3"),
        ({"merge": {"method": "slerp"}, "method": "mixed_rlvr"}, "merge.method", "exactly two experts, and 1"),
        ({"merge": {"method": "weighted", "weights": {"z": 1.0}}}, "merge.weights.z", "merged are a, b"),
        ({"merge": {"method": "weighted", "weights": {"a": 0.0, "b": 0.0}}}, "merge.weights", "more than 0"),
        ({"merge": {"method": "weighted", "weights": {"a": -1.0}}}, "merge.weights.a", "greater than or equal to 0"),
        ({"merge": {"weights": {"a": 1.0}}}, "merge.weights", "method mean does not use it"),
        ({"merge": {"method": "slerp", "scale": 0.5}}, "merge.scale", "method slerp does not use it"),
        ({"merge": {"method": "ties", "density": 0.0}}, "merge.density", "greater than 0"),
        ({"merge": {"method": "dare", "density": 1.5}}, "merge.density", "less than or equal to 1"),
        ({"opd": {"adaptive": {"floor": 0.9, "ceiling": 0.9}}}, "opd.adaptive.floor", "must be below the ceiling, 0.9 (given: 0.9)"),
        ({"opd": {"adaptive": {"floor": -0.1}}}, "opd.adaptive.floor", "greater than or equal to 0"),
        ({"opd": {"adaptive": {"ceiling": 1.1}}}, "opd.adaptive.ceiling", "less than or equal to 1"),
        ({"opd": {"adaptive": {"ceiling": float("nan")}}}, "opd.adaptive.ceiling", "finite"),
        ({"opd": {"adaptive": {"teach": 1}}}, "opd.adaptive.teach", "boolean"),
        ({"opd": {"adaptive": {"flor": 0.5}}}, "opd.adaptive.flor", "there are ceiling, floor, teach"),
        ({"opd": {"adaptive": {}}, "method": "experts"}, "opd.adaptive", "method experts has no phases to choose between"),
        ({"opd": {"adaptive": {}}, "experts": {"a": {"domain": "text"}}}, "opd.adaptive", "there is no edge"),
        ({"opd": {"adaptive": {}}, "agreement": {"enabled": False}}, "agreement.enabled", "must be true"),
        ({"optimizer": {"lr": 2.0}}, "optimizer.lr", "less than or equal to 1"),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, Any], field: str, says: str) -> None:
    errors = wrong_fields(fields(**changes))
    assert field in errors, errors
    assert says in errors[field]


def test_every_wrong_field_is_reported_at_once() -> None:
    assert {"rounds", "rlvr.steps", "speed"} <= wrong_fields(fields(rounds=0, rlvr={"steps": 0}, speed=1)).keys()


@pytest.mark.parametrize(
    ("text", "says"),
    [("- a list", "mapping"), ("a: [1", "line"), ("name: x\nname: y", "given twice"), ("name: \x00", "NUL"), ("[" * 5000, "YAML")],
)
def test_a_document_that_is_no_spec(text: str, says: str) -> None:
    assert says in wrong_fields(text)[""]


def test_yaml_reads_a_learning_rate_as_people_write_it() -> None:
    text = "name: x\ndomains: {d: {source: digit_images}}\nexperts: {e: {domain: d}}\noptimizer: {lr: 1e-4}"
    assert parse_spec(text).optimizer.lr == 1e-4


def test_hub_and_spoke_of_two_is_mutual() -> None:
    hub = parse_spec(fields())
    full = parse_spec(fields(opd={"topology": "full"}))
    ring = parse_spec(fields(opd={"topology": "ring"}))
    assert set(hub.edges()) == set(full.edges()) == set(ring.edges()) == {("a", "b"), ("b", "a")}


@pytest.mark.parametrize(("topology", "count"), [("hub_and_spoke", 4), ("full", 6), ("ring", 3)])
def test_edges_of_three(topology: str, count: int) -> None:
    experts = {name: {"domain": "text"} for name in "abc"}
    spec = parse_spec(fields(experts=experts, opd={"topology": topology}))
    assert len(set(spec.edges())) == len(spec.edges()) == count


def test_experts_alone_have_no_edges_and_take_no_weights() -> None:
    assert parse_spec(fields(method="experts")).edges() == []
    assert "w.a.b" in wrong_fields(fields(method="experts", w={"a": {"b": 1.0}}))


def test_the_schema_says_what_may_change_while_a_run_trains() -> None:
    schema = spec_schema()

    def edit(model: str, name: str) -> str | None:
        return (schema["$defs"][model] if model else schema)["properties"][name].get("edit")

    assert edit("", "w") == edit("Optimizer", "lr") == edit("Rlvr", "temperature") == "value"
    assert edit("", "rounds") == edit("Opd", "sync_every") == edit("Opd", "topology") == "structure"
    assert edit("", "priority") == "dispatch"
    assert edit("", "name") is None


def test_a_spec_survives_json() -> None:
    spec = parse_spec(fields(w={"a": {"b": 0.5}}, model={"lora": {"targets": ["q_proj"]}}, merge={"method": "ties", "density": 0.2}))
    assert hash(spec.model)  # what is loaded is kept by it
    assert parse_spec(spec.model_dump(mode="json")) == spec
    assert RunSpec.model_validate_json(spec.model_dump_json()) == spec
