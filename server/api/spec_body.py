"""A spec as the body of a request: YAML or JSON, taken as text so that comments survive."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request

from server.api.problems import ApiError

YAML_TYPES = ("application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml", "text/plain")
SPEC_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "a run spec (`GET /api/v1/spec/schema`), or a recipe: `{spec, edits}` (`GET /api/v1/runs/{run_id}/recipe`)",
        "content": {
            "application/yaml": {"schema": {"type": "string"}},
            "text/yaml": {"schema": {"type": "string"}},
            "application/json": {"schema": {"type": "object"}},
        },
    }
}


@dataclass(frozen=True)
class Source:
    """A submitted spec as it came."""

    text: str

    @property
    def digest(self) -> str:
        """What makes two submissions the same."""
        return hashlib.sha256(self.text.encode()).hexdigest()


async def _source(request: Request) -> Source:
    """Raises 415 for another media type, and 422 for a body that is not UTF-8 text."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in (*YAML_TYPES, "application/json"):
        accepted = "application/yaml, text/yaml or application/json"
        raise ApiError(415, f"a spec is {accepted}, not '{media_type or 'untyped'}'", headers={"Accept": accepted})
    try:
        text = (await request.body()).decode()
    except UnicodeDecodeError as error:
        raise ApiError(422, f"the body is not UTF-8 text (byte {error.start})") from None
    if not text.strip():
        raise ApiError(422, "the body is empty; send a run spec (GET /api/v1/spec/templates has examples)")
    return Source(text)


SpecSource = Annotated[Source, Depends(_source)]
