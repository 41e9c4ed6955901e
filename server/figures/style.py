"""How figures look: one colour, dash and marker per policy, and the two templates of the page's themes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

PALETTE = ("#7f7f7f", "#d55e00", "#1a7fc4", "#0a8f6a", "#b5539c", "#a87900", "#7a6ad8", "#20909c")
"""Base, merged, then the experts. Told apart with any colour vision together with dash and marker; contrast of at least 3 : 1 against
both themes' backgrounds (WCAG 2.2, 1.4.11)."""
DASHES = ("dot", "solid", "solid", "dash", "dashdot", "longdash", "longdashdot", "dot")
MARKERS = ("x", "diamond", "circle", "square", "triangle-up", "star", "pentagon", "cross")
KIND_PATTERNS = {"rlvr": "", "opd": "/", "evaluate": ".", "measure": "x", "merge": "+", "export": "-"}
"""Segment kind → how its bar in the timeline is filled; the colour is the policy's."""
TRANSPARENT = "rgba(0,0,0,0)"


@dataclass(frozen=True)
class Look:
    """How a policy is drawn, everywhere the same."""

    colour: str
    dash: str
    marker: str


def look(index: int) -> Look:
    """The look at a place of the palette. With more experts than places the experts' looks come round again."""
    place = index if index < len(PALETTE) else 2 + (index - 2) % (len(PALETTE) - 2)
    return Look(PALETTE[place], DASHES[place], MARKERS[place])


def see_through(colour: str, opacity: float) -> str:
    """A palette colour that lets through what is behind it."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def _template(text: str, faint: str, background: str) -> dict[str, Any]:
    axis = {
        "gridcolor": faint,
        "zerolinecolor": faint,
        "linecolor": faint,
        "tickcolor": faint,
        "ticklabeloverflow": "allow",
        "minexponent": 4,
        "title": {"standoff": 8},
    }
    return {
        "layout": {
            "colorway": list(PALETTE),
            "font": {"color": text, "family": "system-ui, sans-serif", "size": 12},
            "paper_bgcolor": TRANSPARENT,
            "plot_bgcolor": TRANSPARENT,
            "hoverlabel": {"bgcolor": background, "bordercolor": faint, "font": {"color": text}},
            # Exponents not as powers: Plotly raises them with an inline style, which the page's policy forbids. Margins only across the
            # axis: a last label that nears the right end with every step would have the whole chart drawn twice each time.
            "xaxis": {**axis, "automargin": "height", "exponentformat": "SI extended"},
            "yaxis": {**axis, "automargin": "width", "exponentformat": "e"},
            "shapedefaults": {"line": {"color": text}},
            # A curve beneath what stands at an edit is still to be seen.
            "annotationdefaults": {"font": {"color": text}, "bgcolor": see_through(background, 0.4)},
        }
    }


TEMPLATES: dict[Literal["light", "dark"], dict[str, Any]] = {
    "light": _template("#212529", "#dee2e6", "#ffffff"),
    "dark": _template("#dee2e6", "#424242", "#242424"),
}
