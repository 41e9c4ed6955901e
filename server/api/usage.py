"""How busy the workers' machines were."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from server.api.deps import Db, Redis
from server.api.schemas.usage import UsageList
from server.queries.usage import usage_list

router = APIRouter(tags=["system"])


@router.get("/workers/usage")
def list_usage(db: Db, redis: Redis, minutes: Annotated[int, Query(ge=1, le=1440, description="how far back")] = 60) -> UsageList:
    """CPU, memory and GPU of every worker's machine, kept for a day; also of workers that have gone since."""
    return usage_list(db, redis, minutes)
