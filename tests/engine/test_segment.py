"""run_segment: what it emits, stores and answers, however it ends."""

import json
import math
import re
import statistics
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from copd_engine import spec
from copd_engine.cache import PolicyCache
from copd_engine.checkpoint import opened
from copd_engine.control import Binding, ControlDocument, Desired, ValueEdit
from copd_engine.domains import Domain, Prompt, Reward
from copd_engine.evaluate import standard_error
from copd_engine.events import EVENT, Acknowledged, Bound, Event, Log, Points, Progress, Sample, Stored
from copd_engine.job import SegmentData, SegmentJob, SegmentResult
from copd_engine.plan import BASE, Kind, Ref, Segment, export_segment
from copd_engine.segment import run_segment
from copd_engine.spec import RunSpec
from copd_engine.store import Store
from tests.engine.conftest import CoinDomain

Build = Callable[..., RunSpec]
TEXT = Segment(Kind.rlvr, "text", 0, Ref(BASE, 0), steps=4)
LOOK = Segment(Kind.evaluate, BASE, 0, Ref(BASE, 0), domain="text")


class Runner:
    """Runs segments of one run, each under the next attempt number; remembers events and checkpoints."""

    def __init__(self, spec: RunSpec, store: Store, cache: PolicyCache) -> None:
        self.spec, self.store, self.cache = spec, store, cache
        self.attempt = 0
        self.events: list[Event] = []
        self.paths: dict[str, str] = {}
        self.beats = 0

    def run(self, segment: Segment, read: Callable[[int], ControlDocument | None] = lambda _: None, **job: Any) -> SegmentResult:
        """`read` stands for the control document; it gets how often it was asked before."""
        self.attempt += 1
        self.events = []
        asked = iter(range(10_000))

        def progress() -> None:
            self.beats += 1

        order = SegmentJob(
            run="r", attempt=self.attempt, spec=self.spec, segment=SegmentData.of(segment), checkpoints=dict(self.paths), **job
        )
        result = run_segment(order, self.store, lambda: read(next(asked)), self.events.append, progress, self.cache)
        self.paths |= {f"{c.policy}@{c.step}": c.path for c in result.checkpoints}
        return result

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def digest(self, ref: str) -> str:
        with opened(self.store.below("runs/r"), self.paths[ref]) as checkpoint:
            return checkpoint.manifest.digest

    def whole_state(self, ref: str) -> str:
        manifest = json.loads(self.store.read(f"runs/r/{self.paths[ref]}/manifest.json"))
        return json.dumps(manifest["files"], sort_keys=True)


@pytest.fixture
def runner(small: Build, store: Store, coins: PolicyCache) -> Runner:
    coins.forget()
    return Runner(small(), store, coins)


def wanted(desired: Desired, after: int, paused: tuple[str, ...] = ()) -> Callable[[int], ControlDocument | None]:
    return lambda asked: ControlDocument(version=7, desired=desired, paused=paused) if asked >= after else None


def test_training_tells_stores_and_answers(runner: Runner, store: Store) -> None:
    result = runner.run(TEXT)
    assert (result.outcome, result.step, result.error) == ("done", 4, None)
    assert [(p.policy, p.step) for p in runner.of(Points)] == [("text", s) for s in (1, 2, 3, 4)]
    assert [(p.done, p.total) for p in runner.of(Progress)] == [(s, 4) for s in (1, 2, 3, 4)]
    (stored,) = runner.of(Stored)
    assert (stored.checkpoint.path, stored.checkpoint.has_state) == ("attempts/1/text@4", True)
    assert [c.path for c in result.checkpoints] == [stored.checkpoint.path]
    assert result.counts == {"steps": 4, "optimizer_steps": 4, "rollouts": 32, "prompts": 8, "tokens": result.counts["tokens"]}
    assert {"rollout", "update", "store"} <= result.seconds.keys()
    assert runner.beats > 4 * 3
    assert SegmentResult.model_validate_json(store.read("runs/r/attempts/1/result.json")) == result


class BrokenDomain(CoinDomain):
    def reward(self, prompt: Prompt, completion: str) -> Reward:  # noqa: ARG002 – it reads nothing
        return Reward(0.0, "verifier raised", failed=True)


