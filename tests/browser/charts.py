"""What a chart of the run page has drawn, read from Plotly's own data."""

from __future__ import annotations

from typing import Any, NamedTuple

from playwright.sync_api import Locator, Page

from tests.embedded import eventually

REWARD = "Is each expert getting better at its own task?"
MATRIX = "Do the experts still think alike?"
STREAMED = [REWARD, "How far apart have the experts drifted?", "How much does each teacher disagree with its student?"]
"""Charts whose curves follow series that the stream brings."""

_DRAWN = """card => {
  const plot = card.querySelector(".js-plotly-plot");
  const traces = plot ? plot.data : [];
  return traces.filter(t => t.meta?.mode === "append").map(t => [t.meta.series, Array.from(t.x), Array.from(t.y)]);
}"""


class Series(NamedTuple):
    name: str
    policy: str
    peer: str | None
    domain: str | None


def chart(page: Page, question: str) -> Locator:
    return page.get_by_role("region", name=question)


def drawn(page: Page, question: str) -> dict[Series, dict[int, float]]:
    """The points of each curve by step; empty curves are left out. The chart is brought on screen first: others are not drawn."""
    card = chart(page, question)
    card.scroll_into_view_if_needed()
    curves: list[tuple[dict[str, Any], list[int], list[float]]] = card.evaluate(_DRAWN)
    return {_series(key): dict(zip(x, y, strict=True)) for key, x, y in curves if x}


def y_range(page: Page, question: str) -> tuple[float, float]:
    """What the chart's y-axis shows."""
    low, high = chart(page, question).evaluate("card => card.querySelector('.js-plotly-plot')._fullLayout.yaxis.range")
    return low, high


def wait_until_drawn(page: Page, question: str) -> None:
    """Brings it on screen; what is above may still be loading, and push it away again."""
    card = chart(page, question)
    eventually(lambda: _is_drawn(card))


def _is_drawn(card: Locator) -> bool:
    card.scroll_into_view_if_needed()
    return card.locator(".js-plotly-plot").is_visible()


def _series(key: dict[str, Any]) -> Series:
    return Series(key["name"], key["policy"], key.get("peer"), key.get("domain"))
