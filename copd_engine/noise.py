"""Counter-based noise: every random number is a pure function of a key and its counters.

A generator with a hidden cursor would make a sample depend on what was drawn before it, hence on batch order, on
micro-batches and on which machine ran. Here `uniform(key, prompt, sample, token)` is one call of the block cipher
Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): the key is hashed from names such
as (seed, policy, step, part), the counters are the coordinates of the draw.
"""

import hashlib
import json
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

_MULTIPLIERS: Final = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL: Final = (0x9E3779B9, 0xBB67AE85)
_ROUNDS: Final = 10
_LOW: Final = np.uint64(0xFFFFFFFF)
_SHIFT: Final = np.uint64(32)
_WORD: Final = 2**32
MAX_COUNTERS: Final = 4

Key = tuple[int | str, ...]


def philox(counter: NDArray[np.uint64], key: tuple[int, int]) -> NDArray[np.uint64]:
    """Philox4x32-10 of `counter` [..., 4] under two 32-bit key words; returns [..., 4] 32-bit words held in uint64."""
    c0, c1, c2, c3 = (counter[..., i] for i in range(4))
    k0, k1 = key
    for _ in range(_ROUNDS):
        product0, product1 = c0 * _MULTIPLIERS[0], c2 * _MULTIPLIERS[1]
        c0, c1, c2, c3 = (
            (product1 >> _SHIFT) ^ c1 ^ np.uint64(k0),
            product1 & _LOW,
            (product0 >> _SHIFT) ^ c3 ^ np.uint64(k1),
            product0 & _LOW,
        )
        k0, k1 = (k0 + _WEYL[0]) % _WORD, (k1 + _WEYL[1]) % _WORD
    return np.stack((c0, c1, c2, c3), axis=-1)


def key_words(key: Key) -> tuple[int, int]:
    """Two 32-bit Philox key words for a key of names and numbers: ("a", 1) and ("a", "1") differ."""
    digest = hashlib.blake2b(json.dumps(key).encode(), digest_size=8).digest()
    return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:], "little")


def uniform(key: Key, *counters: ArrayLike) -> NDArray[np.float64]:
    """Uniform float64 in [0, 1) with 53 random bits, one for each element of the broadcast counters.

    Raises ValueError for more than four counters or for one outside [0, 2**32).
    """
    if not 1 <= len(counters) <= MAX_COUNTERS:
        raise ValueError(f"noise takes 1 to {MAX_COUNTERS} counters, got {len(counters)}")
    axes = np.broadcast_arrays(*(np.asarray(c, dtype=np.int64) for c in counters))
    for position, axis in enumerate(axes):
        if axis.size and (axis.min() < 0 or axis.max() >= _WORD):
            raise ValueError(f"noise counter {position} must lie in [0, 2**32)")
    block = np.zeros((*axes[0].shape, MAX_COUNTERS), dtype=np.uint64)
    for position, axis in enumerate(axes):
        block[..., position] = axis
    words = philox(block, key_words(key))
    high, low = words[..., 0] >> np.uint64(5), words[..., 1] >> np.uint64(6)
    return (high.astype(np.float64) * 2.0**26 + low.astype(np.float64)) * 2.0**-53


def integers(key: Key, high: int, *counters: ArrayLike) -> NDArray[np.int64]:
    """Uniform int64 in [0, high), one for each element of the broadcast counters; `high` at most 2**53.

    Raises ValueError for another `high`, and as `uniform` does.
    """
    if not 1 <= high <= 2**53:
        raise ValueError(f"high must lie in [1, 2**53], got {high}")
    return np.floor(uniform(key, *counters) * high).astype(np.int64)
