"""Every command of `copd` on a real run, from submitting it to taking its model home."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from client import ApiError, AsyncClient
from client.models import Figures
from tests.client.in_process import Copd
from tests.embedded import Stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
MINIATURE = Path(__file__).parents[1] / "miniature.yaml"


@pytest.fixture
def copd(stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Copd:
    return Copd(stack, monkeypatch, capsys)


def submit(copd: Copd, name: str, folder: Path) -> str:
    """Submits the miniature under another name. Returns the run's id."""
    spec = folder / "spec.yaml"
    spec.write_text(MINIATURE.read_text().replace(MINIATURE_NAME, f"name: {name}", 1))
    return json.loads(copd("submit", str(spec), "--json"))["id"]


MINIATURE_NAME = next(line for line in MINIATURE.read_text().splitlines() if line.startswith("name:"))


def test_a_run_from_submit_to_export(copd: Copd, stack: Stack, tmp_path: Path) -> None:
    run_id = submit(copd, "by command", tmp_path)
    assert "by command" in copd("list")
    assert json.loads(copd("show", run_id[:6], "--json"))["id"] == run_id

    stack.wait_for(run_id, "running")
    assert "rlvr.steps: 3 → 4; acts from round " in (printed := copd("set", run_id, "rlvr.steps=4", "--dry-run"))
    assert "steps of all experts: 30 → 3" in printed  # 33 or 36: whether a round has begun
    assert stack.client.run(run_id).edits == []
    assert "w.image.text: 1.0 → 0.25 requested" in copd("set", "by command", "w.image.text=0.25")
    assert "w.image.text: " in copd("set", run_id, "w.image.text=-1", code=2)

    copd("pause", run_id)
    stack.wait_for(run_id, "paused")
    assert "paused" in copd("show", run_id)
    assert "allowed now: resume, cancel" in copd("pause", run_id, code=6)
    copd("resume", run_id)

    said = copd("watch", run_id)  # stays until the run is over
    assert "by command  completed" in said
    assert "capability base" in said
    assert stack.client.run(run_id).state == "completed"
    assert "completed" in copd("show", run_id)
    refused = copd("resume", run_id, code=6)
    assert "completed" in refused
    assert refused.count("\n") == 1

    forked = json.loads(copd("fork", run_id, "optimizer.lr=2e-4", "--keep-rounds", "1", "--name", "forked by command", "--json"))
    assert (forked["forked_from"], forked["state"]) == ({"run": run_id, "round": 1}, "queued")
    assert "nothing is left to train" in copd("fork", run_id, code=2)
    cloned = copd("clone", run_id, "rounds=1", "--name", "cloned by command").split()[0]
    assert "without text" in copd("pause", cloned, "--policy", "text")
    assert f"{cloned}: cancelled" in copd("cancel", cloned, forked["id"]).replace("cancelling", "cancelled")
    copd("cancel", copd("rollback", run_id, "1").split()[0])

    target = tmp_path / "model.zip"
    assert str(target) in copd("export", run_id, "--output", str(target))
    with zipfile.ZipFile(target) as model:
        assert model.testzip() is None
        assert any(name.endswith(".safetensors") for name in model.namelist())
        assert any(name.endswith("config.json") for name in model.namelist())


def test_a_cancelled_run_stays_cancelled(copd: Copd, stack: Stack, tmp_path: Path) -> None:
    run_id = submit(copd, "to be cancelled", tmp_path)
    copd("cancel", run_id)
    stack.wait_for(run_id, "cancelled")
    assert "cancelled" in copd("resume", run_id, code=6)
    assert "cancelled" in copd("watch", run_id, code=7)


def test_unknown_runs_are_named(copd: Copd) -> None:
    assert copd("show", "nothing-like-it", code=3) == "error: no run 'nothing-like-it'; `copd list` shows them\n"


def test_the_same_key_submits_once(stack: Stack) -> None:
    spec = MINIATURE.read_text().replace(MINIATURE_NAME, "name: once", 1)
    first, second = (stack.client.create_run(spec, idempotency_key="a-key-of-this-test") for _ in range(2))
    assert first.id == second.id
    stack.client.command(first.id, "cancel")


def test_a_stale_edit_is_refused(stack: Stack, copd: Copd, tmp_path: Path) -> None:
    run_id = submit(copd, "edited twice", tmp_path)
    version = stack.client.run(run_id).control_version
    stack.client.edit(run_id, {"optimizer.lr": 2e-4}, version=version)
    with pytest.raises(ApiError) as refused:
        stack.client.edit(run_id, {"optimizer.lr": 3e-4}, version=version)
    assert refused.value.status == 412
    copd("cancel", run_id)


def test_name_notes_and_tags_can_be_changed(stack: Stack, copd: Copd, tmp_path: Path) -> None:
    run_id = submit(copd, "plain", tmp_path)
    changed = stack.client.describe(run_id, name="fancy", notes="why", tags=["a", "b"])
    assert (changed.name, changed.notes, changed.tags) == ("fancy", "why", ["a", "b"])
    copd("cancel", run_id)


async def test_a_run_from_a_script_plain_and_awaited(stack: Stack, copd: Copd, tmp_path: Path) -> None:
    spec = MINIATURE.read_text().replace(MINIATURE_NAME, "name: by script", 1).replace("rounds: 2", "rounds: 1", 1)
    stack.client.create_run(spec)
    run = stack.client.runs["by script"]
    assert run.wait().state == "completed"

    frame = run.series("capability/*").to_pandas()
    assert set(frame["name"]) == {"capability"}
    assert {"base", "merged", "text"} <= set(frame["policy"])
    capability = run.figure("capability")
    assert [figure.name for figure in capability.figures] == ["capability.text", "capability.image", "capability.video"]
    [drawn] = run.figure("overlap").to_plotly("dark")
    assert drawn.to_dict()["layout"]["title"]["text"] == "Is the experts' agreement holding up?"
    drawings: list[Figures] = []
    run.live_figure("overlap", drawings.append)  # the run is over: drawn once
    assert len(drawings) == 1

    report = tmp_path / "run.html"
    assert json.loads(copd("report", "by script", "-o", str(report), "--json"))["bytes"] > 3_000_000
    assert "Is the experts&#x27; agreement holding up?" in report.read_text()

    async with AsyncClient(stack.url, stack.token) as client:
        handle = client.runs["by script"]
        assert (await handle.get()).id == run.id == await handle.id()
        assert (await handle.wait()).state == "completed"
        assert [each.id async for each in client.runs] == [each.id for each in stack.client.runs]
        events = handle.events()
        assert (await anext(events)).event == "ping"
        await client.describe(run.id, notes="seen")
