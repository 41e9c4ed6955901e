"""Charts as they are drawn: what Plotly holds, to compare with what PostgreSQL holds."""

from __future__ import annotations

import psycopg
from playwright.sync_api import Locator, Page

Points = dict[str, list[tuple[int, float]]]
"""By policy: (step, value)."""
REWARD = "Is each expert getting better at its own task?"
DRAWN = "chart => chart.data.map(trace => [trace.name, Array.from(trace.x), Array.from(trace.y)])"
COUNT = "([chart, n]) => (chart.data ?? []).reduce((sum, trace) => sum + (trace.x ?? []).length, 0) >= n"
STORED = """
    SELECT policy, step, value FROM points JOIN series ON series.id = series_id
    WHERE run_id = %s AND name = %s ORDER BY policy, step"""


def chart(page: Page, question: str) -> Locator:
    return page.get_by_role("img", name=question)


def wait_drawn(page: Page, question: str, points: int) -> None:
    """Until all traces of the chart have at least so many points together."""
    chart(page, question).scroll_into_view_if_needed()
    page.wait_for_function(COUNT, arg=[chart(page, question).element_handle(), points])


def drawn(page: Page, question: str) -> Points:
    return {name: list(zip(x, y, strict=True)) for name, x, y in chart(page, question).evaluate(DRAWN)}


def stored(database: psycopg.Connection, run_id: str, series: str) -> Points:
    points: Points = {}
    for policy, step, value in database.execute(STORED, (run_id, series)):
        points.setdefault(policy, []).append((step, value))
    return points
