"""The catalogue of figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from server.api.schemas import Figure
from server.figures.data import Axis, Cast, FigureData

TEMPLATES: dict[Any, dict[str, Any]] = {"light": {}, "dark": {}}


@dataclass(frozen=True)
class FigureKind:
    name: str
    title: str
    series: tuple[str, ...]
    draw: Callable[[FigureData, Axis], Figure]
    domain: str | None = None
    compares: bool = False
    needs_bars: bool = False


def catalogue(cast: Cast) -> list[FigureKind]:
    return []


def find(cast: Cast, name: str) -> FigureKind | None:
    return next((figure for figure in catalogue(cast) if figure.name == name), None)


def build(name: str, data: FigureData, x: Axis) -> Figure:
    figure = find(data.cast, name)
    assert figure
    return figure.draw(data, x)
