"""Whole runs: the invariants of the method, bit for bit, and runs that are interrupted."""

import functools
import json
import uuid
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from copd_engine.__main__ import main
from copd_engine.cache import PolicyCache
from copd_engine.events import Event, Points
from copd_engine.local import LocalRun
from copd_engine.noise import uniform
from copd_engine.plan import Segment
from copd_engine.policy import Policy
from copd_engine.spec import RunSpec, parse_spec
from copd_engine.store import Store, open_store

Build = Callable[..., RunSpec]
MINIATURE = Path(__file__).parents[1] / "miniature.yaml"


@pytest.fixture
def run(tmp_path: Path, coins: PolicyCache) -> Callable[..., LocalRun]:
    """Carries out a spec in a store of its own."""
    folders = count()

    def finish(spec: RunSpec, **options: Any) -> LocalRun:
        coins.forget()
        local = LocalRun(spec, open_store(str(tmp_path / str(next(folders)))), cache=coins, **options)
        ended = local.execute()
        assert ended is None, ended.error
        return local

    return finish


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory, coins: PolicyCache) -> Callable[[RunSpec], LocalRun]:
    """Carries out a spec that many tests compare with, once."""

    @functools.cache
    def finish(spec: str) -> LocalRun:
        coins.forget()
        local = LocalRun(parse_spec(json.loads(spec)), open_store(str(tmp_path_factory.mktemp("known"))), cache=coins)
        assert local.execute() is None
        return local

    return lambda spec: finish(spec.model_dump_json())


def digests(local: LocalRun) -> dict[str, str]:
    """Policy and step → digest, of every checkpoint made."""
    return {f"{c.policy}@{c.step}": c.digest for result in local.done.values() for c in result.checkpoints}


def lean(small: Build, **changes: Any) -> RunSpec:
    return small(**({"agreement": {"enabled": False}, "evaluation": {"prompts": 8, "samples": 0}} | changes))


# -- invariants of the method ------------------------------------------------------------------------------------------


def test_all_weights_zero_is_bitwise_the_independent_experts(
    run: Callable[..., LocalRun], known: Callable[[RunSpec], LocalRun], small: Build
) -> None:
    """Phase lengths, rounds and topology do not matter then: only the number of steps does."""
    spec = lean(small)
    muted = run(lean(small, w={s: {t: 0.0} for s, t in spec.edges() if s != "text"} | {"text": {"image": 0.0, "video": 0.0}}))
    alone = run(lean(small, method="experts", rounds=1, rlvr={"steps": 8, "prompts": 2, "group": 4}))
    ends = [f"{name}@8" for name in ("text", "image", "video", "merged")]
    assert [digests(muted)[end] for end in ends] == [digests(alone)[end] for end in ends]
    taught = known(spec)
    assert digests(taught)["text@8"] != digests(alone)["text@8"]


def test_one_expert_is_plain_grpo(run: Callable[..., LocalRun], small: Build) -> None:
    one = {"experts": {"text": {"domain": "text"}}, "rlvr": {"steps": 2, "prompts": 2, "group": 4}}
    copd, grpo = run(lean(small, **one)), run(lean(small, method="experts", **one))
    assert copd.merged_digest == grpo.merged_digest == digests(grpo)["text@4"]


def test_how_many_are_decoded_together_changes_no_weight(
    run: Callable[..., LocalRun], known: Callable[[RunSpec], LocalRun], small: Build
) -> None:
    one = {"method": "experts", "experts": {"text": {"domain": "text"}}, "rounds": 1}
    assert digests(run(lean(small, **one, sampling={"batch": 3}))) == digests(known(lean(small, **one)))
    assert digests(run(lean(small, **one, sampling={"top_k": 2}))) != digests(known(lean(small, **one)))


def test_hub_and_spoke_of_two_is_mutual(run: Callable[..., LocalRun], small: Build) -> None:
    two = {n: {"domain": n} for n in ("text", "image")}
    hub = run(lean(small, experts=two))
    full = run(lean(small, experts=two, opd={"steps": 2, "topology": "full"}))
    assert digests(hub) == digests(full)


