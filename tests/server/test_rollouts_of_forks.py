"""A fork has the rollouts of the rounds it keeps as its own, and they outlive the run they come from."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from server.commands import Fork, fork
from server.db.models import RolloutRow, Run
from tests.server.api import RUNS
from tests.server.simulation import World
from tests.server.test_rollouts import Recorded, group

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
AT_WORK = ("w1",)


def test_a_fork_keeps_them_up_to_its_round_and_no_file_is_shared(world: World, api: TestClient) -> None:
    run = world.submit()
    world.complete(run, ["w1"])
    recorded = Recorded(world.backend, run)
    attempt = world.attempts(run)[0].id
    image = world.backend.store / "runs" / run / "media" / "a.png"
    image.parent.mkdir()
    image.write_bytes(b"picture")
    recorded.keep(attempt, group("image", 3, [0.5], media=["media/a.png"]), group("image", 3, [1.0], part="cross", peer="text"))
    recorded.keep(attempt, group("image", 8, [0.0]))  # of the second round
    with world.backend.sessions() as session:
        child = fork(session, world.store, run, Fork(1, {}), "bob")
    assert api.delete(f"{RUNS}/{run}").status_code == 200
    world.tick()
    assert not (world.backend.store / "runs" / run).exists()
    page = api.get(f"{RUNS}/{child}/rollouts").json()
    kept = {each["part"]: each for each in page["rollouts"]}
    assert {(each["policy"], each["step"]) for each in page["rollouts"]} == {("image", 3)}
    assert kept.keys() == {"native", "cross"}
    for each in page["rollouts"]:
        assert api.get(f"{RUNS}/{child}/rollouts/{each['id']}").json()["rewards"] == [each["reward_mean"]]
    assert api.get(kept["native"]["media"][0]).content == b"picture"
    assert not (world.backend.store / "runs" / child / f"attempts/{attempt}/rollouts/image@8.json.z").exists()
    with world.backend.sessions() as session:
        assert set(session.scalars(select(RolloutRow.run_id))) == {child}
        assert session.get(Run, run) is None


def test_a_file_that_is_gone_does_not_stop_a_fork(world: World, api: TestClient) -> None:
    run = world.submit()
    world.complete(run, ["w1"])
    recorded, attempt = Recorded(world.backend, run), world.attempts(run)[0].id
    recorded.keep(attempt, group("image", 3, [0.5]))
    (world.backend.store / "runs" / run / f"attempts/{attempt}/rollouts/image@3.json.z").unlink()
    with world.backend.sessions() as session:
        child = fork(session, world.store, run, Fork(1, {}), "bob")
    [found] = api.get(f"{RUNS}/{child}/rollouts").json()["rollouts"]
    assert "cannot be read any more" in api.get(f"{RUNS}/{child}/rollouts/{found['id']}").json()["detail"]
