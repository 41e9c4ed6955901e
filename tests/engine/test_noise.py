import numpy as np
import pytest

from copd_engine import noise

KEY = (7, "text", 3, "native")


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_gives_the_published_vectors(counter: tuple[int, ...], key: tuple[int, int], expected: tuple[int, ...]) -> None:
    block = np.array([counter], dtype=np.uint64)
    assert noise.philox(block, key)[0].tolist() == list(expected)


def test_uniform_fills_its_range_evenly() -> None:
    draws = noise.uniform(KEY, np.arange(200)[:, None], np.arange(100)[None, :], 5)
    counts, _ = np.histogram(draws, bins=64, range=(0.0, 1.0))
    chi_squared = float(((counts - counts.mean()) ** 2 / counts.mean()).sum())
    assert draws.min() >= 0.0
    assert draws.max() < 1.0
    assert 30.0 < chi_squared < 105.0  # 63 degrees of freedom: outside with probability below 1e-3


def test_neighbouring_counters_and_keys_are_uncorrelated() -> None:
    steps = np.arange(20_000)
    draws = noise.uniform(KEY, steps)
    others = (noise.uniform(KEY, steps, 1), noise.uniform((7, "text", 4, "native"), steps), np.roll(draws, 1))
    for other in others:
        assert abs(np.corrcoef(draws, other)[0, 1]) < 0.03


def test_a_draw_depends_on_its_coordinates_only() -> None:
    order = np.random.default_rng(0).permutation(50)
    together = noise.uniform(KEY, np.arange(50), 2, 9)
    assert np.array_equal(noise.uniform(KEY, order, 2, 9), together[order])
    assert float(noise.uniform(KEY, 17, 2, 9)) == together[17]


def test_numbers_and_their_names_are_different_keys() -> None:
    assert noise.key_words((1, "a")) != noise.key_words(("1", "a"))


def test_integers_reach_every_value_and_no_other() -> None:
    draws = noise.integers(KEY, 7, np.arange(2_000))
    assert set(draws.tolist()) == set(range(7))


@pytest.mark.parametrize("counters", [(), (0, 0, 0, 0, 0), (-1,), (2**32,)])
def test_counters_out_of_range_are_refused(counters: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="counter"):
        noise.uniform(KEY, *counters)


def test_an_empty_range_is_refused() -> None:
    with pytest.raises(ValueError, match="high"):
        noise.integers(KEY, 0, 1)