@pytest.mark.parametrize("segment", [TEXT, LOOK], ids=["training", "evaluation"])
def test_a_broken_verifier_is_counted_and_told_and_ends_nothing(runner: Runner, segment: Segment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner.cache, "domain", lambda name, source: BrokenDomain(name))  # noqa: ARG005 – the cache's signature
    assert runner.run(segment).outcome == "done"
    assert all("8 judgements failed and counted as 0; first: verifier raised" in line.message for line in runner.of(Log))
    counted = [value.value for points in runner.of(Points) for value in points.values if value.name == "verifier_errors"]
    assert counted == [8.0] * segment.steps
    assert len(runner.of(Log)) == max(1, segment.steps)


def test_the_file_and_the_emitter_get_the_same_numbered_events(runner: Runner, store: Store) -> None:
    result = runner.run(TEXT)
    lines = store.read("runs/r/attempts/1/events.jsonl").splitlines()
    assert [EVENT.validate_json(line) for line in lines] == runner.events
    assert [event.seq for event in runner.events] == list(range(1, result.events + 1))


def test_an_attempt_runs_once(runner: Runner) -> None:
    runner.run(TEXT)
    runner.attempt = 0
    with pytest.raises(FileExistsError):
        runner.run(TEXT)


@pytest.mark.parametrize(("desired", "paused"), [("pause", ()), ("cancel", ()), ("run", ("image", "text"))])
def test_a_stop_stores_the_state_and_the_next_attempt_goes_on_bit_for_bit(
    runner: Runner, desired: Desired, paused: tuple[str, ...], small: Build, store: Store, coins: PolicyCache
) -> None:
    stopped = runner.run(TEXT, wanted(desired, after=3, paused=paused))
    assert (stopped.outcome, stopped.step) == ("stopped", 3)
    assert [c.step for c in stopped.checkpoints] == [3]
    assert runner.of(Acknowledged) == [Acknowledged(version=7, seq=runner.of(Acknowledged)[0].seq)]
    resumed = runner.run(TEXT, resume="text@3")
    assert [p.step for p in runner.of(Points)] == [4]
    assert (resumed.outcome, resumed.step) == ("done", 4)
    other = Runner(small(), store.below("other"), coins)
    other.run(TEXT)
    assert runner.whole_state("text@4") == other.whole_state("text@4")


def test_a_paused_policy_is_looked_at_all_the_same_and_others_train_on(runner: Runner) -> None:
    assert runner.run(TEXT, wanted("run", after=0, paused=("image",))).outcome == "done"
    assert runner.run(LOOK, wanted("run", after=0, paused=("text", "merged", "base"))).outcome == "done"


def test_a_stop_before_the_first_step_stores_nothing(runner: Runner) -> None:
    stopped = runner.run(TEXT, wanted("pause", after=0))
    assert (stopped.outcome, stopped.step, stopped.checkpoints) == ("stopped", 0, [])
    runner.run(TEXT, wanted("pause", after=2))
    stopped = runner.run(TEXT, wanted("pause", after=0), resume="text@2")
    assert (stopped.outcome, stopped.step, stopped.checkpoints) == ("stopped", 2, [])


def test_memory_between_segments_changes_no_bit(runner: Runner, small: Build, store: Store, coins: PolicyCache) -> None:
    following = Segment(Kind.rlvr, "text", 1, Ref("text", 4), steps=2)
    runner.run(TEXT)
    runner.run(following)
    forgetful = Runner(small(), store.below("other"), coins)
    for segment in (TEXT, following):
        coins.forget()
        assert forgetful.run(segment).error is None
    assert runner.whole_state("text@6") == forgetful.whole_state("text@6")


def test_state_is_stored_on_the_way(small: Build, store: Store, coins: PolicyCache) -> None:
    runner = Runner(small(checkpoint={"every": 2}), store, coins)
    five = Segment(Kind.rlvr, "text", 0, Ref(BASE, 0), steps=5)
    result = runner.run(five)
    assert [c.step for c in result.checkpoints] == [2, 4, 5]
    stopped = runner.run(five, wanted("pause", after=2))
    assert [c.step for c in stopped.checkpoints] == [2]  # not twice


def test_an_edit_binds_before_the_points_of_its_step(runner: Runner) -> None:
    edit = ValueEdit(version=7, path="optimizer.lr", value=0.0)

    def control(asked: int) -> ControlDocument | None:
        return ControlDocument(version=7, edits=(edit,)) if asked >= 2 else None

    result = runner.run(TEXT, control)
    kinds = [(e.type, getattr(e, "step", None)) for e in runner.events if isinstance(e, Acknowledged | Bound | Points)]
    assert kinds == [("points", 1), ("points", 2), ("acknowledged", None), ("bound", 3), ("points", 3), ("points", 4)]
    assert result.bindings == [Binding(version=7, policy="text", step=3)]


