"""Signing in: a one-use code, or user and password, becomes a session cookie."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from server import auth
from server.api.deps import JSON_ONLY, Db, IdentityDep, Services, ServicesDep, problems
from server.api.problems import ApiError, of_field
from server.api.schemas.people import PasswordChange, Session, SignIn
from server.api.security import is_same_origin
from server.commands import people
from server.login_limit import TooManyTriesError

router = APIRouter(prefix="/session", tags=["session"])
REFUSED = problems(
    s401="unknown, used or old code; wrong user or password", s403="sent by another site", s429="too many tries; see Retry-After"
)
WRONG = problems(s409="the caller has no password", s429="too many tries; see Retry-After")


@router.post("", responses=REFUSED, dependencies=[JSON_ONLY])
def sign_in(body: SignIn, request: Request, response: Response, db: Db, services: ServicesDep) -> Session:
    """Trades a one-use login code (printed by `copd up` and `copd open`), or a user's password, for a session cookie."""
    if "origin" in request.headers and not is_same_origin(request.headers):
        raise ApiError(403, "a login must come from this server's own page")
    session = _session(body, request.client.host if request.client else "", db, services)
    set_session(response, services, session.value, request)
    return Session(user=session.token.user_name, role=auth.role_of(db, session.token), expires_at=session.token.expires_at)


@router.get("")
def current_session(identity: IdentityDep) -> Session:
    return Session(user=identity.name, role=identity.role, expires_at=identity.token.expires_at)


@router.delete("", status_code=204)
def sign_out(request: Request, response: Response, db: Db, services: ServicesDep, identity: IdentityDep) -> None:
    """Ends the browser's session; a bearer token stays as it is."""
    if identity.via == "session":
        people.sign_out(db, services.secret, request.cookies[services.cookie], identity.name)
        response.delete_cookie(services.cookie, httponly=True, samesite="strict")


@router.put("/password", status_code=204, responses=WRONG, dependencies=[JSON_ONLY])
def change_password(body: PasswordChange, request: Request, db: Db, services: ServicesDep, identity: IdentityDep) -> None:
    """Changes the caller's own password. The caller's other sessions end; API tokens stay."""
    address = request.client.host if request.client else ""
    try:
        changed = people.change_own_password(db, services.secret, identity.token, body.current, body.new, address)
    except TooManyTriesError as error:
        raise ApiError(429, str(error), headers={"Retry-After": str(error.seconds)}) from None
    if not changed:
        raise of_field("current", "is not your password")


def _session(body: SignIn, address: str, db: Db, services: Services) -> people.NewSession:
    """Raises 401, 422 and 429."""
    if body.code is not None and body.user is None and body.password is None:
        if session := people.sign_in_by_code(db, services.secret, body.code, address):
            return session
        raise ApiError(401, "this login code is unknown, already used or too old; `copd open` makes a new one")
    if body.code is not None or body.user is None or body.password is None:
        raise of_field("code", "send either a one-use code, or user and password")
    try:
        session = people.sign_in_by_password(db, services.secret, body.user, body.password, address)
    except TooManyTriesError as error:
        raise ApiError(429, str(error), headers={"Retry-After": str(error.seconds)}) from None
    if session is None:
        raise ApiError(401, "user and password do not match")
    return session


def is_secure(request: Request, services: Services) -> bool:
    """Whether browsers come by https only, so that no cookie need ever go another way."""
    return request.url.scheme == "https" or services.settings.is_behind_tls


def set_session(response: Response, services: Services, value: str, request: Request) -> None:
    """Puts a new session's value into the browser's cookie."""
    response.set_cookie(
        services.cookie,
        value,
        max_age=int(auth.SESSION_LIFETIME.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=is_secure(request, services),
    )
