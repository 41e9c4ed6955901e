"""Which checkpoints stay and why, pins, sweeps, and a sweep that is killed anywhere."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from copd_engine.plan import TRAINING, Kind, Ref, Segment, plan
from copd_engine.spec import Keep
from server.retention import Held, Reason, reasons
from tests.server.api import RUNS
from tests.server.simulation import Killed, World, small_spec

AT_WORK = ("w1", "w2")
SEGMENTS = plan(small_spec())
ROUND_ENDS = [(policy, step) for policy in ("image", "merged", "video") for step in (5, 10)]
FRUGAL = Keep(round_ends=False, best=False)


def held(*texts: str) -> list[Held]:
    """`image@3#1`: the checkpoint that attempt 1 made."""
    return [Held(Ref.parse(ref), int(attempt)) for ref, _, attempt in (text.partition("#") for text in texts)]


def gone(found: dict[Held, list[Reason]]) -> list[str]:
    return [f"{item.ref}#{item.attempt}" for item, why in found.items() if not why]


def done_up_to(count: int) -> set[str]:
    return {segment.key for segment in SEGMENTS[:count]}


def test_what_is_still_to_be_read_stays() -> None:
    there = held("image@3#1", "video@3#2", "image@4#3", "video@4#4")
    assert gone(reasons(there, SEGMENTS, {"rlvr.image@0", "rlvr.video@0"}, FRUGAL)) == []
    done = {"rlvr.image@0", "rlvr.video@0", "opd.image@3", "opd.video@3"}
    assert gone(reasons(there, SEGMENTS, done, FRUGAL)) == ["image@3#1", "video@3#2"]


def test_round_ends_and_merged_models_stay() -> None:
    there = [Held(Ref(*each), 1) for each in ROUND_ENDS]
    assert gone(reasons(there, SEGMENTS, done_up_to(len(SEGMENTS)), Keep())) == []
    frugal = reasons(there, SEGMENTS, done_up_to(len(SEGMENTS)), FRUGAL)
    assert gone(frugal) == ["image@5#1", "merged@5#1", "video@5#1"]
    assert frugal[Held(Ref("merged", 10), 1)] == [Reason.newest_round, Reason.last]


def test_the_last_ones_of_a_policy_stay() -> None:
    there = held("image@1#1", "image@2#2", "video@2#3")
    assert gone(reasons(there, SEGMENTS, set(), Keep())) == ["image@1#1"]
    assert gone(reasons(there, SEGMENTS, set(), Keep(last=2))) == []


def test_of_one_step_only_the_newest_attempts_stays_even_when_it_is_pinned() -> None:
    there = held("image@5#1", "image@5#4")
    assert gone(reasons(there, SEGMENTS, set(), Keep(), pinned={Ref("image", 5)})) == ["image@5#1"]


def test_the_best_and_the_pinned_stay() -> None:
    there = held("image@1#1", "image@2#2", "image@3#3", "image@4#4")
    scores = {Ref("image", 1): 0.5, Ref("image", 2): 0.9, Ref("image", 3): 0.9}
    found = reasons(there, SEGMENTS, done_up_to(len(SEGMENTS)), Keep(), pinned={Ref("image", 1)}, scores=scores)
    assert gone(found) == ["image@3#3"]
    assert [found[item] for item in there[:2]] == [[Reason.pinned], [Reason.best]]


def test_what_may_turn_out_to_be_the_best_stays() -> None:
    """Its evaluation is done, and the recorder has not stored it yet."""
    there = held("merged@5#1", "merged@10#2")
    keep, done = Keep(round_ends=False), done_up_to(len(SEGMENTS))
    found = reasons(there, SEGMENTS, done, keep, scores={Ref("merged", 10): 0.5})
    assert found[there[0]] == [Reason.being_evaluated]
    assert Reason.best in found[there[1]]
    assert gone(reasons(there, SEGMENTS, done, keep, scores={Ref("merged", 5): 0.4, Ref("merged", 10): 0.5})) == ["merged@5#1"]


@given(
    count=st.integers(0, len(SEGMENTS)),
    last=st.integers(1, 3),
    flags=st.tuples(st.booleans(), st.booleans()),
    inner=st.sets(st.tuples(st.sampled_from(["image", "video"]), st.integers(1, 9))),
)
def test_a_sweep_never_takes_what_the_rest_of_the_plan_reads(
    count: int, last: int, flags: tuple[bool, bool], inner: set[tuple[str, int]]
) -> None:
    """Whatever the policy, at any moment of the plan: every checkpoint that an unfinished segment can start from is there."""
    done = done_up_to(count)
    made = {segment.end for segment in SEGMENTS[:count] if segment.kind in TRAINING | {Kind.merge}}
    there = [Held(ref, 1) for ref in sorted(made | {Ref(*each) for each in inner})]
    found = reasons(there, SEGMENTS, done, Keep(last=last, round_ends=flags[0], best=flags[1]))
    kept = {item.ref for item, why in found.items() if why}
    for segment in SEGMENTS[count:]:
        assert made & reads(segment) <= kept
    assert all(max((item.ref for item in there if item.ref.policy == name), default=None) in {*kept, None} for name in ("image", "video"))


def reads(segment: Segment) -> set[Ref]:
    return {segment.start, *segment.teachers}


class TestSweep:
    pytestmark = pytest.mark.integration

    def finished(self, world: World, **checkpoint: object) -> str:
        run = world.submit(small_spec(checkpoint={"every": 2, **checkpoint}))
        world.complete(run, AT_WORK)
        for _ in range(3):
            world.tick()
        return run

    def listed(self, world: World, run: str) -> list[tuple[str, int]]:
        return [(c.policy, c.step) for c in world.checkpoints(run) if c.deleted_at is None]

    def on_disk(self, world: World, run: str) -> list[tuple[str, int]]:
        folders = {path.parent.name for path in (world.backend.store / "runs" / run).rglob("manifest.json")}
        return sorted(Ref.parse(name) for name in folders if not name.startswith("."))

    def test_by_default_round_ends_are_kept(self, world: World) -> None:
        run = self.finished(world)
        assert self.listed(world, run) == self.on_disk(world, run) == ROUND_ENDS
        assert all((c.deleted_at is None) == (c.gone_at is None) for c in world.checkpoints(run))

    def test_the_spec_may_ask_for_less(self, world: World) -> None:
        run = self.finished(world, keep={"round_ends": False, "best": False})
        assert self.listed(world, run) == self.on_disk(world, run) == [("image", 10), ("merged", 10), ("video", 10)]

    def test_a_dry_run_says_what_a_sweep_then_does(self, world: World, api: TestClient) -> None:
        run = self.finished(world)
        api.patch(f"{RUNS}/{run}/checkpoints/image/5", json={"pinned": True})
        wanted = {"round_ends": False, "best": False}
        dry = api.post(f"{RUNS}/{run}/checkpoints/sweep?dry_run=true", json=wanted).json()
        assert [(c["policy"], c["step"]) for c in dry["removed"]] == [("merged", 5), ("video", 5)]
        assert (dry["removed_bytes"], dry["kept_bytes"]) == (2, 4)
        assert {f"{c['policy']}@{c['step']}": c["reasons"] for c in dry["kept"]} == {
            "image@5": ["pinned"], "image@10": ["newest round", "last"],
            "merged@10": ["newest round", "last"], "video@10": ["newest round", "last"],
        }  # fmt: skip
        assert self.on_disk(world, run) == ROUND_ENDS
        swept = api.post(f"{RUNS}/{run}/checkpoints/sweep", json=wanted).json()
        assert swept == {**dry, "dry_run": False}
        world.tick()
        assert self.on_disk(world, run) == self.listed(world, run) == [("image", 5), ("image", 10), ("merged", 10), ("video", 10)]
        assert "swept 2 checkpoints" in world.lines(run)

    def test_the_list_says_why_each_stays_and_which_round_made_it(self, world: World, api: TestClient) -> None:
        run = self.finished(world)
        answer = api.get(f"{RUNS}/{run}/checkpoints").json()
        found = {f"{c['policy']}@{c['step']}": (c["round"], c["ends_round"], c["reasons"]) for c in answer["checkpoints"]}
        newest, first = ["newest round", "last", "round end"], ["round end"]
        assert {name: (round_, ends) for name, (round_, ends, _) in found.items()} == {
            name: (1 if name.endswith("@5") else 2, True) for name in found
        }
        assert {f"{policy}@{step}" for policy, step in ROUND_ENDS} == found.keys()
        assert all(set(first if round_ == 1 else newest) <= set(why) for round_, _, why in found.values())
        assert answer["whole_rounds"] == 2

    def test_a_pin_is_set_and_let_go_by_name(self, world: World, api: TestClient) -> None:
        run = self.finished(world)
        path = f"{RUNS}/{run}/checkpoints/image/5"
        assert [api.patch(path, json={"pinned": True}).json()["pinned_by"] for _ in range(2)] == ["ann", "ann"]
        assert [c["pinned_by"] for c in api.get(f"{RUNS}/{run}/checkpoints").json()["checkpoints"]].count("ann") == 1
        assert api.patch(path, json={"pinned": False}).json()["pinned_by"] is None
        assert world.lines(run)[-2:] == ["pinned image at step 5", "unpinned image at step 5"]
        missing = api.patch(f"{RUNS}/{run}/checkpoints/image/4", json={"pinned": True})
        assert (missing.status_code, missing.json()["detail"]) == (404, "the run holds no checkpoint image@4")

    def test_killed_anywhere_nothing_half_removed_is_listed(self, world: World, api: TestClient) -> None:
        """At one statement of the scheduler after the other; whoever comes next goes on."""
        run = self.finished(world)
        api.post(f"{RUNS}/{run}/checkpoints/sweep", json={"round_ends": False, "best": False})
        for statement in range(4, 30, 2):
            world.kill_at(statement)
            world.tick_or_die()
            assert set(self.listed(world, run)) <= set(self.on_disk(world, run))
        world.restart()
        world.tick()
        assert self.listed(world, run) == self.on_disk(world, run) == [("image", 10), ("merged", 10), ("video", 10)]

    def test_killed_between_two_files_the_rest_goes_too(self, world: World, api: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
        run = self.finished(world)
        before = sum(1 for path in world.backend.store.rglob("*") if path.is_dir())
        api.post(f"{RUNS}/{run}/checkpoints/sweep", json={"round_ends": False, "best": False})

        def killed(_: object) -> None:
            raise Killed

        with monkeypatch.context() as patch:
            patch.setattr("copd_engine.store.shutil.rmtree", killed)
            with pytest.raises(Killed):
                world.tick()
        assert set(self.listed(world, run)) <= set(self.on_disk(world, run))
        world.restart()
        world.tick()
        assert sum(1 for path in world.backend.store.rglob("*") if path.is_dir()) == before - 3

    def test_a_backup_that_copies_the_store_is_waited_for(self, world: World, api: TestClient) -> None:
        from client.stack.backup import RETENTION_LOCK

        run = self.finished(world)
        api.post(f"{RUNS}/{run}/checkpoints/sweep", json={"round_ends": False, "best": False})
        with world.backend.engine.connect() as copying:
            copying.exec_driver_sql(f"SELECT pg_advisory_lock({RETENTION_LOCK})")
            world.tick()
            assert self.on_disk(world, run) == ROUND_ENDS
            copying.exec_driver_sql(f"SELECT pg_advisory_unlock({RETENTION_LOCK})")
        world.tick()
        assert self.on_disk(world, run) == [("image", 10), ("merged", 10), ("video", 10)]
