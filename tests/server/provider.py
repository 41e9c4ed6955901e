"""A real provider of OpenID Connect in a thread: RSA keys, discovery, a login that needs no password, and a token endpoint that checks."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "copd", "a secret: of 100 % + more"
Sign = Callable[[RSAKey, dict[str, Any]], str]


def sign(key: RSAKey, claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)


def new_key() -> RSAKey:
    return RSAKey.generate_key(2048, parameters={"kid": secrets.token_hex(4)})


@dataclass
class StandIn:
    """The person who is signed in there, and what it does wrong next."""

    issuer: str
    key: RSAKey = field(default_factory=new_key)
    keys: list[RSAKey] | None = None
    """Published; by default the one it signs with."""
    person: dict[str, Any] = field(default_factory=lambda: {"sub": "s-1", "preferred_username": "Bob", "groups": ["training"]})
    claims: dict[str, Any] = field(default_factory=dict)
    """Put into the next ID tokens over what is right; None: left out."""
    sign: Sign = sign
    methods: tuple[str, ...] = ("client_secret_basic",)
    broken: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    """What a path answers instead."""
    hang: threading.Event | None = None
    asked: list[str] = field(default_factory=list)
    """Paths, in order."""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def discovery(self) -> dict[str, Any]:
        paths = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/keys"}
        return {
            "issuer": self.issuer,
            "token_endpoint_auth_methods_supported": self.methods,
            **{k: self.issuer + v for k, v in paths.items()},
        }

    def published(self) -> dict[str, Any]:
        return {"keys": [key.as_dict(private=False) for key in self.keys or [self.key]]}

    def authorize(self, asked: dict[str, str]) -> str:
        """Where the browser is sent back to."""
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = secrets.token_urlsafe()
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state'], 'iss': self.issuer})}"

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        if self.methods == ("client_secret_post",):
            known = (form.get("client_id"), form.get("client_secret")) == (CLIENT, SECRET)
        else:
            name, _, password = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
            known = (unquote(name), unquote(password)) == (CLIENT, SECRET)
        if not known:
            return 401, {"error": "invalid_client"}
        asked = self.codes.pop(form["code"], None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != form["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        right = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        claims = {name: value for name, value in {**right, **self.person, **self.claims}.items() if value is not None}
        return 200, {"access_token": "unused", "token_type": "Bearer", "id_token": self.sign(self.key, claims)}


class Handler(BaseHTTPRequestHandler):
    """One request of a browser or of the server under test."""

    def do_GET(self) -> None:
        self.answer({})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        self.answer({name: values[0] for name, values in parse_qs(body).items()})

    def answer(self, form: dict[str, str]) -> None:
        url = urlsplit(self.path)
        assert isinstance(self.server, Server)
        stand_in = self.server.stand_in
        stand_in.asked.append(url.path)
        if stand_in.hang:
            stand_in.hang.wait()
        if broken := stand_in.broken.get(url.path):
            self.send(*broken)
        elif url.path == "/authorize":
            self.send(302, b"", stand_in.authorize({name: values[0] for name, values in parse_qs(url.query).items()}))
        elif url.path == "/token":
            status, answer = stand_in.token(form, self.headers.get("authorization", ""))
            self.send(status, json.dumps(answer).encode())
        else:
            known = {"/.well-known/openid-configuration": stand_in.discovery, "/keys": stand_in.published}
            self.send(200, json.dumps(known[url.path]()).encode())

    def send(self, status: int, body: bytes, location: str = "") -> None:
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *_: Any) -> None:  # noqa: A002  # the base class names it so
        pass


class Server(ThreadingHTTPServer):
    def __init__(self, host: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.stand_in = StandIn(f"http://{host}:{self.server_address[1]}")

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has waited long enough hangs up."""


@contextlib.contextmanager
def providing(host: str = "127.0.0.1") -> Iterator[StandIn]:
    """host: the name of this machine that it goes by."""
    server = Server(host)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.stand_in
    finally:
        if server.stand_in.hang:
            server.stand_in.hang.set()
        server.shutdown()
        server.server_close()
        thread.join()
