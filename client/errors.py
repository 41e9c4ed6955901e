"""What can go wrong with a request, and when it is worth another try."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

from client.flow import Request

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
"""Seconds. Pauses double from the first to the longest, each shortened by up to half at random, so that clients do not come in step."""
TRY_AGAIN = frozenset({0, 429, 502, 503, 504})
"""Statuses after which the same request may succeed; 0: there was no answer."""


class ApiError(Exception):
    """The API refused or could not be reached. `problem` is the RFC 9457 document, empty when there was none."""

    def __init__(self, message: str, status: int = 0, problem: dict[str, Any] | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        """HTTP status; 0 when no answer came."""
        self.problem = problem or {}
        self.retry_after = retry_after

    @property
    def fields(self) -> dict[str, str]:
        """Wrong fields by dotted path, with what would be right."""
        return {error.get("field", ""): error.get("message", "") for error in self.problem.get("errors", [])}


class UnreachableError(ApiError):
    """No answer came at all."""


def answer_of(response: httpx.Response) -> Any:
    """The answer's JSON; None for an empty one. Raises ApiError when it is an error."""
    if response.is_error:
        raise error_of(response)
    return response.json() if response.content else None


def error_of(response: httpx.Response) -> ApiError:
    """The error of a response that has been read."""
    try:
        problem = response.json()
        detail = problem.get("detail") or problem.get("title")
    except (ValueError, AttributeError):
        problem, detail = {}, None
    message = detail or f"{response.request.method} {response.request.url.path} answered {response.status_code}"
    errors = [f"{error.get('field') or 'spec'}: {error.get('message')}" for error in problem.get("errors", [])]
    wait = response.headers.get("retry-after", "")
    return ApiError(
        "\n  ".join([message, *(line for line in errors if line != message)]),
        response.status_code,
        problem,
        float(wait) if wait.isdecimal() else None,
    )


def as_api_error(error: Exception, url: str) -> ApiError:
    return error if isinstance(error, ApiError) else UnreachableError(f"cannot reach {url}: {error}")


def pause(failures: int) -> float:
    """Seconds to wait after so many failures in a row."""
    return min(FIRST_PAUSE * 2 ** (failures - 1), LONGEST_PAUSE) * random.uniform(0.5, 1)


@dataclass
class Tries:
    """How often one request has failed, and whether it may be tried again."""

    request: Request
    retries: int
    url: str
    failures: int = 0

    def failed(self, error: Exception) -> float:
        """Seconds to wait before the next try. Raises the error, as an ApiError, when there is to be none."""
        problem = as_api_error(error, self.url)
        self.failures += 1
        if not self.request.repeatable or self.failures > self.retries or problem.status not in TRY_AGAIN:
            raise problem from error
        return pause(self.failures) if problem.retry_after is None else min(problem.retry_after, LONGEST_PAUSE)


@dataclass
class Patience:
    """How long a stream has been without a connection, and whether it may be opened again."""

    seconds: float
    url: str
    failures: int = 0
    since: float = field(default_factory=time.monotonic)

    def connected(self) -> None:
        self.failures, self.since = 0, time.monotonic()

    def failed(self, error: Exception) -> tuple[float, ApiError]:
        """Seconds to wait before the next try, and why. Raises the error, as an ApiError, when there is to be none."""
        problem = as_api_error(error, self.url)
        if self.failures == 0:
            self.since = time.monotonic()
        self.failures += 1
        if problem.status not in TRY_AGAIN or time.monotonic() - self.since > self.seconds:
            raise problem from error
        return pause(self.failures), problem
