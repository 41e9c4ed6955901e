"""Divergences as losses: their values, bounds and gradients, whole and truncated."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from copd_engine.agreement import LN2, compare_logits
from copd_engine.divergence import DIVERGENCES, TAILS, divergence_of, generalised_jsd, kl, top_k_support
from copd_engine.policy import FORBIDDEN_LOGIT
from copd_engine.spec import Opd

V = 9
FULL: list[dict[str, Any]] = [{"divergence": "reverse_kl"}, {"divergence": "forward_kl"}, {"divergence": "jsd", "beta": 0.3}]
SETTINGS = [Opd(loss="full", **each) for each in FULL] + [Opd(loss="topk", top_k=3, tail=tail, **each) for each in FULL for tail in TAILS]
every = pytest.mark.parametrize("settings", SETTINGS, ids=lambda s: f"{s.loss}-{s.divergence}-{s.tail}")
seeds = st.integers(0, 10_000)


def log_probs(seed: int, states: int = 4, spread: float = 2.0, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    """Logits of student and teacher [S, V], normalised, with one token that neither may say."""
    generator = torch.Generator().manual_seed(seed)
    logits = spread * torch.randn(2, states, V, generator=generator, dtype=dtype)
    logits[..., 4] = FORBIDDEN_LOGIT
    student, teacher = logits.log_softmax(dim=-1)
    return student, teacher


@given(seeds, st.floats(0.1, 20))
def test_whole_distributions_agree_with_the_monitors(seed: int, spread: float) -> None:
    """One formula in two places: what the agreement matrix shows is what the loss lowers."""
    p, q = log_probs(seed, spread=spread)
    shown = compare_logits(p, q, 3)
    series = {"reverse_kl": "kl_student_teacher", "forward_kl": "kl_teacher_student", "jsd": "jsd"}
    for name, measure in DIVERGENCES.items():
        torch.testing.assert_close(measure(p, q, 0.5), shown[series[name]], rtol=1e-9, atol=1e-12)


@given(seeds, st.floats(0.1, 50), st.floats(0.01, 0.99))
def test_jsd_lies_between_zero_and_the_entropy_of_its_coin(seed: int, spread: float, beta: float) -> None:
    p, q = log_probs(seed, spread=spread)
    bound = -beta * math.log(beta) - (1 - beta) * math.log1p(-beta)
    value = generalised_jsd(p, q, beta)
    assert (value >= -1e-12).all()
    assert (value <= bound + 1e-12).all()
    assert (generalised_jsd(p, q, 0.5) <= LN2 + 1e-12).all()
    torch.testing.assert_close(value, generalised_jsd(q, p, 1 - beta))


def test_the_ends_of_jsd_are_the_two_directions_by_gkds_convention() -> None:
    p, q = log_probs(0)
    torch.testing.assert_close(generalised_jsd(p, q, 0.0), kl(q, p), rtol=0, atol=0)
    torch.testing.assert_close(generalised_jsd(p, q, 1.0), kl(p, q), rtol=0, atol=0)
    torch.testing.assert_close(generalised_jsd(p, q, 1e-7) / 1e-7, kl(q, p), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(generalised_jsd(p, q, 1 - 1e-7) / 1e-7, kl(p, q), rtol=1e-4, atol=1e-6)


@every
@given(seed=seeds)
def test_never_negative_and_zero_only_where_the_compared_part_is_equal(settings: Opd, seed: int) -> None:
    p, q = log_probs(seed)
    measure = divergence_of(settings)
    assert (measure(p, q) > 0).all()
    assert measure(p, p).abs().max() < 1e-12


@every
def test_an_identical_teacher_gives_no_gradient(settings: Opd) -> None:
    """For the two KLs exactly none; JSD's mixture is rounded."""
    logits = torch.randn(5, V, generator=torch.Generator().manual_seed(1), requires_grad=True)
    p = logits.log_softmax(dim=-1)
    (gradient,) = torch.autograd.grad(divergence_of(settings)(p, p.detach()).sum(), logits)
    assert gradient.abs().max() <= (1e-6 if settings.divergence == "jsd" else 0)


@every
@pytest.mark.parametrize("seed", range(3))
def test_the_gradient_is_that_of_finite_differences(settings: Opd, seed: int) -> None:
    logits = log_probs(seed)[0].clone().index_fill(-1, torch.tensor([4]), -3.0).requires_grad_()
    teacher = log_probs(seed + 100)[1]
    if settings.divergence == "reverse_kl" or (settings.divergence == "jsd" and settings.tail != "bucket"):
        teacher = teacher.index_fill(-1, torch.tensor([4]), -4.0).log_softmax(dim=-1)  # an impossible token's KL is beyond differences
    assert torch.autograd.gradcheck(lambda x: divergence_of(settings)(x.log_softmax(dim=-1), teacher), (logits,), eps=1e-6, atol=1e-6)


@given(seeds, st.integers(1, V))
def test_the_bucket_never_exceeds_the_whole(seed: int, k: int) -> None:
    p, q = log_probs(seed)
    for each in FULL:
        whole = divergence_of(Opd(loss="full", **each))(p, q)
        coarse = divergence_of(Opd(loss="topk", top_k=k, tail="bucket", **each))(p, q)
        assert (coarse <= whole + 1e-9).all()


@every
def test_all_tokens_are_the_whole(settings: Opd) -> None:
    p, q = log_probs(0)
    if settings.loss == "topk":
        whole = Opd(loss="full", divergence=settings.divergence, beta=settings.beta)
        torch.testing.assert_close(divergence_of(settings.model_copy(update={"top_k": V}))(p, q), divergence_of(whole)(p, q))


def test_the_three_tails_are_three_losses_by_their_definitions() -> None:
    """Reverse KL on the student's two likeliest of four tokens, by hand."""
    p, q = [0.5, 0.3, 0.15, 0.05], [0.1, 0.2, 0.3, 0.4]
    log_p, log_q = (torch.tensor([each], dtype=torch.float64).log() for each in (p, q))
    expected = {
        "raw": 0.5 * math.log(5) + 0.3 * math.log(1.5) - 0.8 + 0.3,
        "renormalised": 0.625 * math.log(0.625 * 3) + 0.375 * math.log(0.375 * 1.5),
        "bucket": 0.5 * math.log(5) + 0.3 * math.log(1.5) + 0.2 * math.log(0.2 / 0.7),
    }
    for tail in TAILS:
        measure = divergence_of(Opd(loss="topk", top_k=2, tail=tail))
        assert measure(log_p, log_q).item() == pytest.approx(expected[tail], abs=1e-12)


def test_each_divergence_compares_where_its_own_weights_are_largest() -> None:
    log_p, log_q = torch.tensor([[0.6, 0.2, 0.1, 0.1]]).log(), torch.tensor([[0.1, 0.1, 0.2, 0.6]]).log()
    assert top_k_support(log_p, log_q, 1, "reverse_kl").tolist() == [[True, False, False, False]]
    assert top_k_support(log_p, log_q, 1, "forward_kl").tolist() == [[False, False, False, True]]
    assert top_k_support(log_p, log_q, 1, "jsd").tolist() == [[True, False, False, True]]
    with pytest.raises(ValueError, match="top_k must be between 1 and the vocabulary's 4, got 5"):
        top_k_support(log_p, log_q, 5, "jsd")
