"""What a figure is called, what it needs, and the words to read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from server.api.schemas.series import Tab
from server.figures.data import Axis, FigureData
from server.figures.parts import Drawing


@dataclass(frozen=True)
class FigureKind:
    """One entry of the catalogue."""

    name: str
    title: str
    """A plain question."""
    help: str
    """Two sentences, with the good direction."""
    unit: str
    draw: Callable[[FigureData, Axis], Drawing]
    series: tuple[str, ...] = ()
    domain: str | None = None
    """Series of this domain only; '' means those that are the mean over the domains."""
    policy: str | None = None
    peer: str | None = None
    """Series of this policy, and of this peer, only."""
    range: tuple[float, float] | None = None
    """What is possible."""
    shows: tuple[float, float] | None = None
    """The part of the axis that is shown at the least: what is smaller is rounding, and must not look like something."""
    compares: bool = False
    has_x: bool = True
    """Its x-axis is the run's progress: step, time or tokens; edits are marked on it."""
    is_timed: bool = False
    """Its x-axis is the time, whatever the others' is."""
    needs_phases: bool = False
    needs_machines: bool = False
    needs_spells: bool = False
    tab: Tab = "overview"
    """Of the run's page."""
