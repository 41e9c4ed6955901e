"""Why a command was not carried out; the API turns each into one status code."""

# ruff: noqa: N818  # named for what happened, as the API's problem titles say it
from __future__ import annotations


class NotFound(LookupError):
    """There is no such run, policy or checkpoint."""


class Refused(Exception):
    """The run's state does not allow it; the message says what would be right."""


class VersionConflict(Exception):
    """The run was changed since the caller looked: its control version is another one now."""

    def __init__(self, current: int) -> None:
        super().__init__(f"the run was changed meanwhile: its control version is {current}; fetch it again and decide anew")
        self.current = current


class IdempotencyConflict(Exception):
    """The Idempotency-Key was used before for another request."""
