"""What every request passes first: which Host is answered, how large a body may be, and the headers of every answer."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.api.problems import ApiError, response

BODY_LIMIT = 1_000_000
"""Bytes. A spec is a page of text."""
EMPTY_STYLE = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
"""The hash of the empty string: Plotly puts an empty <style> into the page and fills it by rule."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
"""What an answer gets unless its route says otherwise."""


def new_nonce() -> str:
    return secrets.token_urlsafe(16)


def page_policy(nonce: str) -> str:
    """The Content-Security-Policy of the page."""
    directives = {
        "default-src": "'self'",
        "script-src": "'self'",
        "style-src": f"'self' 'nonce-{nonce}' {EMPTY_STYLE}",
        "img-src": "'self' data: blob:",
        "connect-src": "'self'",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in directives.items())


def is_same_origin(headers: Headers) -> bool:
    """Whether the request's Origin is the host it was sent to."""
    return urlsplit(headers.get("origin", "")).netloc == headers.get("host", "") != ""


class Guard:
    """ASGI middleware: refuses unknown hosts (DNS rebinding) and large bodies, and sets the headers of HEADERS."""

    def __init__(self, app: ASGIApp, allowed_hosts: Iterable[str], body_limit: int = BODY_LIMIT) -> None:
        self.app, self.body_limit = app, body_limit
        self.allowed_hosts = {host.lower() for host in allowed_hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    answer.setdefault(name, value)
            await send(message)

        if (refusal := self._refuse(headers)) is not None:
            await response(refusal)(scope, receive, send_with_headers)
            return
        await self.app(scope, self._limited(receive), send_with_headers)

    def _refuse(self, headers: Headers) -> ApiError | None:
        if _host_name(headers.get("host", "")) not in self.allowed_hosts:
            allowed = ", ".join(sorted(self.allowed_hosts))
            return ApiError(400, f"this server does not answer for the given Host; it is known as {allowed} (COPD_ALLOWED_HOSTS)")
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self.body_limit:
            return self._too_large()
        return None

    def _too_large(self) -> ApiError:
        return ApiError(413, f"the body is larger than {self.body_limit:,} bytes")

    def _limited(self, receive: Receive) -> Receive:
        seen = 0

        async def counting() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.body_limit:
                raise self._too_large()
            return message

        return counting


def _host_name(host: str) -> str:
    """`localhost:8765` → `localhost`; `[::1]:8765` → `[::1]`."""
    return (host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]).lower()
