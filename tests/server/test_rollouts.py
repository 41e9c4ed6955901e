"""Kept rollouts from the stream to the API: recorded once, found by filter, read token by token, and a prompt followed through training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from copd_engine.events import Event, Rollout, RolloutPart, Sample
from copd_engine.kept import Group, KeptCompletion, KeptToken, TeacherToken, pack, told
from server.db.models import Attempt, RolloutRow
from server.queries.rollouts import spread
from server.recorder.batch import MAX_STEP, Batch
from server.recorder.writer import Known, write
from tests.server.api import RUNS, submit
from tests.server.backend import Backend

pytestmark = pytest.mark.integration
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def group(policy: str, step: int, rewards: Sequence[float], *, gap: float | None = None, **changes: Any) -> Group:
    teachers = {} if gap is None else {"image": TeacherToken(log_prob=gap - 0.5, gap=gap)}
    tokens = [KeptToken(text="yes", name="yes", log_prob=-0.5, entropy=0.25, teachers=teachers)]
    completions = [
        KeptCompletion(text="yes", reward=each, reason=f"gets {each}", finished=True, length=1, tokens=tokens) for each in rewards
    ]
    fields: dict[str, Any] = {"part": "native", "domain": "text", "index": step, "prompt": f"prompt of {step}", "answer": "42"}
    fields |= {"policy": policy, "step": step, "temperature": 1.0, "rewards": list(rewards), "completions": completions}
    return Group.model_validate({**fields, **changes})


class Recorded:
    """A run of which attempts tell what they keep."""

    def __init__(self, backend: Backend, run: str) -> None:
        self.backend, self.run = backend, run

    def attempt(self) -> int:
        with self.backend.sessions.begin() as db:
            attempt = Attempt(run_id=self.run, segment_key="rlvr.text@0", worker="w1", state="running", start_step=0)
            db.add(attempt)
            db.flush()
            return attempt.id

    def keep(self, attempt: int, *groups: Group) -> list[Rollout]:
        """Writes the file, and records what is said of it."""
        path = f"attempts/{attempt}/rollouts/{groups[0].policy}@{groups[0].step}.json.z"
        target = self.backend.store / "runs" / self.run / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(pack(groups))
        events = [told(each, path, place) for place, each in enumerate(groups)]
        self.tell(attempt, *events)
        return events

    def tell(self, attempt: int, *events: Event) -> Batch:
        batch = Batch()
        for seq, event in enumerate(events, start=1):
            batch.add(attempt, event.model_copy(update={"seq": seq}), NOW)
        with self.backend.sessions.begin() as db:
            write(db, self.run, batch, Known())
        return batch


@pytest.fixture
def recorded(api: TestClient, backend: Backend) -> Recorded:
    return Recorded(backend, submit(api))


def listed(api: TestClient, run: str, **parameters: Any) -> list[tuple[str, int]]:
    """Policy and step of each, over all pages."""
    found, after = [], None
    while True:
        page = api.get(f"{RUNS}/{run}/rollouts", params={**parameters, "limit": 2, **({"after": after} if after else {})})
        assert page.status_code == 200, page.text
        found += [(each["policy"], each["step"]) for each in page.json()["rollouts"]]
        if (after := page.json()["next"]) is None:
            assert page.json()["total"] == len(found)
            return found


def test_they_are_found_by_what_they_are_and_the_worst_first(api: TestClient, recorded: Recorded) -> None:
    attempt = recorded.attempt()
    recorded.keep(attempt, group("text", 1, [0.5, 0.5]), group("text", 1, [0.25], gap=-2.0, part="cross", peer="image", domain="image"))
    recorded.keep(attempt, group("text", 10, [1.0, 0.0, 1.0]))
    recorded.keep(attempt, group("image", 10, [1.0], gap=0.5, part="heldout"))
    recorded.keep(attempt, group("image", 20, [0.25]))
    run = recorded.run
    assert listed(api, run) == [("image", 20), ("text", 10), ("image", 10), ("text", 1), ("text", 1)]
    assert listed(api, run, sort="oldest") == [("text", 1), ("text", 1), ("text", 10), ("image", 10), ("image", 20)]
    assert listed(api, run, sort="worst") == [("image", 20), ("text", 1), ("text", 1), ("text", 10), ("image", 10)]
    assert listed(api, run, sort="best") == [("image", 10), ("text", 10), ("text", 1), ("image", 20), ("text", 1)]
    assert listed(api, run, sort="gap") == [("text", 1), ("image", 10)]
    assert listed(api, run, policy="image") == [("image", 20), ("image", 10)]
    assert listed(api, run, part=["cross", "heldout"]) == [("image", 10), ("text", 1)]
    assert listed(api, run, domain="image") == [("text", 1)]
    assert listed(api, run, first_step=2, last_step=10) == [("text", 10), ("image", 10)]
    assert listed(api, run, reward_min=0.5, reward_max=0.7, sort="worst") == [("text", 1), ("text", 10)]
    assert listed(api, run, policy="video") == []


def test_the_first_page_says_how_many_share_the_first_place(api: TestClient, recorded: Recorded) -> None:
    attempt = recorded.attempt()
    rewards = ([0.0, 0.0], [0.0, 0.0], [0.0], [1.0, 0.0], [1.0, 1.0])
    recorded.keep(attempt, *(group("text", 1, each, index=index) for index, each in enumerate(rewards)))
    url = f"{RUNS}/{recorded.run}/rollouts"

    def tied(**parameters: Any) -> int | None:
        return api.get(url, params=parameters).json()["tied"]

    assert [tied(sort=sort) for sort in ("worst", "best")] == [2, 1]
    assert tied(sort="worst", reward_min=0.5) == 1
    assert tied(domain="nothing") is None
    assert tied(sort="worst", after=api.get(url, params={"sort": "worst", "limit": 1}).json()["next"]) is None


def test_of_equal_rewards_that_of_the_most_answers_comes_first_and_then_that_of_the_highest_step(
    api: TestClient, recorded: Recorded
) -> None:
    attempt = recorded.attempt()
    recorded.keep(attempt, group("text", 2, [0.0] * 8), group("text", 1, [0.0] * 8), group("text", 3, [0.0]), group("text", 4, [0.0, 0.5]))
    assert [step for _, step in listed(api, recorded.run, sort="worst")] == [2, 1, 3, 4]
    assert [step for _, step in listed(api, recorded.run, sort="best")] == [4, 2, 1, 3]


@pytest.mark.parametrize("sort", ["newest", "oldest", "worst", "best"])
def test_equal_rewards_lose_none_between_pages(api: TestClient, recorded: Recorded, sort: str) -> None:
    attempt = recorded.attempt()
    groups = [group("text", 10, [1 / 3, 1 / 3, 1 / 3], index=index) for index in range(7)]
    recorded.keep(attempt, *groups)
    with recorded.backend.sessions() as db:
        assert len(set(db.scalars(select(RolloutRow.reward_mean)))) == 1
    assert len(listed(api, recorded.run, sort=sort)) == 7


def test_a_step_that_is_repeated_doubles_nothing_and_keeps_its_address(api: TestClient, recorded: Recorded) -> None:
    first, second = recorded.attempt(), recorded.attempt()
    recorded.keep(first, group("text", 10, [0.0]))
    [before] = api.get(f"{RUNS}/{recorded.run}/rollouts").json()["rollouts"]
    events = recorded.keep(second, group("text", 10, [1.0]))
    recorded.tell(second, *events)
    recorded.keep(first, group("text", 10, [0.5]))  # what a lost one still says
    [after] = api.get(f"{RUNS}/{recorded.run}/rollouts").json()["rollouts"]
    assert (after["id"], after["reward_mean"]) == (before["id"], 1.0)
    whole = api.get(f"{RUNS}/{recorded.run}/rollouts/{after['id']}").json()
    assert (whole["attempt"], whole["rewards"]) == (second, [1.0])


def test_one_is_read_token_by_token_beside_what_others_said(api: TestClient, recorded: Recorded) -> None:
    attempt, same = recorded.attempt(), {"part": "heldout", "domain": "image", "index": 2, "media": ["media/a.png"]}
    recorded.keep(attempt, group("text", 10, [0.0], gap=-1.25, prompt="p" * 900, **same))
    recorded.keep(attempt, group("image", 10, [1.0], gap=0.5, **same))
    recorded.keep(attempt, group("image", 20, [1.0], gap=0.5, **same))
    found = api.get(f"{RUNS}/{recorded.run}/rollouts", params={"policy": "text"}).json()["rollouts"][0]
    assert len(found["prompt"]) == 400
    whole = api.get(f"{RUNS}/{recorded.run}/rollouts/{found['id']}").json()
    assert (whole["prompt"], whole["answer"], whole["temperature"]) == ("p" * 900, "42", 1.0)
    assert whole["media"] == [f"/api/v1/runs/{recorded.run}/media/a.png"]
    [completion] = whole["completions"]
    assert (completion["reason"], completion["tokens"][0]["teachers"]["image"]["gap"]) == ("gets 0.0", -1.25)
    assert [(each["policy"], each["step"]) for each in whole["beside"]] == [("image", 10)]


def test_what_is_gone_is_said(api: TestClient, recorded: Recorded) -> None:
    attempt = recorded.attempt()
    recorded.keep(attempt, group("text", 10, [0.0]))
    [found] = api.get(f"{RUNS}/{recorded.run}/rollouts").json()["rollouts"]
    path = f"{RUNS}/{recorded.run}/rollouts/{found['id']}"
    file = recorded.backend.store / "runs" / recorded.run / f"attempts/{attempt}/rollouts/text@10.json.z"
    for damage in (lambda: file.write_bytes(file.read_bytes()[:-4]), lambda: file.write_bytes(pack([])), file.unlink):
        damage()
        answer = api.get(path)
        assert (answer.status_code, answer.json()["detail"]) == (404, f"the file of rollout {found['id']} cannot be read any more")
    assert api.get(f"{RUNS}/{recorded.run}/rollouts/{found['id'] + 1}").json()["detail"] == f"this run has no rollout {found['id'] + 1}"
    assert api.get(f"{RUNS}/{submit(api)}/rollouts/{found['id']}").status_code == 404, "of another run"


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({"after": "1e300,1,1,1"}, 200),
        ({"after": "-5,9999999999,9999999999,99999999999999999"}, 200),
        ({"after": "1e300,1,1,1", "sort": "worst"}, 200),
        ({"after": "1e999,1,1,1", "sort": "gap"}, 200),
        ({"after": "nan,1,1,1"}, 422),
        ({"after": "1;DROP"}, 422),
        ({"policy": "a\x00b"}, 422),
        ({"part": "other"}, 422),
        ({"reward_min": "inf"}, 422),
        ({"first_step": 2**31}, 422),
        ({"limit": 201}, 422),
    ],
)
def test_whatever_is_asked_for_gets_a_sensible_answer(api: TestClient, recorded: Recorded, parameters: dict[str, Any], status: int) -> None:
    assert api.get(f"{RUNS}/{recorded.run}/rollouts", params=parameters).status_code == status


def test_what_no_column_holds_is_left_out_or_made_fit(recorded: Recorded, api: TestClient) -> None:
    attempt = recorded.attempt()
    fine = told(group("text", 10, [0.5]), "p", 0)
    recorded.tell(
        attempt,
        fine.model_copy(update={"step": MAX_STEP + 1}),
        fine.model_copy(update={"index": 2**31}),
        fine.model_copy(update={"reward_mean": math.nan, "gap": math.inf, "prompt": "a\x00b"}),
    )
    [found] = api.get(f"{RUNS}/{recorded.run}/rollouts").json()["rollouts"]
    assert (found["reward_mean"], found["gap"], found["prompt"]) == (0.0, None, "a\N{REPLACEMENT CHARACTER}b")


def test_many_are_recorded_at_once(recorded: Recorded, api: TestClient) -> None:
    attempt, one = recorded.attempt(), told(group("text", 10, [0.5]), "p", 0)
    batch = recorded.tell(attempt, *(one.model_copy(update={"index": index}) for index in range(4_000)))
    assert batch.changed() == ["rollouts"]
    assert api.get(f"{RUNS}/{recorded.run}/rollouts").json()["total"] == 4_000


def sample(policy: str, step: int, completion: str, reward: float) -> Sample:
    return Sample(
        policy=policy, step=step, domain="image", index=0, prompt="4+5=", answer="9", completion=completion, reward=reward,
        reason="correct" if reward else "expected '9'", media=["media/a.png"],
    )  # fmt: skip


def test_a_held_out_prompt_is_followed_through_training(api: TestClient, recorded: Recorded) -> None:
    attempt, kept = recorded.attempt(), group("text", 5, [0.0], part="heldout", domain="image", index=0)
    recorded.keep(attempt, kept)
    recorded.tell(recorded.attempt(), *(sample(*each) for each in (("base", 0, "7", 0.0), ("text", 5, "8", 0.0), ("text", 10, "9", 1.0))))
    [row] = api.get(f"{RUNS}/{recorded.run}/rollouts").json()["rollouts"]
    history = api.get(f"{RUNS}/{recorded.run}/probes/history", params={"domain": "image", "index": 0}).json()
    assert (history["prompt"], history["answer"], history["steps"], history["total_steps"]) == ("4+5=", "9", [0, 5, 10], 3)
    assert [(a["policy"], a["step"], a["completion"], a["reward"], a["rollout"]) for a in history["answers"]] == [
        ("base", 0, "7", 0.0, None), ("text", 5, "8", 0.0, row["id"]), ("text", 10, "9", 1.0, None),
    ]  # fmt: skip
    few = api.get(f"{RUNS}/{recorded.run}/probes/history", params={"domain": "image", "index": 0, "limit": 2}).json()
    assert (few["steps"], few["total_steps"]) == ([0, 10], 3)
    missing = api.get(f"{RUNS}/{recorded.run}/probes/history", params={"domain": "image", "index": 1})
    assert (missing.status_code, missing.json()["detail"]) == (404, "no answer to held-out prompt 1 of image was kept")


@given(st.lists(st.integers(0, 10_000), min_size=1, unique=True).map(sorted), st.integers(2, 50))
def test_of_many_steps_the_first_and_the_last_are_shown(steps: list[int], limit: int) -> None:
    shown = spread(steps, limit)
    assert shown == sorted(set(shown))
    assert len(shown) == min(len(steps), limit)
    assert (shown[0], shown[-1]) == (steps[0], steps[-1])


PARTS: tuple[RolloutPart, ...] = ("native", "cross", "heldout")


@pytest.mark.parametrize("part", PARTS)
def test_the_file_of_each_part_is_read(api: TestClient, recorded: Recorded, part: RolloutPart) -> None:
    recorded.keep(recorded.attempt(), group("text", 10, [0.0, 1.0], part=part))
    [found] = api.get(f"{RUNS}/{recorded.run}/rollouts", params={"part": part}).json()["rollouts"]
    assert api.get(f"{RUNS}/{recorded.run}/rollouts/{found['id']}").json()["part"] == part
