"""Signing in: a one-use code becomes a session cookie."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from server import auth
from server.api.deps import JSON_ONLY, IdentityDep, ServicesDep, problems
from server.api.problems import ApiError
from server.api.schemas.system import LoginCode, Session
from server.api.security import is_same_origin

router = APIRouter(prefix="/session", tags=["session"])


@router.post("", responses=problems(s401="unknown, used or old code", s403="sent by another site"), dependencies=[JSON_ONLY])
def sign_in(body: LoginCode, request: Request, response: Response, services: ServicesDep) -> Session:
    """Trades a one-use login code (printed by `copd up` and `copd open`) for a session cookie."""
    if "origin" in request.headers and not is_same_origin(request.headers):
        raise ApiError(403, "a login must come from this server's own page")
    with services.sessions.begin() as db:
        code = auth.redeem(db, services.secret, body.code)
        if code is None:
            raise ApiError(401, "this login code is unknown, already used or too old; `copd open` makes a new one")
        value = auth.issue(db, services.secret, "session", code.name, auth.SESSION_LIFETIME)
        session = auth.identify(db, services.secret, "session", value)
        assert session
    response.set_cookie(
        services.cookie,
        value,
        max_age=int(auth.SESSION_LIFETIME.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return Session(user=session.name, expires_at=session.expires_at)


@router.get("")
def current_session(identity: IdentityDep) -> Session:
    return Session(user=identity.name, expires_at=identity.token.expires_at)


@router.delete("", status_code=204)
def sign_out(request: Request, response: Response, services: ServicesDep, identity: IdentityDep) -> None:
    """Ends the browser's session; a bearer token stays as it is."""
    if identity.via == "session":
        with services.sessions.begin() as db:
            auth.revoke(db, services.secret, "session", request.cookies[services.cookie])
        response.delete_cookie(services.cookie, httponly=True, samesite="strict")
