"""Thinning a curve for drawing so that no spike hides and no drawn point jumps about as new ones come. Pure.

Points fall into bins 2^k steps wide whose edges are multiples of 2^k. A bin keeps its first, last, smallest and largest point. New
points change only the last bin, and a bin of k + 1 is two bins of k: what is drawn of it was drawn before.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

KEPT_PER_BIN = 4


def thin(step: NDArray[np.integer], value: NDArray[np.float64], limit: int) -> NDArray[np.intp]:
    """Indices [M] of the points to draw, at most `limit` of them, ascending.

    step: [N], strictly ascending and not negative. value: [N]; NaN stands for a gap. limit: at least 4.
    """
    if limit < KEPT_PER_BIN:
        raise ValueError(f"limit must be at least {KEPT_PER_BIN} (given: {limit})")
    if len(step) <= limit:
        return np.arange(len(step))
    return _kept(value, _bin_starts(step, _shift(step, limit)))


def _shift(step: NDArray[np.integer], limit: int) -> int:
    """The smallest k of which even full bins fit into `limit`; it depends on the first and last step alone."""
    bins, shift = limit // KEPT_PER_BIN, 0
    while (int(step[-1]) >> shift) - (int(step[0]) >> shift) + 1 > bins:
        shift += 1
    return shift


def _bin_starts(step: NDArray[np.integer], shift: int) -> NDArray[np.intp]:
    """Index of the first point of each bin that has any."""
    bins = step >> shift
    return np.flatnonzero(np.r_[True, bins[1:] != bins[:-1]])


def _kept(value: NDArray[np.float64], starts: NDArray[np.intp]) -> NDArray[np.intp]:
    ends = np.r_[starts[1:], len(value)] - 1
    low = np.where(np.isnan(value), np.inf, value)
    high = np.where(np.isnan(value), -np.inf, value)
    lowest = _first_index(low, starts, np.minimum.reduceat(low, starts))
    highest = _first_index(high, starts, np.maximum.reduceat(high, starts))
    return np.unique(np.concatenate([starts, ends, lowest, highest]))


def _first_index(value: NDArray[np.float64], starts: NDArray[np.intp], wanted: NDArray[np.float64]) -> NDArray[np.intp]:
    """Per bin, the index of the first point equal to the bin's `wanted`."""
    sizes = np.diff(np.r_[starts, len(value)])
    hits = np.flatnonzero(value == np.repeat(wanted, sizes))
    bins = np.searchsorted(starts, hits, side="right") - 1
    return hits[np.searchsorted(bins, np.arange(len(starts)))]
