"""What a local run shows in a terminal: a progress bar per policy while it trains, and a table at its end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from copd_engine.events import Event, Log, Points, Stored, Value
from copd_engine.local import LocalRun
from copd_engine.plan import BASE, MERGED, TRAINING
from copd_engine.spec import RunSpec

_STYLES: Final = {"info": "dim", "warning": "yellow", "error": "red"}


@dataclass
class Latest:
    """The newest numbers of every policy, from its events."""

    steps: dict[str, int] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    """What its last step says of a policy."""
    capability: dict[tuple[str, str], Value] = field(default_factory=dict)
    """(policy, domain) → its last evaluation."""

    def see(self, event: Event) -> None:
        """Takes an event's numbers into account, if it has any."""
        if not isinstance(event, Points):
            return
        for value in event.values:
            if value.name == "capability" and value.domain is not None:
                self.capability[event.policy, value.domain] = value
            elif value.name == "lr":  # every step has one, and nothing else has
                self.steps[event.policy], self.notes[event.policy] = event.step, _note(event.values)


def _note(values: Sequence[Value]) -> str:
    """The reward of a step, and the groups whose equal rewards taught nothing; of distillation alone, how far the teachers are."""
    whole = {v.name: v.value for v in values if v.domain is None and v.peer is None and v.value is not None}
    gaps = [v.value for v in values if v.name == "gap" and v.value is not None]
    if "reward" in whole:
        equal = whole.get("zero_advantage", 0.0)
        return f"reward {whole['reward']:.3f}" + f", {equal:.0%} of groups equal" * (equal > 0)
    return f"gap {sum(gaps) / len(gaps):+.3f} nats" if gaps else ""


class Bars:
    """One bar per expert, in steps, and one for everything that looks at them."""

    def __init__(self, run: LocalRun, console: Console) -> None:
        self.latest = Latest()
        self._run = run
        self._progress = Progress(
            TextColumn("{task.description:>12}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(), TimeRemainingColumn(), console=console,
        )  # fmt: skip
        self._bars: dict[str, TaskID] = {}
        for name in run.spec.policies():
            self._bars[name] = self._progress.add_task(name, total=None, note="")
        self._looking = self._progress.add_task("evaluation", total=None, note="")

    def __enter__(self) -> Self:
        for event in self._run.events():
            self.latest.see(event)
        self._draw()
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._draw()
        self._progress.stop()

    def see(self, event: Event) -> None:
        """Moves the bars, or prints what a log event says above them."""
        self.latest.see(event)
        if isinstance(event, Log):  # above the bars, where it stays
            self._progress.console.print(event.message, style=_STYLES[event.level], markup=False, highlight=False)
        if not self._progress.console.is_terminal:
            self._tell(event)
        elif isinstance(event, Points):
            self._draw()

    def _tell(self, event: Event) -> None:
        """A log file gets lines instead of bars: each stored checkpoint and each evaluation."""
        said: list[str] = []
        if isinstance(event, Stored):
            said = [f"{event.checkpoint.policy}@{event.checkpoint.step} stored"]
        elif isinstance(event, Points):
            found = [v for v in event.values if v.name == "capability" and v.value is not None]
            said = [f"{event.policy}@{event.step} {v.domain}: {v.value:.3f} ± {v.se or 0:.3f}" for v in found]
        for line in said:
            self._progress.console.print(line, markup=False, highlight=False)

    def _draw(self) -> None:
        for name, bar in self._bars.items():
            steps = sum(s.steps for s in self._run.segments if s.policy == name)  # an adaptive schedule changes it
            self._progress.update(bar, completed=self.latest.steps.get(name, 0), total=steps, note=self.latest.notes.get(name, ""))
        looks = [s.key for s in self._run.segments if s.kind not in TRAINING]
        looked = sum(key in self._run.done for key in looks)
        merged = [v.value for (policy, _), v in self.latest.capability.items() if policy == MERGED and v.value is not None]
        note = f"merged {sum(merged) / len(merged):.3f}" if merged else ""
        self._progress.update(self._looking, completed=looked, total=len(looks), note=note)


def summary(run: LocalRun, latest: Latest, seconds: float) -> dict[str, Any]:
    """The end of a run as JSON: accuracies with standard errors, budgets, the merged digest and the exported folder."""
    spec = run.spec
    policies = [BASE, *spec.policies(), MERGED]
    return {
        "run": run.id,
        "capability": {
            policy: {d: {"value": v.value, "se": v.se} for d in spec.domains if (v := latest.capability.get((policy, d)))}
            for policy in policies
        },
        "budget": {
            policy: {unit: run.spent[policy, unit] for unit in ("optimizer_steps", "rollouts", "tokens")} for policy in spec.policies()
        },
        "seconds": round(seconds, 1),
        "merged_digest": run.merged_digest,
        "export": run.export,
    }


def table(spec: RunSpec, result: dict[str, Any]) -> Table:
    """Base, each expert and merged: accuracy ± standard error per domain and on average, and what each cost."""
    shown = Table(
        title=spec.name, caption="accuracy in % ± standard error on held-out prompts", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0)
    )
    shown.add_column("policy", no_wrap=True)
    for name in (*spec.domains, "mean", "steps", "rollouts", "tokens"):
        shown.add_column(name, justify="right", no_wrap=True)
    for policy, row in result["capability"].items():
        budget = result["budget"].get(policy)
        cells = [f"{100 * v['value']:.1f}±{100 * v['se']:.1f}" for v in row.values()]
        cost = [f"{budget[unit]:,}" for unit in ("optimizer_steps", "rollouts", "tokens")] if budget else ["", "", ""]
        shown.add_row(policy, *cells, _mean(row.values()), *cost, style="bold" if policy == MERGED else None)
    return shown


def _mean(cells: Iterable[dict[str, float]]) -> str:
    """Mean of independent estimates, and its standard error."""
    rows = list(cells)
    se = sum(cell["se"] ** 2 for cell in rows) ** 0.5 / len(rows)
    return f"{100 * sum(cell['value'] for cell in rows) / len(rows):.1f}±{100 * se:.1f}"
