"""Every chart, built once, here: data in, Plotly figure and the words to read it out. Pure; the page, reports and notebooks share them."""

from server.figures.build import FigureKind, build, catalogue, find, warm_up
from server.figures.data import Axis, Bar, Cast, Curve, FigureData, Mark, PolicyInfo
from server.figures.style import PALETTE, TEMPLATES

__all__ = [
    "PALETTE",
    "TEMPLATES",
    "Axis",
    "Bar",
    "Cast",
    "Curve",
    "FigureData",
    "FigureKind",
    "Mark",
    "PolicyInfo",
    "build",
    "catalogue",
    "find",
    "warm_up",
]
