"""A verifier pays what is right and nothing else, and one that breaks costs one sample a zero."""

from __future__ import annotations

import os
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter

from copd_engine import spec
from copd_engine.domains import Prompt, Reward, build_domain
from copd_engine.domains.judge import Judge
from copd_engine.domains.verifiers import label, number, placed
from copd_engine.spec.verifiers import Verifiers

VERIFIERS: TypeAdapter[list[spec.Verifier]] = TypeAdapter(Verifiers)


def verifiers(given: Any) -> list[spec.Verifier]:
    return VERIFIERS.validate_python(given)


def question(answer: str) -> Prompt:
    return Prompt("sums", "train", 0, "What?", answer)


def judge(given: Any, answer: str, completion: str) -> Reward:
    return Judge(verifiers(given))(question(answer), completion)


@pytest.fixture(scope="module")
def mathematician() -> Judge:
    return Judge(verifiers("math"), seconds=60)


@pytest.mark.parametrize(
    ("given", "answer", "completion", "value"),
    [
        ("exact", "12", " 12\n", 1),
        ("exact", "12", "12.", 0),
        ({"kind": "exact", "within": "answer"}, "12", "7+5, so <answer> 12 </answer>", 1),
        ({"kind": "exact", "within": "answer"}, "12", "12", 0),
        ({"kind": "exact", "within": "answer"}, "12", "<answer>12</answer><answer>13</answer>", 0),
        ({"kind": "exact", "within": "answer"}, "12", "<answer>12</answer> or 13", 0),
        ({"kind": "exact", "within": "boxed"}, "{12}", "so \\boxed{{12}}.", 1),
        ({"kind": "exact", "within": "boxed"}, "12", "\\boxed{12} \\boxed{13}", 0),
        ("numeric", "1234.5", "1,234.50", 1),
        ("numeric", "0.5", "0.5 or 0.6", 0),
        ("numeric", "0.5", "nan", 0),
        ({"kind": "numeric", "tolerance": 0.1}, "0.5", ".59", 1),
        ({"kind": "numeric", "tolerance": 0.1}, "0.5", ".61", 0),
        ({"kind": "numeric", "relative": 0.01}, "200", "202", 1),
        ({"kind": "numeric", "relative": 0.01}, "-200", "-202.1", 0),
        ("choice", "B", "(b)", 1),
        ("choice", "(B)", "B.", 1),
        ("choice", "B", "A B C D", 0),
        ("choice", "B", "E", 0),
        ({"kind": "choice", "choices": ["yes", "no"]}, "yes", "Yes.", 1),
        ("format", "?", "thought <answer>x</answer>", 1),
        ("format", "?", "<answer> </answer>", 0),
        ({"kind": "format", "within": "boxed"}, "?", "\\boxed{x}", 1),
        ({"kind": "format", "within": "boxed"}, "?", "\\boxed{x", 0),
    ],
)
def test_what_is_right_is_paid(given: Any, answer: str, completion: str, value: float) -> None:
    reward = judge(given, answer, completion)
    assert reward.value == value, reward
    assert reward.reason
    assert not reward.failed


@pytest.mark.parametrize(
    ("answer", "completion", "value"),
    [
        ("1/2", "0.5", 1),
        ("1/2", "\\frac{1}{2}", 1),
        ("x^2+2x+1", "(x+1)^2", 1),
        ("$\\sqrt{8}$", "the answer is \\boxed{2\\sqrt{2}}", 1),
        ("1/2", "2", 0),
        ("1/2", "", 0),
    ],
)
def test_equal_expressions_are_right(mathematician: Judge, answer: str, completion: str, value: float) -> None:
    reward = mathematician(question(answer), completion)
    assert reward.value == value, reward
    assert not reward.failed


