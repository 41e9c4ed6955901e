"""What tests of every room share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.embedded import Stack, running_stack, temporary_home

if TYPE_CHECKING:
    from copd_engine.local import LocalRun


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """One embedded stack with two workers for the whole test session. Tests share it: name your own runs, and end them."""
    with temporary_home() as home, running_stack(home) as running:
        yield running


@pytest.fixture(scope="session")
def miniature(tmp_path_factory: pytest.TempPathFactory) -> LocalRun:
    """The miniature carried out in this process, for all who compare a run of a stack with it."""
    from tests.undisturbed import MINIATURE, local_run  # torch comes along, for which other tests need not wait

    return local_run(MINIATURE, tmp_path_factory.mktemp("miniature"))
