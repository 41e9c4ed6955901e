import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.downsample import thin

values = st.one_of(st.just(math.nan), st.floats(-1e6, 1e6))
curves = st.dictionaries(st.integers(0, 5000), values, min_size=1, max_size=400).map(lambda points: sorted(points.items()))
limits = st.integers(4, 64)


def thinned(points: list[tuple[int, float]], limit: int) -> list[int]:
    step, value = np.array([p[0] for p in points], np.int64), np.array([p[1] for p in points], np.float64)
    return thin(step, value, limit).tolist()


@settings(derandomize=True, deadline=None)
@given(curves, limits)
def test_it_keeps_within_the_limit_and_never_loses_first_last_smallest_and_largest(points: list[tuple[int, float]], limit: int) -> None:
    kept = thinned(points, limit)
    assert len(kept) <= max(limit, min(len(points), limit))
    assert kept == sorted(set(kept))
    assert kept[0] == 0
    assert kept[-1] == len(points) - 1
    known = [value for _, value in points if not math.isnan(value)]
    shown = [points[i][1] for i in kept if not math.isnan(points[i][1])]
    if known:
        assert min(shown) == min(known)
        assert max(shown) == max(known)


@settings(derandomize=True, deadline=None)
@given(curves, st.integers(1, 100), limits)
def test_a_drawn_point_never_comes_back_after_new_ones_arrived(points: list[tuple[int, float]], more: int, limit: int) -> None:
    """What is drawn of the old points, the last bin aside, was drawn before."""
    last = points[-1][0]
    longer = [*points, *((last + 1 + i, float(i)) for i in range(more))]
    before, after = set(thinned(points, limit)), thinned(longer, limit)
    assert {i for i in after if i < len(points)} <= before


def test_few_points_stay_as_they_are() -> None:
    assert thinned([(7, 1.0), (9, math.nan), (1000, 2.0)], 4) == [0, 1, 2]


def test_a_spike_among_a_million_points_stays() -> None:
    step = np.arange(1_000_000)
    value = np.sin(step / 1000.0)
    value[123_457] = 99.0
    kept = thin(step, value, 1000)
    assert 123_457 in kept
    assert len(kept) <= 1000


def test_a_limit_without_room_for_one_bin_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 4"):
        thin(np.arange(10), np.zeros(10), 3)
