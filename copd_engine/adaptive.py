"""The adaptive schedule: teach while the experts think too differently, and until they think alike again. Pure.

Ours, not the paper's, and off by default. With `opd.adaptive` a round is one phase, and the overlap measured at its end decides whether
the next round is phase I or phase II. The decision is a structure edit like one that a person makes: a run stays a function of its spec
and its edits.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean

from copd_engine.spec import RunSpec
from copd_engine.structure import TEACH, StructureEdit

Overlaps = Mapping[str, Mapping[str, float]]
"""Student → peer → their overlap, the mean over the domains, in [0, 1]."""


def mean_overlap(spec: RunSpec, measured: Overlaps) -> float | None:
    """Mean overlap over the edges of `spec`; None where there are none, and until every student was measured."""
    edges = spec.edges()
    if not edges or any(student not in measured for student, _ in edges):
        return None
    return fmean(measured[student][teacher] for student, teacher in edges)


def next_phase(spec: RunSpec, round_: int, overlap: float, version: int) -> StructureEdit | None:
    """The edit, numbered `version`, by which the round after `round_` becomes another phase than `round_` was; None where it stays, and
    after the last round.

    spec: as it stood for `round_`, with `opd.adaptive`. overlap: mean over its edges at the end of `round_`. Between floor and ceiling
    nothing changes (hysteresis).
    """
    adaptive = spec.opd.adaptive
    if adaptive is None or round_ + 1 >= spec.rounds:
        return None
    changes = overlap > adaptive.ceiling if adaptive.teach else overlap < adaptive.floor
    return StructureEdit(version, round_ + 1, TEACH, not adaptive.teach) if changes else None


def sentence(spec: RunSpec, overlap: float, edit: StructureEdit) -> str:
    """Why `next_phase` made the edit."""
    adaptive = spec.opd.adaptive
    assert adaptive is not None  # or there would be no edit
    why = f"under the floor {adaptive.floor:g}: teaching" if edit.value else f"above the ceiling {adaptive.ceiling:g}: no teaching"
    return f"overlap {overlap:.3f} is {why} from round {edit.round + 1} on"