def test_a_later_attempt_replays_an_edit_at_the_same_step(runner: Runner, small: Build, store: Store, coins: PolicyCache) -> None:
    document = ControlDocument(version=7, edits=(ValueEdit(version=7, path="optimizer.lr", value=3e-3),))
    runner.run(TEXT, lambda asked: document if asked >= 2 else None)
    again = Runner(small(), store.below("other"), coins)
    result = again.run(TEXT, bindings=(Binding(version=7, policy="text", step=3),), control=document)
    assert result.bindings == []
    assert again.of(Bound) == []
    assert again.whole_state("text@4") == runner.whole_state("text@4")


def test_a_weight_edited_to_zero_runs_nothing_more(runner: Runner) -> None:
    runner.run(TEXT)
    runner.run(Segment(Kind.rlvr, "image", 0, Ref(BASE, 0), steps=4))
    opd = Segment(Kind.opd, "text", 0, Ref("text", 4), steps=3, teachers=(Ref("image", 4),))
    document = ControlDocument(version=1, edits=(ValueEdit(version=1, path="w.text.image", value=0.0),))
    runner.run(opd, lambda asked: document if asked >= 1 else None)
    told = [{v.name for v in p.values if v.peer == "image"} for p in runner.of(Points)]
    assert told == [{"gap", "distill_loss", "w"}, {"w"}, {"w"}]


def test_evaluation(runner: Runner) -> None:
    result = runner.run(Segment(Kind.evaluate, BASE, 0, Ref(BASE, 0), domain="text"))
    assert result.outcome == "done"
    assert result.counts["prompts"] == 8
    (point,) = runner.of(Points)
    (value,) = point.values
    assert (value.name, value.domain, point.policy, point.step) == ("capability", "text", BASE, 0)
    samples = runner.of(Sample)
    assert [s.index for s in samples] == [0, 1, 2]
    assert value.se is not None
    assert 0 <= value.value <= 1


@settings(max_examples=50)
@given(right=st.integers(0, 64), wrong=st.integers(0, 64))
def test_no_evaluation_is_surer_than_the_rule_of_three_allows(right: int, wrong: int) -> None:
    """An event as likely as 1 − 0.05 ** (1 / n), which is up to 3 / n, goes unseen in n tries once in twenty times."""
    assume(right + wrong >= 2)
    rewards = [1.0] * right + [0.0] * wrong
    n, half = len(rewards), 1.96 * standard_error(rewards)
    assert half == pytest.approx(max(1.96 * statistics.stdev(rewards) / math.sqrt(n), 3 / n))
    assert half >= 1 - 0.05 ** (1 / n)


class FewCache(PolicyCache):
    """Its domains have three held-out questions."""

    def domain(self, name: str, source: spec.Domain) -> Domain:  # noqa: ARG002 – a coin needs no source
        domain = CoinDomain(name)
        domain.questions = 3
        return domain


def test_a_question_is_asked_once_however_many_prompts_are_wanted(small: Build, store: Store) -> None:
    runner = Runner(small(evaluation={"prompts": 8, "samples": 8}, agreement={"prompts": 8}), store, FewCache())
    assert runner.run(LOOK).counts["prompts"] == 3
    rewards = [sample.reward for sample in runner.of(Sample)]
    (value,) = runner.of(Points)[0].values
    assert [(p.done, p.total) for p in runner.of(Progress)] == [(3, 3)]
    assert (value.value, value.se) == pytest.approx((statistics.mean(rewards), standard_error(rewards)))
    measured = runner.run(Segment(Kind.measure, BASE, 0, Ref(BASE, 0), teachers=(Ref(BASE, 0),)))
    assert measured.counts["prompts"] == 3 * len(runner.spec.domains)


def test_samples_show_their_pictures(small: Build, store: Store) -> None:
    domains = {"text": {"source": "digit_images"}, "image": {"source": "digit_videos"}, "video": {"source": "digit_images"}}
    runner = Runner(small(domains=domains), store, PolicyCache())
    for name in ("text", "image"):
        assert runner.run(Segment(Kind.evaluate, BASE, 0, Ref(BASE, 0), domain=name)).error is None
        for sample in runner.of(Sample):
            (path,) = sample.media
            assert store.read(f"runs/r/{path}").startswith(b"\x89PNG")


