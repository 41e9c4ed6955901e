"""What people do to runs. Each command is one transaction: all of it happened, or nothing.

Commands commit, then tell the scheduler and the run's viewers. They raise SpecError (a field is wrong), NotFound, TransitionError (the
run's state does not allow it), Refused (likewise, for what is no transition) and VersionConflict (somebody else was faster).
"""

from server.commands.checkpoints import pin, sweep
from server.commands.controls import edit_controls
from server.commands.deletion import delete_run
from server.commands.errors import IdempotencyConflict, NotFound, Refused, VersionConflict
from server.commands.exports import request_export
from server.commands.fork import Fork, fork
from server.commands.once import IdempotencyToken
from server.commands.retry import retry
from server.commands.runs import command, command_policies, create_run, describe, force, retag

__all__ = [
    "Fork",
    "IdempotencyConflict",
    "IdempotencyToken",
    "NotFound",
    "Refused",
    "VersionConflict",
    "command",
    "command_policies",
    "create_run",
    "delete_run",
    "describe",
    "edit_controls",
    "force",
    "fork",
    "pin",
    "request_export",
    "retag",
    "retry",
    "sweep",
]