@pytest.mark.parametrize(
    ("given", "right"),
    [
        *((kind, True) for kind in ("exact", "numeric", "math", "choice", "format", "reasoning_gym")),
        ("regex", False),  # without a pattern
        ("plugin", False),
        ({"kind": "numeric", "tolerance": 0.5}, True),
        ({"kind": "regex", "pattern": "x"}, True),
        (["exact", {"kind": "format", "weight": 2}], True),
        (["exact", 3], False),
        ({"kind": "numeric", "tol": 1}, False),
        ([], False),
        (None, False),
    ],
    ids=str,
)
def test_the_schema_and_the_parser_agree_on_what_a_verifier_may_be(given: Any, right: bool) -> None:
    domain = {"source": "reasoning_gym", "tasks": {"gcd": {}}, "verifier": given}
    document = {"name": "x", "domains": {"d": domain}, "experts": {"a": {"domain": "d"}}}
    assert Draft202012Validator(spec.spec_schema()).is_valid(document) == right
    with nullcontext() if right else pytest.raises(spec.SpecError):
        spec.parse_spec(document)


def test_a_pattern_takes_the_answer_literally() -> None:
    judging = Judge(verifiers({"kind": "regex", "pattern": r".*#### {answer}"}))
    assert judging(question("1.5"), "one and a half\n#### 1.5").value == 1
    assert judging(question("1.5"), "#### 1x5").value == 0
    assert judging(question("1.5"), "#### 1.5 or 2").value == 0


@pytest.mark.parametrize("kind", ["numeric", "choice"])
def test_an_answer_that_is_none_of_its_kind_is_a_failure_and_never_paid(kind: str) -> None:
    reward = judge(kind, "many", "many")
    assert (reward.value, reward.failed) == (0.0, True)
    assert f"the verifier {kind} needs" in reward.reason


def test_a_weighted_sum_says_what_each_part_gave() -> None:
    given = [{"kind": "exact", "within": "answer", "weight": 3}, "format"]
    assert judge(given, "12", "<answer>12</answer>").value == 1.0
    reward = judge(given, "12", "<answer>13</answer>")
    assert reward.value == 0.25
    assert "exact 0 (expected '12', got '13')" in reward.reason
    assert "format 1 (well formed)" in reward.reason


IN_PROCESS = ["exact", "numeric", {"kind": "choice", "choices": ["1", "2"]}, "format", {"kind": "exact", "within": "boxed"}]


@given(weights=st.lists(st.floats(0.01, 100), min_size=1, max_size=5), completion=st.text())
def test_a_sum_lies_between_nothing_and_everything(weights: list[float], completion: str) -> None:
    kinds = [{"kind": kind} if isinstance(kind, str) else kind for kind in IN_PROCESS]
    judging = Judge(verifiers([kind | {"weight": weight} for kind, weight in zip(kinds, weights, strict=False)]))
    reward = judging(Prompt("d", "train", 0, "?", "1"), completion)
    assert 0 <= reward.value <= 1
    assert not reward.failed


@given(st.text(alphabet="0123456789.,+-eE _", max_size=12))
def test_a_number_is_one_for_python_too(text: str) -> None:
    value = number(text)
    assert value is None or value == float(text.replace(",", ""))


@given(st.integers(-(10**12), 10**12), st.booleans())
def test_every_whole_number_is_one(value: int, grouped: bool) -> None:
    assert number(f"{value:,}" if grouped else str(value)) == value


@given(st.text(alphabet="<>/answer ", max_size=40))
def test_what_is_placed_was_said(text: str) -> None:
    found = placed(text, "answer")
    assert found is None or found in text


@given(st.text(max_size=8))
def test_a_label_is_one_of_the_choices(text: str) -> None:
    assert label(text, ["A", "B"]) in ("A", "B", None)


def test_partial_credit_of_reasoning_gym_is_not_paid() -> None:
    source = spec.ReasoningGym.model_validate({"source": "reasoning_gym", "tasks": {"gcd": {}}, "verifier": "reasoning_gym"})
    domain = build_domain("text", source)
    prompt = domain.prompt("train", 3)
    assert domain.reward(prompt, prompt.answer).value == 1.0
    verbose = domain.reward(prompt, f"It may well be that it is {prompt.answer}, I think")
    assert verbose.value == 0.0
    assert not verbose.failed


# -- what third parties install ----------------------------------------------------------------------------------------

