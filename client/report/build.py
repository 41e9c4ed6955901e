"""What a report is made from, and the file as a whole."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from importlib.resources import files
from typing import Any

from client.api import Client
from client.models import OVER, Attempt, Figures, Result, Run
from client.report import sections

POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
"""The file may load nothing, whatever is in it."""


@dataclass(frozen=True)
class Report:
    """A run as it stood at `made_at`, read from `url`."""

    run: Run
    attempts: list[Attempt]
    result: Result
    figures: Figures
    url: str
    made_at: datetime


def read(client: Client, run_id: str) -> Report:
    """Everything a report says. Raises ApiError."""
    listed = client.figures(run_id)
    drawn = [found for info in listed.figures if (found := client.figure(run_id, info.name).figures[0]).data]
    return Report(
        run=client.run(run_id),
        attempts=client.attempts(run_id),
        result=client.result(run_id),
        figures=Figures(figures=drawn, templates=listed.templates),
        url=client.url,
        made_at=datetime.now(UTC),
    )


def build(report: Report) -> str:
    """The HTML file. Needs about 5 MB for Plotly."""
    from plotly.offline import get_plotlyjs

    run = report.run
    parts = [
        sections.header(run, report.made_at),
        sections.result(run, report.result),
        *map(sections.figure, report.figures.figures),
        sections.edits(run),
        sections.budgets(report.result),
        sections.provenance(run, report.attempts, report.result, report.url),
        sections.spec(run),
    ]
    data = {"templates": report.figures.templates, "figures": [_drawing(each.model_dump()) for each in report.figures.figures]}
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">',
            f"<title>{escape(run.name)}: {'report' if run.state in OVER else 'interim report'}</title>",
            f"<style>{_asset('report.css')}</style></head><body><main>",
            *filter(None, parts),
            f'</main><script type="application/json" id="data">{_embedded(data)}</script>',
            f"<script>{get_plotlyjs()}</script><script>{_asset('report.js')}</script></body></html>\n",
        ]
    )


def _drawing(figure: dict[str, Any]) -> dict[str, Any]:
    return {key: figure[key] for key in ("name", "data", "layout")}


def _embedded(data: Any) -> str:
    """JSON that no text in it can end early."""
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")


def _asset(name: str) -> str:
    return (files("client.report") / name).read_text()
