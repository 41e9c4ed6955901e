"""The system itself: workers, the look of its figures, health, readiness."""

from __future__ import annotations

from fastapi import APIRouter, Response

from server import figures, queries
from server.api.deps import Db, Redis, ServicesDep
from server.api.schemas.series import Theme
from server.api.schemas.system import Health, WorkerList

router = APIRouter(tags=["system"])
probes = APIRouter(tags=["system"])
"""Open to everyone: they say nothing but up or not."""


@router.get("/workers")
def list_workers(db: Db, redis: Redis) -> WorkerList:
    return queries.worker_list(db, redis)


@router.get("/theme")
def get_theme() -> Theme:
    """The Plotly templates of a light and a dark page, and the colours of policies and of agreement, whichever run a figure is of."""
    return figures.theme()


@probes.get("/healthz")
async def healthz() -> Health:
    """This process is alive."""
    return Health(status="ok")


@probes.get("/readyz", responses={503: {"model": Health, "description": "a part is missing"}})
def readyz(response: Response, services: ServicesDep) -> Health:
    """PostgreSQL and Redis answer, and a scheduler leads."""
    checks = queries.readiness(services.sessions, services.redis)
    ready = all(state == "ok" for state in checks.values())
    response.status_code = 200 if ready else 503
    return Health(status="ok" if ready else "unavailable", checks=checks)