PLUGINS = """
    import os, time

    def vowels(prompt, completion):
        return sum(c in "aeiou" for c in completion) / max(1, len(completion)), f"vowels of {completion!r}"

    def half(prompt, completion):
        print("to standard output", input() if completion == "greedy" else "")
        return 0.5

    def raises(prompt, completion):
        raise RuntimeError("no idea")

    def too_much(prompt, completion):
        return 2.0

    def moody(prompt, completion):
        while completion == "hang":
            time.sleep(0.01)
        if completion == "crash":
            os.abort()
        return 1.0
"""


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with entry points, on the path of this process and of those it starts."""
    (tmp_path / "copd_test_plugins.py").write_text(textwrap.dedent(PLUGINS))
    info = tmp_path / "copd_test_plugins-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: copd-test-plugins\nVersion: 1.0\n")
    names = ("vowels", "half", "raises", "too_much", "moody")
    lines = [f"{name} = copd_test_plugins:{name}" for name in names] + ["gone = copd_test_plugins:gone"]
    (info / "entry_points.txt").write_text("[copd.verifiers]\n" + "\n".join(lines))
    monkeypatch.syspath_prepend(str(tmp_path))


def plugin(name: str, seconds: float = 60) -> Judge:
    return Judge(verifiers({"kind": "plugin", "name": name}), seconds=seconds)


@pytest.mark.usefixtures("plugins")
def test_third_parties_add_verifiers_by_entry_point() -> None:
    assert plugin("vowels")(question("x"), "aexx") == Reward(0.5, "vowels of 'aexx'")
    half = plugin("half")
    assert half(question("x"), "a").value == 0.5
    assert "EOFError" in half(question("x"), "greedy").reason
    assert half(question("x"), "a").value == 0.5


@pytest.mark.usefixtures("plugins")
@pytest.mark.parametrize(
    ("name", "says"), [("raises", "RuntimeError: no idea"), ("too_much", "a value lies in [0, 1]"), ("gone", "cannot be loaded")]
)
def test_a_verifier_that_raises_costs_one_sample_a_zero(name: str, says: str) -> None:
    reward = plugin(name)(question("x"), "anything")
    assert (reward.value, reward.failed) == (0.0, True)
    assert says in reward.reason


@pytest.mark.usefixtures("plugins")
@pytest.mark.parametrize("mood", ["hang", "crash"])
def test_a_verifier_that_hangs_or_crashes_costs_one_sample_a_zero(mood: str) -> None:
    judging = plugin("moody", seconds=2)
    assert judging(question("x"), "fine").value == 1.0
    reward = judging(question("x"), mood)
    assert (reward.value, reward.failed) == (0.0, True)
    assert "took longer than 2 s, or crashed" in reward.reason
    assert judging(question("x"), "fine").value == 1.0


def test_the_limit_holds_in_a_thread_and_for_a_pattern_that_never_ends() -> None:
    judging = Judge(verifiers({"kind": "regex", "pattern": r"(a+)+b"}), seconds=2)
    rewards: list[Reward] = []
    thread = threading.Thread(target=lambda: rewards.append(judging(question("x"), "a" * 64)))
    thread.start()
    thread.join()
    assert [(reward.value, reward.failed) for reward in rewards] == [(0.0, True)]
    assert judging(question("x"), "aaab").value == 1.0


def test_a_plugin_that_is_not_installed_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"^verifier: no plugin 'nobody' is installed"):
        plugin("nobody")


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def eventually(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.02)


def test_no_judging_process_outlives_its_asker(tmp_path: Path) -> None:
    """The asker is killed while a judgement hangs: the judging process ends by its own limit."""
    script = tmp_path / "asker.py"
    script.write_text(
        textwrap.dedent("""
            from copd_engine.domains import Prompt
            from copd_engine.domains.judge import Judge
            from copd_engine.spec import Regex

            judge = Judge([Regex(kind="regex", pattern="(a+)+b")], seconds=3)
            prompt = Prompt("d", "train", 0, "?", "x")
            judge(prompt, "ab")
            print(judge._bench._process.pid, flush=True)
            judge(prompt, "a" * 64)
        """)
    )
    import subprocess

    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [str(Path.cwd()), *sys.path]))}
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=environment) as asker:
        assert asker.stdout is not None
        pid = int(asker.stdout.readline())
        asker.kill()
    eventually(lambda: not is_alive(pid))
