"""The OpenAPI document: FastAPI's, with errors under their own media type, and the role each operation needs."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from server.api.access import role_of
from server.api.problems import MEDIA_TYPE

PROBLEM = {"$ref": "#/components/schemas/Problem"}


def document(app: FastAPI) -> dict[str, Any]:
    """Built once per application."""
    if app.openapi_schema is None:
        app.openapi_schema = get_openapi(title=app.title, version=app.version, routes=app.routes)
        for path in app.openapi_schema["paths"].values():
            for method, operation in path.items():
                operation["x-role"] = role_of(operation["operationId"], method) or "anyone"
                _name_problem_type(operation["responses"])
    return app.openapi_schema


def _name_problem_type(responses: dict[str, dict[str, Any]]) -> None:
    for answer in responses.values():
        for media in list(answer.get("content", {}).values()):
            if media.get("schema") == PROBLEM:
                answer["content"] = {MEDIA_TYPE: {"schema": PROBLEM}}
