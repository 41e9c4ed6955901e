"""Who may do what: the role of every operation. Each request passes `allow` before its route runs (deps.identity).

A viewer reads everything, an operator also changes runs. Whatever differs from that stands in EXCEPTIONS, by operation id.
"""

from __future__ import annotations

from server.api.problems import ApiError
from server.roles import Role

READS = ("GET", "HEAD", "OPTIONS")
EXCEPTIONS: dict[str, Role | None] = {
    # everyone, without a login
    "healthz": None,
    "readyz": None,
    "sign_in": None,
    "list_ways_in": None,
    "begin_single_sign_on": None,
    "end_single_sign_on": None,
    # changes nothing, or only what is the caller's own; the tokens of others are an admin's (server/api/people.py)
    "check_spec": Role.viewer,
    "sign_out": Role.viewer,
    "change_password": Role.viewer,
    "create_token": Role.viewer,
    "revoke_token": Role.viewer,
    # people
    "list_users": Role.admin,
    "add_user": Role.admin,
    "change_user": Role.admin,
    "list_audit": Role.admin,
    # webhooks: a URL may hold a secret, and what is called is called by the server
    "list_webhooks": Role.admin,
    "add_webhook": Role.admin,
    "remove_webhook": Role.admin,
    "send_test_message": Role.admin,
    "list_deliveries": Role.admin,
    "send_message_again": Role.admin,
}


def role_of(operation: str, method: str) -> Role | None:
    """The least role that may call the operation; None: no login is needed."""
    if operation in EXCEPTIONS:
        return EXCEPTIONS[operation]
    return Role.viewer if method.upper() in READS else Role.operator


def allow(operation: str, method: str, user: str, role: Role) -> None:
    """Raises 403 when the role may not call the operation."""
    needed = role_of(operation, method)
    if needed is not None and not role.covers(needed):
        raise ApiError(403, f"this needs the role {needed}; here {user} is {role}")
