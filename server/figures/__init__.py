"""Every chart, built once, here: data in, Plotly figure and the words to read it out. Pure; the page, reports and notebooks share them."""

from server.figures.absorbed import SERIES as ABSORBED_SERIES
from server.figures.absorbed import Absorbed, absorbed_rows
from server.figures.build import build, catalogue, warm_up
from server.figures.compare import RunCurve, run_look
from server.figures.data import Axis, Cast, Curve, FigureData, Halt, MachineUse, Mark, Phase, PolicyInfo, Spell
from server.figures.kind import FigureKind
from server.figures.pairs import PAIR_MEASURES, find, pair_catalogue, pairs
from server.figures.theme import theme

__all__ = [
    "ABSORBED_SERIES",
    "PAIR_MEASURES",
    "Absorbed",
    "Axis",
    "Cast",
    "Curve",
    "FigureData",
    "FigureKind",
    "Halt",
    "MachineUse",
    "Mark",
    "Phase",
    "PolicyInfo",
    "RunCurve",
    "Spell",
    "absorbed_rows",
    "build",
    "catalogue",
    "find",
    "pair_catalogue",
    "pairs",
    "run_look",
    "theme",
    "warm_up",
]
