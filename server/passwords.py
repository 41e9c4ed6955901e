"""Passwords as argon2id hashes (RFC 9106, second recommended option: 3 passes over 64 MiB)."""

from __future__ import annotations

import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_LENGTH, MAX_LENGTH = 10, 1000
_hasher = PasswordHasher()
_two_at_once = threading.BoundedSemaphore(2)
"""Each hash takes 64 MiB: logins wait for each other, so that many at once do not take the machine's memory."""


def hash_password(password: str) -> str:
    with _two_at_once:
        return _hasher.hash(password)


def is_password(stored: str | None, password: str) -> bool:
    """Whether `password` is the one of the hash. Without a hash the answer is no, after as long a time as with one."""
    try:
        with _two_at_once:
            return _hasher.verify(stored or _of_nobody(), password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


@cache
def _of_nobody() -> str:
    return _hasher.hash("")
