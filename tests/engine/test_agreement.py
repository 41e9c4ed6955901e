"""Overlap and divergences: exact values where they are known, bounds everywhere."""

import copy
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor

from copd_engine.agreement import compare_logits, compare_states, sampled_kl, top_k_mask
from copd_engine.policy import Policy

V = 6
logits = arrays("float32", (3, V), elements=st.floats(-30, 30, width=32)).map(torch.from_numpy)
tied = arrays("float32", (3, V), elements=st.sampled_from([0.0, 1.0, 2.0])).map(torch.from_numpy)


@given(tied, st.integers(1, V))
def test_ties_go_to_the_lower_id(scores: Tensor, k: int) -> None:
    for row, mask in zip(scores.tolist(), top_k_mask(scores, k).tolist(), strict=True):
        best = sorted(range(V), key=lambda v: (-row[v], v))[:k]
        assert [v for v in range(V) if mask[v]] == sorted(best)


@pytest.mark.parametrize("k", [0, V + 1])
def test_k_must_fit_the_vocabulary(k: int) -> None:
    with pytest.raises(ValueError, match=f"between 1 and the vocabulary's {V}"):
        top_k_mask(torch.zeros(1, V), k)


@given(logits | tied, st.integers(1, V))
def test_a_policy_agrees_with_itself(p: Tensor, k: int) -> None:
    same = compare_logits(p, p.clone(), k)
    assert (same["overlap"] == 1).all()
    assert (same["argmax_agreement"] == 1).all()
    for name in ("kl_student_teacher", "kl_teacher_student", "symmetric_kl", "entropy_gap"):
        assert (same[name] == 0).all(), name
    assert (same["jsd"] < 1e-6).all()


@given(logits, logits, st.integers(1, V))
def test_everything_stays_in_its_range(p: Tensor, q: Tensor, k: int) -> None:
    compared = compare_logits(p, q, k)
    swapped = compare_logits(q, p, k)
    for name, values in compared.items():
        assert values.isfinite().all(), name
    assert ((compared["overlap"] >= 0) & (compared["overlap"] <= 1)).all()
    assert (compared["overlap_mass"] <= 1 + 1e-6).all()
    assert ((compared["jsd"] >= 0) & (compared["jsd"] <= math.log(2))).all()
    for name in ("overlap", "argmax_agreement", "jsd", "symmetric_kl"):
        torch.testing.assert_close(compared[name], swapped[name], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(compared["kl_student_teacher"], swapped["kl_teacher_student"])
    for name in ("kl_student_teacher", "kl_teacher_student"):
        assert (compared[name] >= 0).all()


def test_disjoint_supports() -> None:
    p = torch.tensor([[0.0, 0.0, -1e9, -1e9]])
    q = torch.tensor([[-1e9, -1e9, 0.0, 0.0]])
    compared = compare_logits(p, q, 2)
    assert compared["overlap"].item() == compared["overlap_mass"].item() == 0
    assert compared["jsd"].item() == pytest.approx(math.log(2))


def test_the_values_of_a_case_done_by_hand() -> None:
    p, q = torch.tensor([[0.5, 0.25, 0.25]], dtype=torch.float64), torch.tensor([[0.25, 0.5, 0.25]], dtype=torch.float64)
    compared = {name: value.item() for name, value in compare_logits(p.log(), q.log(), 1).items()}
    assert compared["overlap"] == compared["argmax_agreement"] == 0
    assert compared["kl_student_teacher"] == pytest.approx(0.25 * math.log(2))
    assert compared["symmetric_kl"] == pytest.approx(0.5 * math.log(2))
    assert compared["entropy_student"] == pytest.approx(1.5 * math.log(2))
    m = [0.375, 0.375, 0.25]
    half = sum(x * math.log(x / y) for x, y in zip([0.5, 0.25, 0.25], m, strict=True))
    assert compared["jsd"] == pytest.approx(half)
    assert compare_logits(p.log(), q.log(), 2)["overlap_mass"].item() == pytest.approx(0.75)


@given(logits, logits)
def test_the_estimators_average_to_the_exact_kl(p: Tensor, q: Tensor) -> None:
    log_p, log_q = p.double().log_softmax(-1), q.double().log_softmax(-1)
    estimates = sampled_kl(log_p, log_q)
    exact = compare_logits(p.double(), q.double(), 1)["kl_student_teacher"]
    for name in ("k1", "k3"):
        weighted = torch.where(log_p.exp() > 0, log_p.exp() * estimates[name], 0.0).sum(-1)
        torch.testing.assert_close(weighted, exact, rtol=1e-6, atol=1e-9)
    assert (estimates["k3"] >= 0).all()
    torch.testing.assert_close(estimates["k2"], estimates["k1"] ** 2 / 2)


def test_states_are_compared_in_chunks_that_change_nothing(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two policies' hidden states [S, H] never more logits exist at once than a chunk has, and other vocabularies are refused."""
    generator = torch.Generator().manual_seed(0)
    ours, theirs = (torch.randn(5, policy.head.weight.shape[1], generator=generator) for _ in range(2))
    whole = compare_logits(policy.logits(ours), policy.logits(theirs), 4)
    seen: list[int] = []
    logits_of = Policy.logits

    def watched(self: Policy, states: Tensor, temperature: float = 1.0) -> Tensor:
        seen.append(len(states))
        return logits_of(self, states, temperature)

    monkeypatch.setattr(Policy, "logits", watched)
    monkeypatch.setattr("copd_engine.scoring.CHUNK_LOGITS", 2 * policy.head.weight.shape[0])
    for name, values in compare_states(policy, ours, policy, theirs, 4).items():
        torch.testing.assert_close(values, whole[name])
    assert seen == [2, 2, 2, 2, 1, 1]
    other = copy.copy(policy)
    other.head = torch.nn.Linear(3, 7)
    with pytest.raises(ValueError, match="different vocabularies"):
        compare_states(policy, ours, other, theirs, 4)
