"""Users, API tokens, and the audit log. Which role each operation needs stands in access.py."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query

from server.api.deps import JSON_ONLY, LARGEST_ID, Db, Identity, IdentityDep, RowId, ServicesDep, problems
from server.api.problems import of_field
from server.api.schemas.people import AuditPage, NewToken, TokenCreate, TokenList, UserCreate, UserList, UserPatch, UserView
from server.commands import people as commands
from server.queries import people as queries
from server.roles import Role

router = APIRouter(tags=["people"])
Name = Annotated[str, Path(pattern=r"^[a-z0-9._@-]{1,64}$")]


@router.get("/users")
def list_users(db: Db) -> UserList:
    return queries.users(db)


@router.post("/users", status_code=201, dependencies=[JSON_ONLY], responses=problems(s409="the name is taken"))
def add_user(body: UserCreate, db: Db, identity: IdentityDep) -> UserView:
    return queries.user_view(commands.add_user(db, body.name, body.role, body.password, identity.name))


@router.patch("/users/{name}", dependencies=[JSON_ONLY], responses=problems(s404="there is no such user", s409="no admin would be left"))
def change_user(name: Name, body: UserPatch, db: Db, identity: IdentityDep) -> UserView:
    """Role, password, or whether the user is disabled: then every token and session is revoked and open event streams end."""
    user = commands.change_user(db, name, identity.name, role=body.role, disabled=body.disabled, password=body.password)
    return queries.user_view(user)


@router.get("/tokens")
def list_tokens(db: Db, identity: IdentityDep) -> TokenList:
    """The caller's API tokens; for an admin everybody's."""
    return queries.tokens(db, None if identity.role is Role.admin else identity.name)


@router.post("/tokens", status_code=201, dependencies=[JSON_ONLY])
def create_token(body: TokenCreate, db: Db, services: ServicesDep, identity: IdentityDep) -> NewToken:
    """A token of the caller. It can do no more, and by a token that expires live no longer, than what asked for it."""
    role, lifetime = body.role or identity.role, timedelta(days=body.days) if body.days else None
    _check_bounds(identity, role, lifetime)
    value, token = commands.create_token(db, services.secret, identity.name, name=body.name, role=role, lifetime=lifetime)
    return NewToken(**queries.token_view(token).model_dump(), value=value)


@router.delete("/tokens/{token_id}", status_code=204, responses=problems(s404="no such token, or somebody else's"))
def revoke_token(token_id: RowId, db: Db, identity: IdentityDep) -> None:
    """Ends a token of the caller; an admin ends anybody's. Its open event streams end within seconds."""
    commands.revoke_token(db, token_id, identity.name, of_others=identity.role is Role.admin)


@router.get("/audit")
def list_audit(
    db: Db,
    before: Annotated[int | None, Query(ge=0, le=LARGEST_ID, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> AuditPage:
    """What people did to runs, users and tokens, and every login, newest first."""
    return queries.audit(db, before=before, limit=limit)


def _check_bounds(identity: Identity, role: Role, lifetime: timedelta | None) -> None:
    """Raises 422 for a token that could do more, or live longer, than the one that asks for it."""
    if not identity.role.covers(role):
        raise of_field("role", f"must be at most {identity.role}, as it is here")
    if identity.via != "token" or identity.token.expires_at is None:
        return
    left = identity.token.expires_at - datetime.now(UTC)
    if lifetime is None or lifetime > left:
        raise of_field("days", f"this token itself expires in {left.days} days; a token it makes can last no longer")
