"""What routes are made of: who asks, a database session, Redis, and the run of the path."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import redis
from fastapi import Depends, Header, Path, Request
from sqlalchemy.orm import Session

from copd_engine.store import Store
from server import auth
from server.api.access import allow
from server.api.problems import ApiError
from server.api.schemas.parts import Problem
from server.api.security import is_same_origin
from server.db.models import Run, Token
from server.db.session import SessionFactory
from server.oidc import Provider
from server.roles import Role
from server.settings import Settings
from server.sse import Hub

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
LARGEST_ID = 2**63 - 1


@dataclass(frozen=True)
class Services:
    """What a server process holds for as long as it lives."""

    settings: Settings
    secret: bytes
    sessions: SessionFactory
    redis: redis.Redis
    hub: Hub
    store: Store
    turns: asyncio.Semaphore
    """As many as routes may hold a connection to PostgreSQL at once; fewer than there are connections."""
    provider: Provider | None = None
    """Of OpenID Connect, where single sign-on is set up."""

    @property
    def cookie(self) -> str:
        """The session cookie, named with the port: cookies of one host are shared by all its ports."""
        return f"copd_session_{self.settings.port}"


def services(request: Request) -> Services:
    return request.app.state.services


ServicesDep = Annotated[Services, Depends(services)]


@dataclass(frozen=True)
class Identity:
    """Who asks, what they may do, and by what."""

    name: str
    role: Role
    via: Literal["token", "session"]
    token: Token


def identity(request: Request, services: ServicesDep) -> Identity:
    """The caller by bearer token or session cookie.

    Raises 401, 403 where the operation needs a higher role, and 403 for a changing request by cookie from another site.
    """
    caller = _caller(request, services)
    allow(request.scope["route"].name, request.method, caller.name, caller.role)
    return caller


def _caller(request: Request, services: Services) -> Identity:
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    cookie = request.cookies.get(services.cookie)
    with services.sessions.begin() as db:
        if scheme.lower() == "bearer" and (login := auth.identify(db, services.secret, "token", bearer.strip())):
            return Identity(login.token.user_name, login.role, "token", login.token)
        if not scheme and cookie and (login := auth.identify(db, services.secret, "session", cookie)):
            _refuse_other_sites(request)
            return Identity(login.token.user_name, login.role, "session", login.token)
    detail = "sign in on the page, or send `Authorization: Bearer <token>` (`copd token create` makes one)"
    raise ApiError(401, detail, headers={"WWW-Authenticate": "Bearer"})


def _refuse_other_sites(request: Request) -> None:
    if request.method not in SAFE_METHODS and not is_same_origin(request.headers):
        raise ApiError(403, "a changing request by cookie must carry the Origin of this page; use a bearer token from elsewhere")


IdentityDep = Annotated[Identity, Depends(identity)]


async def turn(services: ServicesDep) -> AsyncIterator[None]:
    """Waits, without a thread, until fewer routes hold a connection than there are.

    A route that holds one needs a thread to go on. Of many requests at once, those that wait for a connection would have all threads,
    and nobody would ever give one back.
    """
    async with services.turns:
        yield


def database(services: ServicesDep, _turn: Annotated[None, Depends(turn, scope="function")]) -> Iterator[Session]:
    """A session for one route. What the route does not commit is rolled back."""
    with services.sessions() as session:
        yield session


# scope="function": given back before the answer is sent, so that a slow reader or an event stream holds no connection
Db = Annotated[Session, Depends(database, scope="function")]


def redis_client(services: ServicesDep) -> redis.Redis:
    return services.redis


Redis = Annotated[redis.Redis, Depends(redis_client)]


def run(db: Db, run_id: Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]) -> Run:
    """The run of the path. Raises 404."""
    if (found := db.get(Run, run_id)) is None:
        raise no_run(run_id)
    return found


def no_run(run_id: str) -> ApiError:
    return ApiError(404, f"there is no run '{run_id}'")


RunDep = Annotated[Run, Depends(run, scope="function")]
RowId = Annotated[int, Path(ge=1, le=LARGEST_ID)]


def json_body(content_type: Annotated[str, Header(include_in_schema=False)] = "") -> None:
    """Raises 415 for a body that is not JSON."""
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise ApiError(415, f"the body must be application/json, not '{media_type or 'untyped'}'", headers={"Accept": "application/json"})


JSON_ONLY = Depends(json_body)


def problems(**texts: Any) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route for OpenAPI: `problems(s409="…")`."""
    return {int(status[1:]): {"model": Problem, "description": text} for status, text in texts.items()}
