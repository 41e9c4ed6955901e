"""The API as one ASGI application. Knows how the parts are put together; what they do is in server/api."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.responses import Response
from fastapi.routing import APIRoute
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest

from copd_engine.store import open_store
from server import auth, figures, tracing
from server.api import (
    artifacts,
    compare,
    events,
    log,
    oidc,
    page,
    people,
    problems,
    rollouts,
    runs,
    session,
    spec,
    steering,
    system,
    training,
    usage,
    webhooks,
)
from server.api.deps import Services, identity
from server.api.openapi import document
from server.api.schemas.parts import Problem
from server.api.security import Guard
from server.db.session import create_database_engine, session_factory
from server.ended_logins import ended_logins_end_streams
from server.metrics import Latencies, SystemCollector, request_histogram
from server.notices import redis_client
from server.oidc import Provider
from server.settings import Settings
from server.sse import Hub, stream_client

API = "/api/v1"
POOL_SIZE = 20
"""Database connections kept. A route holds one while it runs; event streams hold none."""
REDIS_SECONDS = 2.0
"""A page must not hang on a Redis that is away."""


def create_app(settings: Settings) -> FastAPI:
    app = FastAPI(
        title="CoPD control plane",
        version="1",
        docs_url=None,  # Swagger's page loads from a CDN, against the page's own policy
        redoc_url=None,
        openapi_url=None,  # served below, behind the login
        lifespan=_lifespan(settings),
        generate_unique_id_function=_operation_id,
        responses={"4XX": {"model": Problem, "description": "the request is wrong"}, "5XX": {"model": Problem, "description": "not now"}},
    )
    registry = CollectorRegistry()
    app.add_middleware(Latencies, histogram=request_histogram(registry))
    app.add_middleware(Guard, allowed_hosts=[*settings.allowed_hosts, settings.host])
    problems.install(app)
    private = APIRouter(prefix=API, dependencies=[Depends(identity)])
    for part in (runs, steering, training, compare, log, artifacts, rollouts, events, spec, usage, system, people, webhooks):
        private.include_router(part.router)

    @private.get("/openapi.json", include_in_schema=False)
    def openapi() -> dict[str, Any]:
        return app.openapi()

    @app.get("/metrics", include_in_schema=False, dependencies=[Depends(identity)])
    def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    registry.register(_collector(app))
    app.include_router(session.router, prefix=API)
    app.include_router(oidc.router, prefix=API)
    app.include_router(private)
    app.include_router(system.probes)
    app.include_router(page.router)
    app.state.spans = tracing.trace_requests(app)
    app.openapi = lambda: document(app)  # FastAPI's own way to change the document
    return app


def _collector(app: FastAPI) -> SystemCollector:
    def services() -> Services:
        return app.state.services

    return SystemCollector(lambda: services().sessions, lambda: services().redis, lambda: services().hub.subscribers)


def openapi_document() -> dict[str, Any]:
    """The OpenAPI document; needs no database, Redis or environment."""
    return create_app(Settings(database_url="postgresql+psycopg://", redis_url="redis://", store_url="memory://")).openapi()


def _warm_up() -> None:
    """Loads what is slow to load before the first page asks for it: charts, and the tasks a spec may name."""
    figures.warm_up()
    importlib.import_module("reasoning_gym")


def _operation_id(route: APIRoute) -> str:
    return route.name


def _provider(settings: Settings) -> Provider | None:
    if not settings.oidc_issuer:
        return None
    return Provider(settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret, settings.oidc_role_claim)


def _lifespan(settings: Settings) -> Any:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        engine = create_database_engine(settings.database_url, pool_size=POOL_SIZE)
        bus = redis_client(settings.redis_url, timeout=REDIS_SECONDS)
        stream = stream_client(settings.redis_url)
        sessions = session_factory(engine)
        async with Hub(stream) as hub, ended_logins_end_streams(hub, sessions):
            secret = auth.load_secret(settings.home)
            provider = _provider(settings)
            app.state.services = Services(
                settings, secret, sessions, bus, hub, open_store(settings.store_url), asyncio.Semaphore(POOL_SIZE), provider
            )
            warming = asyncio.create_task(asyncio.to_thread(_warm_up))
            yield
            await warming
            if provider:
                provider.close()
        tracing.flush(app.state.spans)
        await stream.aclose()
        bus.close()
        engine.dispose()

    return lifespan
