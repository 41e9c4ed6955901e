"""A run in the terminal: what `copd show` prints, and the live board of `copd watch`."""

from __future__ import annotations

import time
from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from client.api import ApiError, Client
from client.models import LogEntry, Progress, Run, Series, Worker
from client.words import duration

OVER = ("completed", "failed", "cancelled")
REFRESH_SECONDS = 1.0
LOG_LINES = 6
BAR_WIDTH = 30
COLOURS = {"running": "green", "completed": "green", "failed": "red", "failing": "red", "cancelled": "yellow", "cancelling": "yellow"}


def progress_line(progress: Progress) -> str:
    if not progress.total_steps:
        return ""
    return f"{progress.steps}/{progress.total_steps} steps" + (f", {duration(progress.eta_seconds)} left" if progress.eta_seconds else "")


def summary(run: Run, url: str) -> RenderableType:
    parts: list[RenderableType] = [_headline(run), Text(f"{url}/runs/{run.id}", style="dim")]
    if run.error:
        parts.append(Text(f"Failed: {run.error.message}", style="red"))
        parts += [Text(run.error.traceback.strip().splitlines()[-1], style="dim")] if run.error.traceback.strip() else []
    parts += [_edit_line(edit_path, text) for edit_path, text in _edits(run)]
    if run.allowed:
        parts.append(Text(f"Commands now: {', '.join(run.allowed)}", style="dim"))
    return Group(*parts)


def watch(client: Client, run_id: str, console: Console | None = None) -> None:
    """Draws the run until it is over or Ctrl-C. Redraws when events come, at most once in REFRESH_SECONDS."""
    with Live(_board(client, run_id), console=console, auto_refresh=False) as live:
        try:
            for _ in _changes(client, run_id):
                run = client.run(run_id)
                live.update(_board(client, run_id, run), refresh=True)
                if run.state in OVER:
                    return
        except KeyboardInterrupt:
            return


def _changes(client: Client, run_id: str) -> Iterator[None]:
    """Yields when something may have changed; comes back by itself after a broken or reset stream.

    Numbers may wait for the next redraw, as more will come; a change of the run's state may be the last event there is.
    """
    last = 0.0
    while True:
        try:
            cursor = client.cursor(run_id)
            yield None
            for event in client.events(run_id, cursor=cursor):
                if event.event == "reset":
                    break
                if event.event == "changed" or time.monotonic() - last >= REFRESH_SECONDS:
                    yield None
                    last = time.monotonic()
        except ApiError:
            time.sleep(REFRESH_SECONDS)


def _board(client: Client, run_id: str, run: Run | None = None) -> RenderableType:
    run = run or client.run(run_id)
    parts: list[RenderableType] = [_headline(run), _bar(run.progress)]
    if run.waiting_for:
        parts.append(Text(run.waiting_for, style="yellow"))
    parts += ["", _accuracy(run, client.series(run_id, name="capability", limit=4).series), ""]
    parts += [_worker_line(worker) for worker in client.workers().workers if worker.run == run_id]
    parts += [_edit_line(path, text) for path, text in _edits(run)]
    parts += ["", *[_log_line(entry) for entry in client.log(run_id)[-LOG_LINES:]]]
    if run.error:
        parts.append(Text(f"Failed: {run.error.message}", style="red"))
    return Group(*parts)


def _headline(run: Run) -> Text:
    text = Text.assemble((run.name, "bold"), "  ", (run.state, COLOURS.get(run.state, "cyan")))
    progress = run.progress
    if progress.phase:
        text.append(f"  round {progress.round} of {progress.rounds}, {progress.phase.upper()}")
    return text


def _bar(progress: Progress) -> Text:
    share = progress.steps / progress.total_steps if progress.total_steps else 0.0
    filled = round(BAR_WIDTH * min(share, 1.0))
    return Text.assemble(("━" * filled, "green"), ("━" * (BAR_WIDTH - filled), "dim"), "  ", progress_line(progress))


def _accuracy(run: Run, series: list[Series]) -> RenderableType:
    """Latest accuracy: a row per policy, a column per domain, in the order of the spec."""
    latest = {(s.policy, s.domain): s.value[-1] for s in series if s.value and s.domain}
    if not latest:
        return Text("no accuracy measured yet", style="dim")
    domains, policies = list(run.spec["domains"]), [policy.name for policy in run.policies]
    table = Table("accuracy", *domains, box=None, pad_edge=False)
    for policy in [policy for policy in policies if any((policy, domain) in latest for domain in domains)]:
        values = [latest.get((policy, domain)) for domain in domains]
        table.add_row(policy, *("" if value is None else f"{value:.3f}" for value in values))
    return table


def _worker_line(worker: Worker) -> Text:
    doing = f"{worker.segment or ''} {worker.done}/{worker.total}" if worker.total else worker.segment or worker.state
    return Text(f"{worker.name}: {doing}", style="dim")


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
