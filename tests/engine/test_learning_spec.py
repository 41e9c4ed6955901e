"""Which losses a spec may ask for, and what it is told when their settings do not fit together."""

from typing import Any

import pytest

from copd_engine.spec import RunSpec, SpecError, parse_spec

DOMAIN = {"source": "reasoning_gym", "tasks": {"gcd": {}}, "max_new_tokens": 8}


def spec_of(**changes: Any) -> RunSpec:
    experts = {name: {"domain": "text"} for name in "abc"}
    return parse_spec({"name": "a run", "domains": {"text": DOMAIN}, "experts": experts} | changes)


def test_the_defaults_are_grpo_and_the_methods_own_distillation() -> None:
    spec = spec_of()
    assert (spec.rlvr.loss, spec.rlvr.kl, spec.rlvr.overlong_buffer, spec.rlvr.max_resamples, spec.rlvr.importance_cap) == (
        "grpo", 0.0, 0, 0, None,
    )  # fmt: skip
    assert (spec.opd.loss, spec.opd.baseline, spec.opd.bounded, spec.opd.gate, spec.opd.outcome) == ("sampled", False, None, None, 0.0)


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"rlvr": {"loss": "ppo"}}, "rlvr.loss", "'grpo', 'dr_grpo', 'dapo' or 'gspo'"),
        ({"rlvr": {"kl": -0.1}}, "rlvr.kl", "greater than or equal to 0"),
        ({"rlvr": {"importance_cap": 0.5}}, "rlvr.importance_cap", "greater than or equal to 1"),
        ({"rlvr": {"max_resamples": -1}}, "rlvr.max_resamples", "greater than or equal to 0"),
        ({"rlvr": {"overlong_buffer": 9}}, "rlvr.overlong_buffer", "longer than the shortest max_new_tokens of a trained domain, 8"),
        ({"opd": {"loss": "kl"}}, "opd.loss", "'sampled', 'full' or 'topk'"),
        ({"opd": {"loss": "full", "baseline": True}}, "opd.baseline", "belongs to loss sampled"),
        ({"opd": {"loss": "full", "bounded": 0.5}}, "opd.bounded", "belongs to loss sampled"),
        ({"opd": {"loss": "full", "gate": [0.5, 2.0]}}, "opd.gate", "belongs to loss sampled"),
        ({"opd": {"loss": "full", "outcome": 1.0}}, "opd.outcome", "belongs to loss sampled"),
        ({"opd": {"baseline": True, "bounded": 0.5}}, "opd.baseline", "leave out one"),
        ({"opd": {"bounded": 1.0}}, "opd.bounded", "less than 1"),
        ({"opd": {"gate": [1.5, 2.0]}}, "opd.gate", "low < 1 < high"),
        ({"opd": {"gate": [0.5]}}, "opd.gate", "at least 2"),
        ({"opd": {"divergence": "forward_kl"}}, "opd.divergence", "use loss full or topk"),
        ({"opd": {"loss": "full", "divergence": "jsd"}}, "opd.beta", "divergence jsd needs it, for example 0.5"),
        ({"opd": {"loss": "full", "beta": 0.5}}, "opd.beta", "belongs to divergence jsd"),
        ({"opd": {"loss": "full", "divergence": "jsd", "beta": 1.5}}, "opd.beta", "less than or equal to 1"),
        ({"opd": {"loss": "topk", "tail": "raw"}}, "opd.top_k", "loss topk needs it"),
        ({"opd": {"loss": "topk", "top_k": 5}}, "opd.tail", "loss topk needs it, for example bucket"),
        ({"opd": {"loss": "full", "top_k": 5}}, "opd.top_k", "belongs to loss topk"),
        ({"opd": {"tail": "raw"}}, "opd.tail", "belongs to loss topk"),
        ({"opd": {"outcome": 1.0}, "rlvr": {"prompts": 1}}, "opd.outcome", "each of the 2 teachers of a student needs at least one group"),
    ],
)
def test_a_setting_that_does_not_fit_is_named(changes: dict[str, Any], field: str, says: str) -> None:
    with pytest.raises(SpecError) as caught:
        spec_of(**changes)
    errors = {error.field: error.message for error in caught.value.errors}
    assert field in errors, errors
    assert says in errors[field]


@pytest.mark.parametrize(
    "opd",
    [
        {"loss": "full", "divergence": "jsd", "beta": 0.0},
        {"loss": "topk", "divergence": "forward_kl", "top_k": 8, "tail": "bucket"},
        {"gate": [0.5, 2], "outcome": 0.3, "bounded": 0.9},
    ],
)
def test_what_fits_survives_json(opd: dict[str, Any]) -> None:
    spec = spec_of(opd=opd)
    assert RunSpec.model_validate_json(spec.model_dump_json()) == spec
    assert parse_spec(spec.model_dump()) == spec
