"""A report is one file that loads nothing, and no text of a person becomes markup in it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from client.models import Attempt, Edit, Figure, Figures, Result, Run
from client.report import Report, build
from server.figures.style import TEMPLATES

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
EVIL = '</script><script>alert(1)</script><img src=x onerror="alert(2)">'


def run(**changes: Any) -> Run:
    progress = {"round": 2, "rounds": 2, "phase": "", "steps": 10, "total_steps": 10, "eta_seconds": None}
    plain = {
        "id": "abc", "name": "A run", "state": "completed", "method": "copd", "priority": 0, "allowed": [], "waiting_for": None,
        "progress": progress, "capability": 0.5, "created_at": NOW, "started_at": NOW, "ended_at": NOW, "notes": "", "created_by": "ann",
        "source": "name: A run # why", "domains": ["text"], "policies": [{"name": "base"}, {"name": "merged"}], "tags": [],
        "spec": {"seed": 3, "model": {"path": "tiny"}}, "control_version": 1, "error": None, "controls": [], "edits": [],
        "forked_from": None, "forks": [], "paused_policies": [], "pause_seconds": None, "first_evaluation_seconds": None,
    }  # fmt: skip
    return Run.model_validate(plain | changes)


def result(**changes: Any) -> Result:
    score = {"policy": "merged", "domain": "text", "accuracy": 0.512, "low": 0.4, "high": 0.6}
    plain = {
        "step": 10, "digest": "d1g3st", "scores": [score], "base_mean": 0.1, "merged_mean": 0.512, "merged_mean_se": 0.01,
        "best_step": 10, "best_mean": 0.512, "best_expert": "text", "best_expert_mean": 0.6, "edits": 0, "wall_seconds": 60.0,
        "budgets": [{"policy": "text", "optimizer_steps": 10, "rollouts": 1200, "tokens": 34567}],
    }  # fmt: skip
    return Result.model_validate(plain | changes)


def attempt() -> Attempt:
    origin = {
        "code": {"commit": "c0ffee", "changes": "d1ff"}, "packages": {"torch": "2.14.1"}, "hardware": {"cpu": "a <fast> one"},
        "fingerprint": "cpu, threads 1", "spec": "5pec", "data": {"text": "f1nger"},
    }  # fmt: skip
    plain = {"id": 1, "segment": "rlvr.text@0", "worker": "w", "state": "done", "started_at": NOW, "ended_at": NOW, "error": None}
    return Attempt.model_validate(plain | {"provenance": origin})


def figure(name: str) -> Figure:
    data = [{"y": [1], "name": name}]
    return Figure(name=name, title=f"{name}?", help="Higher is better.", unit="u", summary="Now 1.", data=data, layout={})


def html(run: Run, result: Result, *names: str) -> str:
    drawn = [figure(name) for name in names]
    return build(Report(run, [attempt()], result, Figures(figures=drawn, templates=TEMPLATES), "http://127.0.0.1:1", NOW))


def test_everything_of_the_run_is_in_it() -> None:
    asked = {"author": "ann", "requested_at": NOW, "acknowledged_at": None, "effective": [], "expected": "acts soon"}
    edit = Edit.model_validate({"version": 2, "path": "w.a.b", "old": 1.0, "value": 0.3, **asked})
    text = html(run(edits=[edit], notes="for Monday", tags=["t1"]), result(), "capability.text", "overlap")
    for words in ("A run", "0.512 (0.40–0.60)", "0.512 ± 0.020", "w.a.b", "1.0 → 0.3", "acts soon", "34,567", "d1g3st", "name: A run # why",
                  "capability.text?", "Higher is better.", "Now 1.", "for Monday", "t1",
                  "commit c0ffee, changed (diff d1ff)", "torch 2.14.1", "cpu a &lt;fast&gt; one", "text f1nger"):  # fmt: skip
        assert words in text
    [data] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, flags=re.DOTALL)
    assert [figure["name"] for figure in json.loads(data)["figures"]] == ["capability.text", "overlap"]


def test_it_loads_nothing() -> None:
    text = html(run(), result(), "overlap")
    head = text[: text.index("</head>")]
    assert "default-src 'none'" in head
    assert not re.search(r"<(link|img|iframe|script)[^>]*\b(src|href)=", text[: text.index('id="data"')])
    assert "src=" not in "".join(re.findall(r"<script[^>]*>", text))


@pytest.mark.parametrize("field", ["name", "notes", "source"])
def test_what_people_wrote_stays_text(field: str) -> None:
    text = html(run(**{field: EVIL}), result(), EVIL)
    assert "<script>alert" not in text
    assert "<img src=x" not in text


def test_a_run_that_has_measured_nothing_has_a_report() -> None:
    unknown = dict.fromkeys(("merged_mean", "merged_mean_se", "base_mean", "best_step", "best_mean", "best_expert", "best_expert_mean"))
    empty = result(scores=[], budgets=[], **unknown)
    text = html(run(state="running", ended_at=None, started_at=None), empty)
    assert "Nothing has been evaluated yet." in text
    assert "was not over when this was made" in text
    assert "Nothing was changed while it ran." in text
