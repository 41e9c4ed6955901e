"""The example runs of `copd demo`: the method, and the same experts without it to compare with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from client.api import Client
from client.models import Run, RunSummary
from copd_engine.spec import parse_spec

EXAMPLES = Path(__file__).parent.parent / "examples"
SHOWN, COMPARED = "three-experts.yaml", "independent-experts.yaml"


def submit_examples(client: Client, *, again: bool, say: Callable[[str], None]) -> RunSummary:
    """Submits both examples unless runs of their names exist. Returns the run to look at."""
    known = {} if again else {run.name: run for run in reversed(list(client.runs))}
    shown = _submit(client, EXAMPLES / SHOWN, known, say)
    _submit(client, EXAMPLES / COMPARED, known, say)
    return shown


def _submit(client: Client, file: Path, known: dict[str, RunSummary], say: Callable[[str], None]) -> RunSummary | Run:
    source = file.read_text()
    name = parse_spec(source).name
    if run := known.get(name):
        say(f"Run '{name}' is already here ({run.state})")
        return run
    run = client.create_run(source)
    say(f"Submitted '{name}'")
    return run
