"""`copd rollouts`: what a run's policies said, what it got and why; the worst first where asked."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from client.calls import RolloutPart, RolloutSort
from client.cli.output import JsonOption, print_json
from client.cli.run_commands import RunArgument, find_run
from client.local import connect
from client.models import RolloutSummary

rollouts_app = typer.Typer()
console = Console(highlight=False)


@rollouts_app.command()
def rollouts(
    run: RunArgument,
    worst: Annotated[bool, typer.Option("--worst", help="Lowest rewards first.")] = False,
    disputed: Annotated[bool, typer.Option("--disputed", help="First where teachers agree least.")] = False,
    policy: Annotated[str | None, typer.Option(help="Only of this policy.")] = None,
    domain: Annotated[str | None, typer.Option(help="Only on this domain.")] = None,
    part: Annotated[RolloutPart | None, typer.Option(help="Only of RLVR (native), of OPD (cross), or on held-out prompts.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=200, help="So many.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Print rollouts that were kept of a run, newest first; each with the completion that got least."""
    sort: RolloutSort = "worst" if worst else "gap" if disputed else "newest"
    with connect() as client:
        found = client.rollouts(find_run(client, run).id, sort=sort, policy=policy, domain=domain, part=part, limit=limit)
    if as_json:
        print_json(found.rollouts)
        return
    table = Table("policy", "step", "on", "reward", "gap", "prompt", "completion", box=None, pad_edge=False)
    for each in found.rollouts:
        gap = "" if each.gap is None else f"{each.gap:+.2f}"
        texts = (Text(_line(text), overflow="ellipsis", no_wrap=True) for text in (each.prompt, each.completion))
        table.add_row(each.policy, str(each.step), _on(each), f"{each.reward_mean:.2f}", gap, *texts)
    console.print(table if found.rollouts else "No rollout was kept of this run, or none matches.")


def _on(rollout: RolloutSummary) -> str:
    if rollout.part == "cross":
        return f"{rollout.domain} (OPD from {rollout.peer})"
    return f"{rollout.domain} ({'held out' if rollout.part == 'heldout' else 'RLVR'})"


def _line(text: str) -> str:
    return " ".join(text.split())
