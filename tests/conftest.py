"""What tests of every room share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.embedded import Stack, running_stack, temporary_home


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """One embedded stack with two workers for the whole test session. Tests share it: name your own runs, and end them."""
    with temporary_home() as home, running_stack(home) as running:
        yield running
