"""Figures as pictures: the JSON built in Python, drawn by the Plotly that the page bundles, compared with a PNG."""

from __future__ import annotations

import io
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page

from server.api.schemas.series import Figure
from server.figures.style import TEMPLATES

PLOTLY = Path(__file__).parents[2] / "frontend/node_modules/plotly.js-cartesian-dist-min/plotly-cartesian.min.js"
BASELINES = Path(__file__).parent / "baselines"
REWRITE = os.environ.get("COPD_REWRITE_BASELINES") == "1"
SIZE = {"width": 560, "height": 320}
BACKGROUNDS = {"light": "#ffffff", "dark": "#161b22"}
NOTICEABLE = 40
"""Of 255: a pixel that differs by less looks the same; browsers smooth edges in their own ways."""
MOST_DIFFERENT = 0.004
"""Share of pixels. A curve that is gone, or has another colour, changes more."""
_DRAW = """async ([figure, template, background, size]) => {
  document.body.replaceChildren();
  document.body.style.margin = "0";
  const place = document.body.appendChild(document.createElement("div"));
  const layout = { ...figure.layout, ...size, template, paper_bgcolor: background, plot_bgcolor: background };
  const data = figure.data.map(trace => ({ ...trace, ...(trace.z ? { showscale: false } : {}) }));
  await Plotly.newPlot(place, data, layout, { staticPlot: true });
  for (const words of document.querySelectorAll("text")) words.style.visibility = "hidden";
}"""
"""Words are hidden: fonts are each machine's own. They are tested where they are made."""


@dataclass(frozen=True)
class Difference:
    share: float
    """Of the pixels, those that differ noticeably."""
    shape_differs: bool = False


def picture(page: Page, figure: Figure, theme: str) -> Image.Image:
    """The figure without its words, on the page's background."""
    if not page.evaluate("'Plotly' in window"):
        page.add_script_tag(path=PLOTLY)
    page.evaluate(
        _DRAW, [json.loads(figure.model_dump_json()), TEMPLATES["dark" if theme == "dark" else "light"], BACKGROUNDS[theme], SIZE]
    )
    return Image.open(io.BytesIO(page.screenshot(clip={"x": 0, "y": 0, "width": SIZE["width"], "height": SIZE["height"]}))).convert("RGB")


def difference(seen: Image.Image, baseline: Image.Image) -> Difference:
    if seen.size != baseline.size:
        return Difference(1.0, shape_differs=True)
    apart = np.abs(np.asarray(seen, dtype=int) - np.asarray(baseline, dtype=int)).max(axis=2)
    return Difference(float((apart > NOTICEABLE).mean()))
