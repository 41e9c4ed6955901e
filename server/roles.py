"""Roles: what a person, and each of their tokens and sessions, may do. Which operation needs which is in server/api/access.py."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """From least to most; each may do what those before it may."""

    viewer = "viewer"
    """Reads everything."""
    operator = "operator"
    """Also submits and steers runs."""
    admin = "admin"
    """Also users, the tokens of others, and the audit log."""

    def covers(self, needed: Role) -> bool:
        return _RANK[self] >= _RANK[needed]


_RANK = {role: rank for rank, role in enumerate(Role)}


def lower(one: Role, other: Role) -> Role:
    return min(one, other, key=_RANK.__getitem__)
