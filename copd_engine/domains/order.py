"""Going through a finite set again and again, in another order each time, without ever writing an order down."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

_ROUNDS: Final = 4


def shuffled(name: str, size: int, index: int) -> int:
    """Which of `size` items is the one numbered `index` >= 0: every run of `size` numbers from a multiple of `size` meets each once.

    Each epoch has its own permutation, a balanced Feistel network over the smallest even number of bits that holds `size` (Luby and
    Rackoff, "How to construct pseudorandom permutations", 1988); a value outside is sent through again until it falls inside. So
    an index alone gives its item, in constant memory.
    """
    epoch, value = divmod(index, size)
    half = max(1, ((size - 1).bit_length() + 1) // 2)
    mask = (1 << half) - 1
    while True:
        left, right = value >> half, value & mask
        for turn in range(_ROUNDS):
            digest = blake2b(f"{name}:{epoch}:{turn}:{right}".encode(), digest_size=8).digest()
            left, right = right, left ^ (int.from_bytes(digest, "little") & mask)
        value = left << half | right
        if value < size:
            return value
