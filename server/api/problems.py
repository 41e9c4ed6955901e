"""Errors as RFC 9457 problem documents. Every error of the API passes through here, so all have one shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException

from copd_engine.spec import SpecError
from server.api.schemas.parts import FieldProblem, Problem
from server.commands.errors import IdempotencyConflict, NotFound, Refused, VersionConflict
from server.states import TransitionError, Trigger, allowed_commands

MEDIA_TYPE = "application/problem+json"
log = structlog.get_logger()


class ApiError(Exception):
    """An error answer: status, one sentence, and the fields that are wrong."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Sequence[FieldProblem] = (),
        *,
        allowed: list[Trigger] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.errors, self.allowed, self.headers = status, detail, list(errors), allowed, headers


def response(error: ApiError) -> JSONResponse:
    problem = Problem(
        title=HTTPStatus(error.status).phrase, status=error.status, detail=error.detail, errors=error.errors, allowed=error.allowed
    )
    return JSONResponse(problem.model_dump(mode="json"), error.status, headers=error.headers, media_type=MEDIA_TYPE)


def of_field(field: str, message: str, status: int = 422) -> ApiError:
    """One wrong field."""
    return ApiError(status, f"{field}: {message}", [FieldProblem(field=field, message=message)])


def of_spec(error: SpecError) -> ApiError:
    problems = [FieldProblem(field=e.field, message=e.message) for e in error.errors]
    return ApiError(422, "; ".join(str(e) for e in error.errors[:3]), problems)


def _of_validation(error: RequestValidationError) -> ApiError:
    """Names each field without the part of the request it came from; a malformed path names nothing that exists: 404."""
    items = error.errors()
    if all(item["loc"][0] == "path" for item in items):
        return ApiError(404, "there is nothing of this name")
    problems = [FieldProblem(field=_field(item["loc"]), message=_message(item)) for item in items]
    return ApiError(422, "; ".join(f"{p.field}: {p.message}" if p.field else p.message for p in problems[:3]), problems)


def _field(location: Sequence[Any]) -> str:
    return ".".join(str(part) for part in location[1:])


def _message(item: Mapping[str, Any]) -> str:
    if item["type"] == "json_invalid":
        return f"not valid JSON: {item.get('ctx', {}).get('error', 'syntax error')}"
    return str(item["msg"])


def install(app: FastAPI) -> None:
    """Handlers for everything that may be raised behind a route."""

    def handle(kind: type[Exception], convert: Any) -> None:
        def handler(_request: Request, error: Exception) -> JSONResponse:
            return response(convert(error))

        app.add_exception_handler(kind, handler)

    handle(ApiError, lambda e: e)
    handle(SpecError, of_spec)
    handle(TransitionError, lambda e: ApiError(409, str(e), allowed=allowed_commands(e.state)))
    handle(NotFound, lambda e: ApiError(404, str(e)))
    handle(Refused, lambda e: ApiError(409, str(e)))
    handle(IdempotencyConflict, lambda e: ApiError(409, str(e)))
    handle(VersionConflict, lambda e: ApiError(412, str(e), headers={"ETag": f'"{e.current}"'}))
    handle(RequestValidationError, _of_validation)
    handle(HTTPException, lambda e: ApiError(e.status_code, str(e.detail), headers=e.headers))
    for unreachable in (OperationalError, RedisConnectionError, RedisTimeoutError):
        handle(unreachable, _unavailable)
    handle(Exception, _unexpected)


def _unavailable(error: Exception) -> ApiError:
    store = "the database" if isinstance(error, OperationalError) else "Redis"
    log.warning("store unreachable", store=store, error=str(error))
    return ApiError(503, f"{store} cannot be reached right now; try again shortly", headers={"Retry-After": "1"})


def _unexpected(error: Exception) -> ApiError:
    log.error("unexpected error", exc_info=error)
    return ApiError(500, "an unexpected error; the server's log has the details")
