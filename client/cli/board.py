"""A run in the terminal: what `copd show` prints, and how the board of `copd watch` looks. Draws only."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from client.cli.snapshot import SHOWN, PolicyView, Snapshot, policies
from client.cli.spark import sparkline
from client.models import LogEntry, Progress, Run, Series
from client.words import duration

LOG_LINES = 6
BAR_WIDTH = 24
SMALL_BAR = 6
COLOURS = {"running": "green", "completed": "green", "failed": "red", "failing": "red", "cancelled": "yellow", "cancelling": "yellow"}


def progress_line(progress: Progress) -> str:
    if not progress.total_steps:
        return ""
    left = f", {duration(progress.eta_seconds)} left" if progress.eta_seconds else ""
    return f"{progress.steps}/{progress.total_steps} steps of all experts{left}"


def summary(run: Run, url: str) -> RenderableType:
    parts: list[RenderableType] = [headline(run), Text(f"{url}/runs/{run.id}", style="dim")]
    if run.error:
        parts.append(Text(f"Failed: {run.error.message}", style="red"))
        parts += [Text(run.error.traceback.strip().splitlines()[-1], style="dim")] if run.error.traceback.strip() else []
    parts += [_edit_line(edit_path, text) for edit_path, text in _edits(run)]
    if run.allowed:
        parts.append(Text(f"Commands now: {', '.join(run.allowed)}", style="dim"))
    return Group(*parts)


def board(snapshot: Snapshot, freshness: str) -> RenderableType:
    """The whole screen. `freshness`: "live", or how far behind it is."""
    run = snapshot.run
    title = headline(run)
    title.append(f"   {freshness}", style="dim" if freshness == "live" else "yellow")
    parts: list[RenderableType] = [title, _bar(run.progress)]
    if run.waiting_for:
        parts.append(Text(run.waiting_for, style="yellow"))
    parts += ["", _policies(policies(snapshot)), ""]
    parts.append(_accuracy(run, [each for each in snapshot.series if each.name == "capability"]))
    if run.edits:
        parts += ["", *(_edit_line(path, text) for path, text in _edits(run))]
    parts += ["", *(_log_line(entry) for entry in snapshot.log[-LOG_LINES:])]
    if run.error:
        parts.append(Text(f"Failed: {run.error.message}", style="red"))
    return Group(*parts)


def headline(run: Run) -> Text:
    text = Text.assemble((run.name, "bold"), "  ", (run.state, COLOURS.get(run.state, "cyan")))
    progress = run.progress
    if progress.phase:
        text.append(f"  round {progress.round} of {progress.rounds}, {progress.phase.upper()}")
    return text


def _policies(views: list[PolicyView]) -> RenderableType:
    """A row per policy: how far, how long still, what it does, and where its numbers go."""
    table = Table(box=None, pad_edge=False)
    for name in ("policy", "steps", "left", "now", *SHOWN):
        table.add_column({"capability": "accuracy"}.get(name, name), no_wrap=True)
    for view in views:
        steps = Text.assemble(_filled(view.steps, view.total_steps, SMALL_BAR), f" {view.steps}/{view.total_steps}")
        left = "" if view.seconds_left is None else duration(view.seconds_left)
        curves = [_curve(view.curves[name]) for name in SHOWN]
        table.add_row(view.name, steps if view.total_steps else "", left, view.now, *curves)
    return table


def _curve(values: list[float | None]) -> Text:
    newest = next((value for value in reversed(values) if value is not None), None)
    return Text() if newest is None else Text.assemble((sparkline(values), "cyan"), f" {newest:.3f}")


def _bar(progress: Progress) -> Text:
    return Text.assemble(_filled(progress.steps, progress.total_steps, BAR_WIDTH), "  ", progress_line(progress))


def _filled(done: int, total: int, width: int) -> Text:
    filled = round(width * min(done / total, 1.0)) if total else 0
    return Text.assemble(("━" * filled, "green"), ("━" * (width - filled), "dim"))


def _accuracy(run: Run, series: list[Series]) -> RenderableType:
    """Latest accuracy: a row per policy, a column per domain, in the order of the spec."""
    latest = {(s.policy, s.domain): s.value[-1] for s in series if s.value and s.domain}
    if not latest:
        return Text("no accuracy measured yet", style="dim")
    domains = list(run.spec["domains"])
    table = Table("accuracy", *domains, box=None, pad_edge=False)
    for policy in [policy.name for policy in run.policies if any((policy.name, domain) in latest for domain in domains)]:
        values = [latest.get((policy, domain)) for domain in domains]
        table.add_row(policy, *("" if value is None else f"{value:.3f}" for value in values))
    return table


def _edits(run: Run) -> Iterator[tuple[str, str]]:
    for edit in run.edits:
        if edit.effective:
            state = "effective at " + ", ".join(f"{effect.policy} step {effect.step}" for effect in edit.effective)
        else:
            state = edit.expected or ("acknowledged" if edit.acknowledged_at else "requested")
        yield f"{edit.path}: {edit.old} → {edit.value}", state


def _edit_line(what: str, state: str) -> Text:
    return Text.assemble(("edit ", "dim"), what, "  ", (state, "dim"))


def _log_line(entry: LogEntry) -> Text:
    style = {"warning": "yellow", "error": "red"}.get(entry.level, "dim")
    return Text.assemble((f"{entry.time.astimezone():%H:%M:%S} ", "dim"), (entry.message, style))
