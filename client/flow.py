"""What a call of the API is, before anybody sends it: the requests it makes and what it reads from the answers. Knows no network.

A call is a generator of Requests that is given each answer's JSON and returns its result. So each is written once, and Client and
AsyncClient carry it out, each in its own way.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Request:
    """One request below /api/v1; `arguments` are httpx's (params, json, content, headers)."""

    method: str
    path: str
    arguments: dict[str, Any] = field(default_factory=dict)
    repeatable: bool = False
    """Whether sending it twice does no more than sending it once."""


Flow: TypeAlias = Generator[Request, Any, T]
"""A call: yields Requests, is sent JSON (or thrown an ApiError), returns a T."""


def get(path: str, **parameters: Any) -> Flow[Any]:
    """Reads; parameters that are None are left out."""
    return (yield Request("GET", path, {"params": {k: v for k, v in parameters.items() if v is not None}}, repeatable=True))


def change(method: str, path: str, **arguments: Any) -> Flow[Any]:
    """Changes something; sent once, for nobody knows whether a request without an answer arrived."""
    return (yield Request(method, path, arguments))
