from itertools import pairwise

import pytest

from copd_engine.plan import Kind
from server.outlook import Ahead, Outlook, Work, eta_seconds, expected_effect, in_about
from server.queries.work import expected_lanes
from server.states import RunState

PHASES = [Ahead("image", Kind.rlvr, 10, is_running=True, step=27), Ahead("image", Kind.opd, 4, is_running=False, step=37)]
WORK = {Kind.rlvr: Work(10, 5, 10.0)}


def outlook(*ahead: Ahead, lanes: float = 1, may_teach: bool = False, work: dict[Kind, Work] = WORK) -> Outlook:
    return Outlook(ahead, work, lanes, may_teach)


def test_no_estimate_before_a_training_step_was_timed() -> None:
    work = {Kind.rlvr: Work(remaining=10), Kind.evaluate: Work(remaining=3, done=1, seconds=5)}
    assert eta_seconds(work, lanes=2) is None


def test_the_rest_is_divided_among_the_workers() -> None:
    work = {Kind.rlvr: Work(10, 5, 10.0), Kind.opd: Work(4, 2, 12.0), Kind.merge: Work(1)}
    assert eta_seconds(work, lanes=2) == (10 * 2.0 + 4 * 6.0) / 2


def test_a_run_that_shares_the_workers_takes_longer_and_one_without_any_says_nothing() -> None:
    work = {Kind.rlvr: Work(10, 5, 10.0)}
    assert eta_seconds(work, lanes=0.25) == 80.0
    assert eta_seconds(work, lanes=0) is None


def test_opd_is_guessed_from_rlvr_until_it_was_seen() -> None:
    assert eta_seconds({Kind.rlvr: Work(0, 5, 5.0), Kind.opd: Work(3)}, lanes=1) == 6.0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "about 5 s"),
        (17, "about 15 s"),
        (88, "about 90 s"),
        (100, "about 2 min"),
        (3600, "about 60 min"),
        (7200, "about 2 h"),
    ],
)
def test_estimates_are_as_exact_as_they_deserve(seconds: float, words: str) -> None:
    assert in_about(seconds) == words


@pytest.mark.parametrize(
    ("state", "path", "round_", "words"),
    [
        (RunState.running, "w.image.text", None, "acts from step 37, in image's next OPD phase, in about 20 s"),
        (RunState.running, "optimizer.lr", None, "acts from each expert's next step: 28, or soon after"),
        (RunState.running, "opd.steps", 2, "acts from round 3"),
        (RunState.paused, "priority", None, "acts at once"),
        (RunState.paused, "w.image.text", None, "acts from step 37, in image's next OPD phase, once the run is resumed"),
        (RunState.pausing, "opd.steps", 2, "acts from round 3, once the run is resumed"),
        (RunState.paused, "w.text.image", None, None),
        (RunState.running, "w.text.image", None, None),
        (RunState.completed, "optimizer.lr", None, None),
        (RunState.cancelling, "optimizer.lr", None, None),
    ],
)
def test_when_an_edit_will_act(state: RunState, path: str, round_: int | None, words: str | None) -> None:
    assert expected_effect(state, path, round_, outlook(*PHASES)) == words


def effect(of: Outlook) -> str | None:
    return expected_effect(RunState.running, "w.image.text", None, of)


def test_a_weight_acts_at_once_inside_an_opd_phase() -> None:
    assert effect(outlook(Ahead("image", Kind.opd, 4, is_running=True, step=39))) == "acts from image's next step: 40, or soon after"


def test_between_two_parts_of_an_opd_phase_a_weight_acts_in_the_same_phase() -> None:
    parts = [Ahead("text", Kind.opd, 2, is_running=True, step=43), Ahead("image", Kind.opd, 4, is_running=False, step=45)]
    assert effect(outlook(*parts, work={Kind.opd: Work(6, 2, 10.0)})) == "acts from step 45, or soon after"


def test_each_expert_has_its_own_next_step_where_they_differ() -> None:
    ahead = [*PHASES, Ahead("text", Kind.rlvr, 9, is_running=False, step=27), Ahead("merged", Kind.merge, 1, is_running=False, step=1)]
    text = expected_effect(RunState.running, "optimizer.lr", None, outlook(*ahead))
    assert text == "acts from each expert's next step: 28 of image, 27 of text, or soon after"


def test_where_a_schedule_may_yet_teach_a_weight_may_yet_act() -> None:
    ahead = Ahead("image", Kind.rlvr, 4, is_running=True, step=1)
    assert [effect(outlook(ahead, may_teach=may)) for may in (False, True)] == [None, "acts from the next OPD phase, should there be one"]


def test_no_time_is_promised_that_nobody_measured() -> None:
    assert effect(outlook(*PHASES, work={})) == "acts from step 37, in image's next OPD phase"
    assert effect(outlook(*PHASES, lanes=0)) == "acts from step 37, in image's next OPD phase"


@pytest.mark.parametrize(("lanes", "words"), [(1, "70 s"), (2, "35 s"), (10, "20 s")])
def test_what_comes_before_is_shared_by_the_workers_but_an_experts_own_work_is_not(lanes: int, words: str) -> None:
    others = [
        Ahead("text", Kind.rlvr, 10, is_running=True, step=27),
        Ahead("text", Kind.opd, 7, is_running=False, step=37),
        Ahead("text", Kind.evaluate, 1, is_running=False, step=45),
    ]
    later = Ahead("text", Kind.rlvr, 100, is_running=False, step=45)
    work = {**WORK, Kind.opd: Work(11, 1, 4.0), Kind.evaluate: Work(1, 2, 4.0)}
    image = PHASES
    assert effect(outlook(image[0], *others, image[1], later, lanes=lanes, work=work)) == (
        f"acts from step 37, in image's next OPD phase, in about {words}"
    )


def test_what_is_thought_of_a_run_moves_slowly_from_all_workers_to_what_was_seen() -> None:
    """It has one of two workers all the time."""
    thought = [expected_lanes(busy=seconds, seen=seconds, workers=2) for seconds in range(121)]
    assert thought[0] == 2
    assert thought == sorted(thought, reverse=True)
    assert thought[120] == 1
    assert max(before - after for before, after in pairwise(thought)) < 0.05