def test_measuring(runner: Runner) -> None:
    for name in ("text", "image"):
        runner.run(Segment(Kind.rlvr, name, 0, Ref(BASE, 0), steps=4))
    before = runner.digest("text@4")
    result = runner.run(Segment(Kind.measure, "text", 0, Ref("text", 4), teachers=(Ref("image", 4), Ref("text", 4))))
    assert result.error is None
    (point,) = runner.of(Points)
    told = {(v.name, v.peer, v.domain): v.value for v in point.values}
    for domain in ("text", "image", "video", None):
        assert told["overlap", "text", domain] == 1
        assert told["kl_student_teacher", "text", domain] == 0
        assert 0 <= told["overlap", "image", domain] < 1
        assert told["kl_student_teacher", "image", domain] > 0
        assert told["entropy_gap", "image", domain] != 0
    mean = sum(told["jsd", "image", d] for d in ("text", "image", "video")) / 3
    assert told["jsd", "image", None] == pytest.approx(mean)
    assert result.overlap == {peer: told["overlap", peer, None] for peer in ("image", "text")}
    assert runner.digest("text@4") == before


@pytest.mark.parametrize("kind", [Kind.evaluate, Kind.measure, Kind.merge, Kind.export])
def test_a_stop_drops_work_that_does_not_train(runner: Runner, kind: Kind) -> None:
    runner.run(TEXT)
    ref = Ref("text", 4)
    policy = "merged" if kind is Kind.merge else "text"
    result = runner.run(Segment(kind, policy, 0, ref, teachers=(ref,), domain="text"), wanted("pause", after=0))
    assert (result.outcome, result.step, result.checkpoints, result.export) == ("stopped", 4, [], None)
    assert not runner.of(Points)


def test_a_merge_of_one_is_that_one(runner: Runner) -> None:
    runner.run(TEXT)
    result = runner.run(Segment(Kind.merge, "merged", 0, Ref("text", 4), teachers=(Ref("text", 4),)))
    assert runner.digest("merged@4") == runner.digest("text@4")
    assert [(c.policy, c.step, c.has_state) for c in result.checkpoints] == [("merged", 4, False)]


def test_a_failure_is_an_answer(runner: Runner, store: Store) -> None:
    runner.run(TEXT)
    path = f"runs/r/{runner.paths['text@4']}/weights.safetensors"
    store.write(path, store.read(path)[:-4])
    runner.cache.forget()
    result = runner.run(Segment(Kind.rlvr, "text", 1, Ref("text", 4), steps=2))
    assert result.outcome == "failed"
    assert result.error is not None
    assert result.error.kind == "CheckpointError"
    assert result.error.message.startswith("checkpoint attempts/1/text@4 is truncated")
    assert "Traceback" in result.error.traceback
    assert json.loads(store.read("runs/r/attempts/2/result.json"))["outcome"] == "failed"


class BrokenCache(PolicyCache):
    """Its domains pay rewards that are not numbers, from the third step on."""

    def domain(self, name: str, source: spec.Domain) -> Domain:
        domain = super().domain(name, source)
        calls = count()
        honest = domain.reward
        domain.reward = lambda prompt, completion: honest(prompt, completion) if next(calls) < 16 else Reward(math.nan, "broken")
        return domain


def test_a_loss_that_is_not_a_number_fails_and_takes_no_step(small: Build, store: Store) -> None:
    result = Runner(small(), store, BrokenCache()).run(TEXT)
    assert (result.outcome, result.step, result.checkpoints) == ("failed", 2, [])
    assert result.error is not None
    assert result.error.kind == "TrainingError"
    assert re.fullmatch(
        r"text: the loss of step 3 is nan \(rewards on text, prompts \d+, \d+\); the step was not taken; the last good checkpoint is "
        r"base@0",
        result.error.message,
    )


def test_a_missing_model_is_named(small: Build, store: Store) -> None:
    runner = Runner(small(model={"path": "/nowhere/model"}), store, PolicyCache())
    result = runner.run(TEXT)
    assert result.error is not None
    assert "/nowhere/model" in result.error.message


def test_export_of_the_base(runner: Runner, store: Store) -> None:
    result = runner.run(export_segment(Ref(BASE, 0), None))
    assert result.export == "attempts/1/export/base@0"
    assert {"model.safetensors", "config.json", "README.md", "tokenizer.json"} <= set(store.list(f"runs/r/{result.export}"))
