"""Exit codes of `copd`; docs/client.md has them as a table."""

from __future__ import annotations

from enum import IntEnum

from client.errors import ApiError, UnreachableError
from client.models import Run


class Exit(IntEnum):
    done = 0
    failed = 1
    """The run or the command failed."""
    wrong_input = 2
    """Usage, a spec or a value that is wrong."""
    not_found = 3
    unreachable = 4
    """No stack, no answer, or a part of the server is away."""
    no_access = 5
    """The token is not valid, or may not do this."""
    refused = 6
    """Not in this state, or based on an old version."""
    cancelled = 7
    """The run that was watched was cancelled."""
    interrupted = 130


OF_STATUS = {
    502: Exit.unreachable, 503: Exit.unreachable, 504: Exit.unreachable,
    400: Exit.wrong_input, 413: Exit.wrong_input, 415: Exit.wrong_input, 422: Exit.wrong_input,
    401: Exit.no_access, 403: Exit.no_access,
    404: Exit.not_found,
    409: Exit.refused, 412: Exit.refused, 428: Exit.refused,
}  # fmt: skip
OF_STATE = {"completed": Exit.done, "failed": Exit.failed, "cancelled": Exit.cancelled}


class InputError(Exception):
    """A file or a value given to the command is wrong; the message says how."""


def of_error(error: ApiError) -> Exit:
    return Exit.unreachable if isinstance(error, UnreachableError) else OF_STATUS.get(error.status, Exit.failed)


def of_run(run: Run) -> Exit:
    """How a run ended."""
    return OF_STATE[run.state]
