"""One optimizer step: its gradient, its state, and what must be exactly the same."""

from typing import Any

import pytest
import torch
from torch import Tensor

from copd_engine.cache import PolicyCache
from copd_engine.clock import Clock
from copd_engine.divergence import divergence_of, kl
from copd_engine.expert import Expert, TrainingError
from copd_engine.fingerprint import fingerprint, make_deterministic
from copd_engine.policy import Policy, digest
from copd_engine.scoring import States, state_divergences, token_log_probs
from copd_engine.spec import Opd, RunSpec
from tests.engine.steps import SIZE, Build, expert_of, gradient, perturbed, trainer_of, values


@pytest.fixture(autouse=True)
def _exact() -> None:
    make_deterministic(1)


def test_a_step_learns_and_reports(coins: PolicyCache, small: Build) -> None:
    spec = small()
    expert = expert_of(coins, spec)
    before = digest(expert.parameters)
    spent = trainer_of(coins, spec, expert, {"image": perturbed(coins, spec)}).step(values(spec, {"image": 0.5}))
    assert expert.step == 1
    assert digest(expert.parameters) != before
    told = {(v.name, v.peer): v.value for v in spent.values}
    assert told["w", "image"] == 0.5
    gap = told["gap", "image"]
    assert gap is not None
    assert gap < 0  # the student's own words surprise any other teacher
    assert {"reward", "loss", "grad_norm", "entropy", "clip_fraction", "completion_length", "zero_advantage"} <= {n for n, _ in told}
    assert told["clip_fraction", None] == 0  # one update per batch: nothing is off-policy
    assert (spent.rollouts, spent.prompts) == (16, 2 + 8)


def test_the_same_step_gives_the_same_bits(coins: PolicyCache, small: Build) -> None:
    spec = small()

    def run() -> str:
        expert = expert_of(coins, spec)
        trainer = trainer_of(coins, spec, expert)
        trainer.step(values(spec))
        trainer.step(values(spec))
        return digest(expert.parameters)

    assert run() == run()


@pytest.mark.parametrize("changed", [{"seed": 7}, {"clip_low": 1e-4, "clip_high": 1e-4}])
def test_an_edited_value_gives_the_bits_of_a_spec_that_says_so(coins: PolicyCache, small: Build, changed: dict[str, Any]) -> None:
    """And others than before. The second update of a batch is where a clip range acts."""
    settings = {"optimizer": {"updates": 2}}
    other = small(**settings, **({"rlvr": SIZE | changed} if "seed" not in changed else changed | {"rlvr": SIZE}))

    def after_a_step(spec: RunSpec, edited: dict[str, Any]) -> str:
        expert = expert_of(coins, spec)
        trainer_of(coins, spec, expert, {"image": perturbed(coins, spec)}).step(values(spec, {"image": 1.0}).model_copy(update=edited))
        return digest(expert.parameters)

    plain = small(**settings, rlvr=SIZE)
    assert after_a_step(plain, changed) == after_a_step(other, {}) != after_a_step(plain, {})


def test_weight_zero_is_bitwise_no_teacher(coins: PolicyCache, small: Build) -> None:
    spec = small()
    alone = gradient(coins, spec)
    muted = gradient(coins, spec, {"image": 0.0}, image=perturbed(coins, spec))
    taught = gradient(coins, spec, {"image": 1.0}, image=perturbed(coins, spec))
    assert digest(alone) == digest(muted) != digest(taught)


def test_an_identical_teacher_adds_no_gradient(coins: PolicyCache, small: Build) -> None:
    """δ is 0 up to the rounding of two equal forward passes, so the cross part's gradient is 0: here exactly."""
    spec = small()
    alone, taught = gradient(coins, spec), gradient(coins, spec, {"image": 1.0}, image=coins.copy_of_base(spec.model))
    assert digest(alone) == digest(taught)


@pytest.mark.parametrize("size", [3, 4, 8])
def test_micro_batches_have_the_same_gradient(coins: PolicyCache, small: Build, size: int) -> None:
    """3 cuts through groups."""
    teacher = perturbed(coins, small())
    whole = gradient(coins, small(), {"image": 1.0}, image=teacher)
    parts = gradient(coins, small(compute={"micro_batch": size}), {"image": 1.0}, image=teacher)
    for name, expected in whole.items():
        torch.testing.assert_close(parts[name], expected, rtol=1e-3, atol=1e-7)


def test_teachers_share_the_native_number_of_sequences(coins: PolicyCache, small: Build) -> None:
    spec = small(rlvr={"steps": 2, "prompts": 3, "group": 3})
    policy = coins.copy_of_base(spec.model)
    trainer = trainer_of(coins, spec, expert_of(coins, spec), {"image": policy, "video": policy})
    spent = trainer.step(values(spec, {"image": 1.0, "video": 1.0}))
    assert (spent.rollouts, spent.prompts) == (9 + 5 + 4, 3 + 5 + 4)
    assert trainer.step(values(spec, {"image": 1.0, "video": 0.0})).rollouts == 9 + 5


def test_state_is_weights_optimizer_and_step(coins: PolicyCache, small: Build) -> None:
    """An expert rebuilt from its tensors goes on bit for bit."""
    spec = small()
    first = expert_of(coins, spec)
    trainer_of(coins, spec, first).step(values(spec))
    second = Expert("text", coins.copy_of_base(spec.model), spec.optimizer, first.step)
    second.policy.load_tensors(first.parameters)
    second.load_optimizer({name: tensor.clone() for name, tensor in first.optimizer_tensors().items()})
    for expert in (first, second):
        trainer_of(coins, spec, expert).step(values(spec))
    assert digest(first.parameters) == digest(second.parameters)
    assert digest(first.optimizer_tensors()) == digest(second.optimizer_tensors())


