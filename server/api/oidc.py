"""Single sign-on: the browser goes to the provider, comes back with a code, and gets the same session cookie as by any other way in.

A browser follows these addresses itself, so what goes wrong is told on the page it comes back to, by a cookie that `ways` reads.
"""

from __future__ import annotations

import hmac
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from server import oidc
from server.api.deps import Db, Services, ServicesDep, problems
from server.api.problems import ApiError
from server.api.schemas.people import WaysIn
from server.api.session import is_secure, set_session
from server.commands import single_sign_on
from server.commands.errors import Refused
from server.login_limit import TooManyTriesError
from server.sealed import seal, unseal

router = APIRouter(prefix="/session", tags=["session"])
log = structlog.get_logger()
ATTEMPT_SECONDS = 600
"""How long one may take at the provider."""
PROBLEM_SECONDS = 60
FOLDER = "/api/v1/session"
SOMEBODY_ELSES = "this sign-in was begun in another browser, or too long ago; begin again"
REDIRECT: dict[int | str, dict[str, Any]] = {303: {"description": "the browser goes on there"}}
Page = Annotated[
    str,
    Query(
        pattern=r"^/([!-.0-\[\]-~][!-\[\]-~]*)?$",
        max_length=2000,
        description="path of this server to return to; never another host: it begins with one slash and holds no backslash",
    ),
]
Text = Annotated[str, Query(max_length=4000)]


@router.get("/ways")
def list_ways_in(request: Request, services: ServicesDep) -> WaysIn:
    """What the sign-in page offers besides a password and a link, and why the last single sign-on of this browser failed."""
    told = unseal(services.secret, "problem", request.cookies.get(_name(services, "problem"), ""))
    return WaysIn(single_sign_on=services.settings.oidc_name if services.provider else None, problem=told["text"] if told else None)


@router.get("/oidc", status_code=303, response_class=RedirectResponse, responses={**REDIRECT, **problems(s404="not set up here")})
def begin_single_sign_on(request: Request, services: ServicesDep, page: Page = "/") -> RedirectResponse:
    """Sends the browser to the provider."""
    attempt = oidc.new_attempt()
    try:
        address = _provider(services).login_address(attempt, _callback(request))
    except oidc.AwayError as error:
        return _failed(request, services, page, error)
    answer = RedirectResponse(address, 303)
    note = {**attempt._asdict(), "page": page}
    # Lax: the browser comes back from another site, and a strict cookie would stay behind.
    _set(answer, request, services, "attempt", note, ATTEMPT_SECONDS)
    return answer


@router.get("/oidc/callback", status_code=303, response_class=RedirectResponse, responses={**REDIRECT, **problems(s404="not set up here")})
def end_single_sign_on(
    request: Request, db: Db, services: ServicesDep, code: Text = "", state: Text = "", error: Text = "", iss: Text = ""
) -> RedirectResponse:
    """Where the provider sends the browser back to. The answer leads on to the page asked for, signed in or with a problem told."""
    provider = _provider(services)
    note = unseal(services.secret, "attempt", request.cookies.get(_name(services, "attempt"), ""))
    if note is None or not hmac.compare_digest(note["state"].encode(), state.encode("utf-8", "replace")):
        return _failed(request, services, "/", oidc.DeniedError(SOMEBODY_ELSES))
    page, attempt = note["page"], oidc.Attempt(note["state"], note["nonce"], note["verifier"])

    def redeem() -> oidc.Person:
        if iss and iss != services.settings.oidc_issuer:  # RFC 9207
            raise oidc.DeniedError("another provider answered than was asked")
        if error or not code:
            raise oidc.DeniedError("the provider did not sign you in")
        return provider.redeem(code, attempt, _callback(request))

    address = request.client.host if request.client else ""
    try:
        session = single_sign_on.sign_in(db, services.secret, attempt.state, redeem, services.settings.oidc_roles, address)
    except (oidc.AwayError, oidc.DeniedError, Refused, TooManyTriesError) as refusal:
        return _failed(request, services, page, refusal)
    # The page's own HTML needs no login; what it asks for comes from this site, so that the strict session cookie goes along.
    answer = RedirectResponse(page, 303)
    set_session(answer, services, session.value, request)
    _forget(answer, services, "attempt", "problem")
    return answer


def _provider(services: Services) -> oidc.Provider:
    """Raises 404."""
    if services.provider is None:
        raise ApiError(404, "single sign-on is not set up here")
    return services.provider


def _callback(request: Request) -> str:
    """Our address at the provider. The Host is one of those that this server answers for (security.Guard)."""
    return f"{request.url.scheme}://{request.url.netloc}{FOLDER}/oidc/callback"


def _failed(request: Request, services: Services, page: str, error: Exception) -> RedirectResponse:
    """Back to the page, where the problem is told."""
    if isinstance(error, oidc.AwayError):
        log.warning("single sign-on: no answer from the provider", error=str(error))
    answer = RedirectResponse(page, 303)
    _forget(answer, services, "attempt")
    _set(answer, request, services, "problem", {"text": str(error)}, PROBLEM_SECONDS)
    return answer


def _name(services: Services, kind: str) -> str:
    return f"copd_{kind}_{services.settings.port}"


def _set(answer: Response, request: Request, services: Services, kind: str, note: dict[str, str], seconds: int) -> None:
    value, secure = seal(services.secret, kind, note, seconds), is_secure(request, services)
    answer.set_cookie(_name(services, kind), value, max_age=seconds, path=FOLDER, httponly=True, samesite="lax", secure=secure)


def _forget(answer: Response, services: Services, *kinds: str) -> None:
    for kind in kinds:
        answer.delete_cookie(_name(services, kind), path=FOLDER, httponly=True, samesite="lax")
