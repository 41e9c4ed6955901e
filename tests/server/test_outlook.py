import pytest

from copd_engine.plan import Kind
from server.outlook import Ahead, Work, eta_seconds, expected_effect, in_about
from server.states import RunState

PHASES = {"image": [Ahead(Kind.rlvr, 10, is_running=True), Ahead(Kind.opd, 4, is_running=False)]}
SPEED = {Kind.rlvr: 2.0}


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


@pytest.mark.parametrize(("seconds", "words"), [(0, "5 s"), (17, "15 s"), (88, "90 s"), (100, "2 min"), (3600, "60 min"), (7200, "2 h")])
def test_estimates_are_as_exact_as_they_deserve(seconds: float, words: str) -> None:
    assert in_about(seconds) == words


@pytest.mark.parametrize(
    ("state", "path", "round_", "words"),
    [
        (RunState.running, "w.image.text", None, "acts from the next OPD phase, in about 20 s"),
        (RunState.running, "optimizer.lr", None, "acts from each expert's next step"),
        (RunState.running, "opd.steps", 2, "acts from round 3"),
        (RunState.paused, "priority", None, "acts at once"),
        (RunState.paused, "w.image.text", None, "acts after the run is resumed"),
        (RunState.running, "w.text.image", None, None),
        (RunState.completed, "optimizer.lr", None, None),
        (RunState.cancelling, "optimizer.lr", None, None),
    ],
)
def test_when_an_edit_will_act(state: RunState, path: str, round_: int | None, words: str | None) -> None:
    assert expected_effect(state, path, round_, PHASES, SPEED) == words


def test_a_weight_acts_at_once_inside_an_opd_phase() -> None:
    ahead = {"image": [Ahead(Kind.opd, 4, is_running=True)]}
    assert expected_effect(RunState.running, "w.image.text", None, ahead, {}) == "acts from the next step"


def test_where_a_schedule_may_yet_teach_a_weight_may_yet_act() -> None:
    ahead = {"image": [Ahead(Kind.rlvr, 4, is_running=True)]}
    says = [expected_effect(RunState.running, "w.image.text", None, ahead, {}, may_teach=may_teach) for may_teach in (False, True)]
    assert says == [None, "acts from the next OPD phase, should there be one"]


def test_no_time_is_promised_that_nobody_measured() -> None:
    assert expected_effect(RunState.running, "w.image.text", None, PHASES, {}) == "acts from the next OPD phase"
