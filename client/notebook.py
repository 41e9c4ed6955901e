"""Figures as Plotly objects, and how a notebook shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from client.frames import MissingExtraError

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from client.models import Figure, Figures


def plotly_figure(figure: Figure, template: dict[str, Any]) -> go.Figure:
    """The figure with its question as title and its data in one line below it."""
    import plotly.graph_objects as go

    drawn = go.Figure(data=figure.data, layout={**figure.layout, "template": template})
    title = {"text": figure.title, "subtitle": {"text": figure.summary}, "x": 0, "xref": "paper"}
    return drawn.update_layout(title=title, legend={"y": -0.2, "yanchor": "top"}, margin={"t": 72}, height=420)


def display_in_place() -> Callable[[Figures], None]:
    """A function that shows figures where the last ones were. Raises MissingExtraError outside a notebook."""
    try:
        from IPython.display import display  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise MissingExtraError("live figures need a notebook: pip install 'copd[notebook]'") from None
    places: list[Any] = []

    def draw(figures: Figures) -> None:
        drawn = figures.to_plotly()
        if len(places) == len(drawn):
            for place, each in zip(places, drawn, strict=True):
                place.update(each)
        else:
            places[:] = [display(each, display_id=True) for each in drawn]

    return draw