@pytest.mark.parametrize(("method", "product"), [("mixed_rlvr", "mixed@4"), ("static_opd", "text@8"), ("mopd", "student@4"), ("opd", None)])
def test_every_method_runs_to_its_product(run: Callable[..., LocalRun], small: Build, mini: Path, method: str, product: str | None) -> None:
    teachers = {"big": {"path": str(mini), "domain": "image"}} if method == "opd" else {}
    done = run(small(method=method, teachers=teachers))
    assert done.export
    if product is not None:  # a merge of one policy is that policy
        assert done.merged_digest == digests(done)[product]


def test_one_domain_mixed_is_one_expert(run: Callable[..., LocalRun], small: Build) -> None:
    """Only the policy's name differs, and with it the draws: the same prompts, steps and rollouts are spent."""
    one = {"experts": {"text": {"domain": "text"}}}
    mixed, alone = run(lean(small, method="mixed_rlvr", **one)), run(lean(small, method="experts", **one))
    assert mixed.spent["mixed", "rollouts"] == alone.spent["text", "rollouts"]
    assert [s.kind for s in mixed.segments] == [s.kind for s in alone.segments]


def test_a_teacher_equal_to_its_student_teaches_nothing(run: Callable[..., LocalRun], small: Build, mini: Path) -> None:
    same = {"same": {"path": str(mini), "domain": "text"}}
    done = run(lean(small, method="opd", teachers=same, optimizer={"lr": 1e-3, "weight_decay": 0.0}))
    assert done.merged_digest == Policy.load(str(mini)).digest()


@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**31))
def test_the_order_in_which_experts_run_changes_nothing(
    run: Callable[..., LocalRun], known: Callable[[RunSpec], LocalRun], small: Build, shuffle: int
) -> None:
    spec = lean(small, rounds=1)

    def order(segment: Segment) -> float:
        return float(uniform(("order", segment.key), shuffle))

    assert digests(run(spec, order=order)) == digests(known(spec))


def test_measuring_and_evaluating_change_no_bit(run: Callable[..., LocalRun], known: Callable[[RunSpec], LocalRun], small: Build) -> None:
    watched = run(small(evaluation={"prompts": 16, "temperature": 1.0}))
    assert digests(watched) == digests(known(lean(small)))


def test_teachers_are_live_or_frozen_by_sync_every(run: Callable[..., LocalRun], small: Build) -> None:
    """One part for the whole phase is the frozen teacher; parts of one step are the live one, and differ from it."""
    live, frozen = (run(lean(small, rounds=1, opd={"steps": 3, "sync_every": n})) for n in (1, 3))
    also_frozen = run(lean(small, rounds=1, opd={"steps": 3, "sync_every": 9}))
    assert {"text@3", "text@4", "text@5"} <= digests(live).keys()
    assert "text@3" not in digests(frozen)
    assert live.merged_digest != frozen.merged_digest
    assert also_frozen.merged_digest == frozen.merged_digest


def test_checkpoints_on_the_way_change_no_bit(run: Callable[..., LocalRun], known: Callable[[RunSpec], LocalRun], small: Build) -> None:
    assert known(lean(small)).merged_digest == run(lean(small, checkpoint={"every": 1})).merged_digest


def test_an_object_store_holds_the_same_run(known: Callable[[RunSpec], LocalRun], small: Build, coins: PolicyCache, bucket: str) -> None:
    spec = lean(small, rounds=1)
    remote = LocalRun(spec, open_store(f"{bucket}/{uuid.uuid4().hex}"), cache=coins)
    assert remote.execute() is None
    assert digests(remote) == digests(known(spec))


@pytest.mark.parametrize("changes", [{"compute": {"micro_batch": 3}}, {"model": {"dtype": "bfloat16"}}])
def test_micro_batches_and_bfloat16_train_and_repeat(
    run: Callable[..., LocalRun], known: Callable[[RunSpec], LocalRun], small: Build, mini: Path, changes: dict[str, Any]
) -> None:
    if "model" in changes:
        changes = {"model": {"path": str(mini), **changes["model"]}}
    first, second = (run(small(rounds=1, **changes)) for _ in range(2))
    assert digests(first) == digests(second)
    assert digests(first)["text@4"] != digests(known(lean(small, rounds=1)))["text@4"]


