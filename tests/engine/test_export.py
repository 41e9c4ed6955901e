"""An export is a plain Hugging Face folder; the snippet in its README runs as it stands."""

import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from transformers import AutoModelForImageTextToText

from copd_engine.cache import PolicyCache
from copd_engine.job import SegmentData, SegmentJob
from copd_engine.plan import BASE, Kind, Ref, Segment, export_segment
from copd_engine.policy import digest
from copd_engine.segment import run_segment
from copd_engine.spec import RunSpec
from copd_engine.store import FileStore


@pytest.fixture
def exported(small: Callable[..., RunSpec], tmp_path_factory: pytest.TempPathFactory, coins: PolicyCache) -> tuple[FileStore, str, str]:
    """The store, the exported folder in it, and the digest of what was exported."""
    store, spec = FileStore(tmp_path_factory.mktemp("store")), small()

    def run(attempt: int, segment: Segment, checkpoints: dict[str, str]) -> tuple[str | None, dict[str, str], str]:
        job = SegmentJob(run="r", attempt=attempt, spec=spec, segment=SegmentData.of(segment), checkpoints=checkpoints)
        result = run_segment(job, store, lambda: None, lambda _: None, lambda: None, coins)
        assert result.error is None
        made = result.checkpoints[0].digest if result.checkpoints else ""
        return result.export, {f"{c.policy}@{c.step}": c.path for c in result.checkpoints}, made

    _, paths, trained = run(1, Segment(Kind.rlvr, "text", 0, Ref(BASE, 0), steps=1), {})
    folder, _, _ = run(2, export_segment(Ref("text", 1), "rlvr.text@0"), paths)
    return store, f"runs/r/{folder}", trained


def test_from_pretrained_gives_the_same_weights(exported: tuple[FileStore, str, str]) -> None:
    store, folder, trained = exported
    with store.folder(folder) as path:
        model = AutoModelForImageTextToText.from_pretrained(path)
    assert digest(dict(model.named_parameters())) == trained


def test_the_snippet_runs(exported: tuple[FileStore, str, str]) -> None:
    store, folder, _ = exported
    with store.folder(folder) as path:
        (snippet,) = re.findall(r"```python\n(.*?)```", (path / "README.md").read_text(), re.DOTALL)
        done = subprocess.run([sys.executable, "-c", snippet], cwd=path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
