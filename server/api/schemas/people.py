"""Users, tokens, logins, and the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints

from server.api.schemas.parts import Body, Text
from server.passwords import MAX_LENGTH, MIN_LENGTH
from server.roles import Role

UserName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._@-]{0,63}$")]
TypedPassword = Annotated[Text, StringConstraints(min_length=1, max_length=MAX_LENGTH)]
NewPassword = Annotated[Text, StringConstraints(min_length=MIN_LENGTH, max_length=MAX_LENGTH)]


class SignIn(Body):
    """Either a one-use code, or user and password."""

    code: Annotated[Text, StringConstraints(min_length=1, max_length=200)] | None = None
    user: Annotated[Text, StringConstraints(min_length=1, max_length=64)] | None = None
    password: TypedPassword | None = None


class PasswordChange(Body):
    """Of one's own."""

    current: TypedPassword
    new: NewPassword


class Session(BaseModel):
    user: str
    role: Role
    expires_at: datetime | None


class WaysIn(BaseModel):
    single_sign_on: str | None = Field(description="the provider's name for people; null: not set up")
    problem: str | None = Field(description="why the last single sign-on of this browser failed; null after a minute")


class UserView(BaseModel):
    name: str
    role: Role
    has_password: bool
    disabled: bool
    created_at: datetime


class UserList(BaseModel):
    users: list[UserView]


class UserCreate(Body):
    name: UserName
    role: Role
    password: NewPassword | None = None


class UserPatch(Body):
    """What is missing or null stays."""

    role: Role | None = None
    disabled: bool | None = None
    password: NewPassword | None = None


class TokenView(BaseModel):
    id: int
    name: str
    user: str
    role: Role
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None = Field(description="to the minute")


class NewToken(TokenView):
    value: str = Field(description="shown this once")


class TokenList(BaseModel):
    tokens: list[TokenView]


class TokenCreate(Body):
    name: Annotated[Text, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
    role: Role | None = Field(None, description="at most one's own, which it is by default")
    days: Annotated[int, Field(ge=1, le=3650, description="until it expires; null: never")] | None = None


class AuditEntry(BaseModel):
    """One thing a person did, or tried."""

    id: int
    time: datetime
    actor: str
    run: str | None = Field(description="id; null for users, tokens and logins")
    message: str
    data: dict[str, Any]


class AuditPage(BaseModel):
    entries: list[AuditEntry]
    next: int | None = Field(description="pass as `before` for the older ones; null at the end")