def test_another_seed_is_another_run(run: Callable[..., LocalRun], known: Callable[[RunSpec], LocalRun], small: Build) -> None:
    assert known(lean(small, rounds=1)).merged_digest != run(lean(small, rounds=1, seed=1)).merged_digest


# -- interruptions -----------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the engine catches it, and no result is written."""


@pytest.mark.parametrize("every", [0, 1])
@pytest.mark.parametrize("sync_every", [1, 2])
def test_paused_killed_and_retried_ends_with_the_same_bits(
    known: Callable[[RunSpec], LocalRun], small: Build, store: Store, coins: PolicyCache, every: int, sync_every: int
) -> None:
    spec = lean(small, opd={"steps": 2, "sync_every": sync_every}, checkpoint={"every": every})
    undisturbed = known(lean(small, opd={"steps": 2, "sync_every": sync_every}))  # checkpoints on the way change no bit
    points: list[Points] = []
    for interruption in range(6):
        coins.forget()  # a new process
        local = LocalRun(spec, store, cache=coins)
        asked = count()

        def emit(event: Event, kill_after: int = 3 + interruption, seen: Iterable[int] = count(1)) -> None:
            if isinstance(event, Points) and event.policy in spec.experts:
                points.append(event)
                if kill_after % 2 and next(iter(seen)) == kill_after:
                    raise Killed

        local.emit = emit
        if interruption % 2:
            ended = local.execute(lambda asked=asked, after=10 + interruption: next(asked) >= after)
            assert ended is not None
            assert ended.outcome == "stopped"
        else:
            with pytest.raises(Killed):
                local.execute()
    coins.forget()
    last = LocalRun(spec, store, cache=coins)
    assert last.execute() is None
    assert last.merged_digest == undisturbed.merged_digest


def test_a_finished_run_does_nothing_more(small: Build, store: Store, coins: PolicyCache) -> None:
    spec = lean(small, rounds=1)
    first = LocalRun(spec, store, cache=coins)
    assert first.execute() is None
    again = LocalRun(spec, store, lambda _: pytest.fail("nothing is left to do"), cache=coins)
    assert again.execute() is None
    assert (again.merged_digest, again.export, again.spent) == (first.merged_digest, first.export, first.spent)


def test_only_checkpoints_that_may_be_read_again_are_kept(small: Build, store: Store, coins: PolicyCache) -> None:
    local = LocalRun(lean(small, opd={"steps": 2, "sync_every": 1}), store, cache=coins)
    assert local.execute() is None
    folder = store.below(f"runs/{local.id}/attempts")
    left = sorted(name for attempt in folder.list() for name in folder.list(attempt) if "@" in name)
    assert left == ["image@8", "merged@4", "merged@8", "text@8", "video@8"]


# -- the command line --------------------------------------------------------------------------------------------------


def command(tmp_path: Path, mini: Path, *more: str) -> list[str]:
    return ["run", str(MINIATURE), "--out", str(tmp_path / "out"), "--set", f"model.path={mini}", *more]


def test_the_command_runs_the_miniature_on_real_inputs(tmp_path: Path, mini: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command(tmp_path, mini, "--json")) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["capability"].keys() == {"base", "text", "image", "video", "merged"}
    assert all(row.keys() == {"text", "image", "video"} for row in result["capability"].values())
    assert result["budget"]["text"] == {"optimizer_steps": 10, "rollouts": 56, "tokens": result["budget"]["text"]["tokens"]}
    assert (tmp_path / "out" / result["export"] / "model.safetensors").is_file()
    assert main(command(tmp_path, mini)) == 0  # goes on from what is done: all of it
    assert result["merged_digest"][:16] in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("rounds=0", "rounds: "),
        ("optimizer.lr=2e0", "optimizer.lr: "),
        ("speed=1", "speed: unknown field"),
        ("rounds", "FIELD=VALUE"),
        ("model.path=/nowhere", "/nowhere"),
    ],
)
def test_a_wrong_spec_is_refused_with_its_field(
    tmp_path: Path, mini: Path, capsys: pytest.CaptureFixture[str], change: str, says: str
) -> None:
    assert main(command(tmp_path, mini, "--set", change)) == 2
    assert says in capsys.readouterr().err


def test_a_missing_file_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "/nowhere.yaml"]) == 2
    assert "/nowhere.yaml" in capsys.readouterr().err
