"""What `copd demo` submits, and that it does so once."""

from __future__ import annotations

from pathlib import Path

import pytest

from client import demo
from copd_engine.spec import parse_spec
from tests.embedded import Stack


def spec(name: str) -> dict[str, object]:
    return parse_spec((demo.EXAMPLES / name).read_text()).model_dump()


def test_the_two_examples_can_be_compared() -> None:
    shown, compared = spec(demo.SHOWN), spec(demo.COMPARED)
    assert [shown["method"], compared["method"]] == ["copd", "experts"]
    assert shown["priority"] > compared["priority"]  # pyright: ignore[reportOperatorIssue]  # both are numbers
    for same in ("seed", "model", "domains", "experts", "optimizer", "evaluation", "agreement"):
        assert shown[same] == compared[same], same


@pytest.mark.integration
@pytest.mark.timeout(120)
def test_examples_are_submitted_once_unless_asked(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    miniature = (Path(__file__).parents[1] / "miniature.yaml").read_text()
    for file, name in ((demo.SHOWN, "Shown once"), (demo.COMPARED, "Compared once")):
        (tmp_path / file).write_text(miniature.replace("name: Miniature", f"name: {name}"))
    monkeypatch.setattr(demo, "EXAMPLES", tmp_path)

    said: list[str] = []
    first = demo.submit_examples(stack.client, again=False, say=said.append)
    second = demo.submit_examples(stack.client, again=False, say=said.append)
    anew = demo.submit_examples(stack.client, again=True, say=said.append)
    assert first.name == "Shown once"
    assert first.id == second.id != anew.id
    assert [line.split(" '")[0] for line in said] == ["Submitted"] * 2 + ["Run"] * 2 + ["Submitted"] * 2
    for run in stack.client.runs:
        if run.name in ("Shown once", "Compared once") and "cancel" in run.allowed:
            stack.client.command(run.id, "cancel")
