"""Which of the segments that are ready goes first. Pure."""

from __future__ import annotations

from copd_engine.plan import BASE, TRAINING, Kind, Segment


def urgency(segment: Segment) -> tuple[int, int, int]:
    """Sort key of ready segments, most urgent first: training by phase and part; looking at a phase yields to the next phase's
    training but goes before the one after; the base is looked at first, so that a run opens with a number."""
    phase = 2 * segment.round + (segment.kind is Kind.opd)
    if segment.kind in TRAINING:
        return (phase, 0, segment.part)
    if segment.policy == BASE or segment.kind is Kind.export:
        return (-1, 0, 0)
    return (2 * segment.round + 2, 1, 0)