def test_what_has_no_gradient_is_left_alone(coins: PolicyCache, small: Build) -> None:
    """Text steps neither decay nor move the vision tower."""
    spec = small()
    expert = expert_of(coins, spec)
    trainer_of(coins, spec, expert).step(values(spec))
    names = {name.removeprefix("step.") for name in expert.optimizer_tensors() if name.startswith("step.")}
    vision = {name for name in expert.parameters if ".visual." in name}
    assert vision
    assert names == expert.parameters.keys() - vision


def test_a_foreign_optimizer_state_is_refused(coins: PolicyCache, small: Build) -> None:
    with pytest.raises(ValueError, match=r"no parameter model\.other"):
        expert_of(coins, small()).load_optimizer({"step.model.other": torch.tensor(1.0)})


def test_not_a_number_stops_before_the_step(coins: PolicyCache, small: Build) -> None:
    expert = expert_of(coins, small())
    before = digest(expert.parameters)
    parameter = next(iter(expert.parameters.values()))
    with pytest.raises(TrainingError, match=r"text: the loss of step 1 is nan \(here\); the step was not taken"):
        expert.backward((parameter * float("nan")).sum(), "here")
    expert.backward((parameter - parameter.detach()).sum() * 3e38, "here")  # a loss of 0, but the norm of its gradient overflows
    with pytest.raises(TrainingError, match=r"text: the gradient norm of step 1 is inf; the step was not taken"):
        expert.update(1e-3, 1.0)
    assert (digest(expert.parameters), expert.step) == (before, 0)


def test_chunks_change_nothing(coins: PolicyCache, small: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """Log-probs, entropies and gradients with the logits of two states at a time, recomputed in the backward pass."""
    policy = coins.copy_of_base(small().model)
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(3, 4, policy.head.weight.shape[1], generator=generator, requires_grad=True)
    tokens, mask = torch.randint(0, 200, (3, 4), generator=generator), torch.arange(4) < torch.tensor([[4], [1], [3]])

    def result() -> list[Tensor]:
        log_probs, entropies = token_log_probs(policy, hidden, tokens, mask, 0.7)
        assert (log_probs[~mask] == 0).all()
        return [log_probs, entropies, *torch.autograd.grad(log_probs.sum(), [hidden, policy.head.weight])]

    whole = result()
    monkeypatch.setattr("copd_engine.scoring.CHUNK_LOGITS", 2 * policy.head.weight.shape[0])
    for chunked, expected in zip(result(), whole, strict=True):
        torch.testing.assert_close(chunked, expected, rtol=1e-5, atol=1e-6)
    reference = policy.logits(hidden, 0.7).log_softmax(-1)
    torch.testing.assert_close(whole[0][mask], reference.gather(2, tokens.unsqueeze(2)).squeeze(2)[mask])
    torch.testing.assert_close(whole[1][mask], -(reference.exp() * reference).sum(-1)[mask])


def test_chunks_change_no_divergence(coins: PolicyCache, small: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """The logits of two states at a time, recomputed in the backward pass: never more exist at once, and the numbers are the same."""
    student, teacher = coins.copy_of_base(small().model), perturbed(coins, small())
    generator = torch.Generator().manual_seed(0)
    hidden, theirs = (torch.randn(3, 4, student.head.weight.shape[1], generator=generator) for _ in range(2))
    hidden.requires_grad_()
    tokens, mask = torch.randint(0, 200, (3, 4), generator=generator), torch.arange(4) < torch.tensor([[4], [1], [3]])
    seen: list[int] = []
    logits = Policy.logits

    def watched(self: Policy, states: Tensor, temperature: float = 1.0) -> Tensor:
        seen.append(len(states))
        return logits(self, states, temperature)

    monkeypatch.setattr(Policy, "logits", watched)

    def result(settings: Opd) -> list[Tensor]:
        both = States(student, hidden), States(teacher, theirs)
        found, delta = state_divergences(*both, tokens, mask, 0.7, divergence_of(settings))
        assert (found[~mask] == 0).all()
        return [found, delta, *torch.autograd.grad(found.sum(), [hidden, student.head.weight])]

    for settings in (Opd(loss="full"), Opd(loss="topk", top_k=5, tail="bucket", divergence="jsd", beta=0.5)):
        whole = result(settings)
        with monkeypatch.context() as patch:
            patch.setattr("copd_engine.scoring.CHUNK_LOGITS", 2 * student.head.weight.shape[0])
            seen.clear()
            for chunked, expected in zip(result(settings), whole, strict=True):
                torch.testing.assert_close(chunked, expected, rtol=1e-5, atol=1e-6)
            assert max(seen) == 2

    log_p, log_q = (logits(p, h[mask], 0.7).log_softmax(-1) for p, h in ((student, hidden), (teacher, theirs)))
    found, delta = state_divergences(States(student, hidden), States(teacher, theirs), tokens, mask, 0.7, kl)
    torch.testing.assert_close(found[mask], kl(log_p, log_q))
    torch.testing.assert_close(delta[mask], (log_q - log_p).detach().gather(1, tokens[mask][:, None])[:, 0])


def test_time_inside_a_nested_activity_counts_there_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    instants = iter([0.0, 1.0, 4.0, 9.0])  # update from 0 to 9, score within it from 1 to 4
    monkeypatch.setattr("copd_engine.clock.time.perf_counter", lambda: next(instants))
    clock = Clock()
    with clock("update"), clock("score"):
        pass
    assert dict(clock.seconds) == {"update": 1.0 + 5.0, "score": 3.0}


def test_a_fingerprint_names_what_bits_depend_on() -> None:
    assert fingerprint(1) != fingerprint(2)
    assert torch.__version__ in fingerprint(1)
