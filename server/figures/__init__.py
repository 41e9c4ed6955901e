"""Every chart, built once, here: data in, Plotly figure and the words to read it out. Pure; the page, reports and notebooks share them."""

from server.figures.build import TEMPLATES, FigureKind, build, catalogue, find
from server.figures.data import Axis, Bar, Cast, Curve, FigureData, Mark, PolicyInfo

__all__ = ["TEMPLATES", "Axis", "Bar", "Cast", "Curve", "FigureData", "FigureKind", "Mark", "PolicyInfo", "build", "catalogue", "find"]
