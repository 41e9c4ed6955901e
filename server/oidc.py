"""OpenID Connect: what is asked of the provider (authorization code flow with PKCE), and which of its answers are believed.

Knows no users, roles or cookies. OpenID Connect Core 1.0, Discovery 1.0; RFC 7636 (PKCE), RFC 9700 (OAuth 2.0 security).
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

import httpx
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from pydantic import BaseModel, SecretStr, ValidationError, field_validator

from server.safe_url import is_safe

SECONDS = 5.0
"""For one call of the provider, from the connection to the last byte."""
CALLS_AT_ONCE = 4
"""A provider that hangs must not take every thread of the API."""
LARGEST_ANSWER = 1_000_000
KEPT_SECONDS = 3600.0
"""How long the provider's addresses and keys are good; an unknown key is looked for at once."""
PAUSE_SECONDS = 3.0
"""After a call that failed, the provider's documents are not asked for again for so long, however many wish to sign in."""
LEEWAY_SECONDS = 60
LONGEST_SUBJECT = 255
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Only those with a public key: with HS256 the key could be one that everybody knows, with none there is no key."""
T = TypeVar("T")


class AwayError(Exception):
    """The provider does not answer, or not as a provider does; the message is for the person who waits."""


class DeniedError(Exception):
    """The provider's answer proves nobody's identity; the message is for the person who waits."""


class Attempt(NamedTuple):
    """What ties a provider's answer to the browser that asked for it."""

    state: str
    nonce: str
    verifier: str


class Person(NamedTuple):
    """Who the provider says it is: issuer and subject stay the same for ever, everything else may change."""

    issuer: str
    subject: str
    name: str
    """preferred_username, else email; may be empty, and is nobody's identity."""
    groups: frozenset[str]
    """The values of the role claim."""


class Discovery(BaseModel):
    """The provider's description of itself, as far as it is used."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]

    @field_validator("authorization_endpoint", "token_endpoint", "jwks_uri")
    @classmethod
    def _is_safe(cls, value: str) -> str:
        if not is_safe(value):
            raise ValueError("must be https")
        return value


def new_attempt() -> Attempt:
    return Attempt(*(secrets.token_urlsafe(32) for _ in Attempt._fields))


class Provider:
    """One provider, under the name and secret it knows this server by. Safe to use from several threads."""

    def __init__(self, issuer: str, client_id: str, client_secret: SecretStr, role_claim: str) -> None:
        self._issuer, self._client_id, self._secret, self._role_claim = issuer, client_id, client_secret, role_claim
        self._http = httpx.Client(verify=ssl.create_default_context(), trust_env=False, follow_redirects=False, timeout=SECONDS)
        self._free = threading.BoundedSemaphore(CALLS_AT_ONCE)
        self._discovery = _Kept(self._fetch_discovery)
        self._keys = _Kept(self._fetch_keys)

    def close(self) -> None:
        self._http.close()

    def login_address(self, attempt: Attempt, callback: str) -> str:
        """Where the browser goes to sign in. Raises AwayError."""
        endpoint = self._discovery.get().authorization_endpoint
        challenge = base64.urlsafe_b64encode(hashlib.sha256(attempt.verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code", "client_id": self._client_id, "redirect_uri": callback, "scope": "openid profile email",
            "state": attempt.state, "nonce": attempt.nonce, "code_challenge": challenge, "code_challenge_method": "S256",
        }  # fmt: skip
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"

    def redeem(self, code: str, attempt: Attempt, callback: str) -> Person:
        """Trades the code that the browser brought back for an ID token, and reads it. Raises AwayError and DeniedError."""
        known = self._discovery.get()
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": callback, "code_verifier": attempt.verifier}
        client = (self._client_id, self._secret.get_secret_value())
        if "client_secret_basic" in known.token_endpoint_auth_methods_supported:
            status, answer = self._call("POST", known.token_endpoint, data=form, auth=(quote(client[0], ""), quote(client[1], "")))
        else:
            status, answer = self._call("POST", known.token_endpoint, data={**form, "client_id": client[0], "client_secret": client[1]})
        if status == 200 and isinstance(id_token := answer.get("id_token"), str):
            return self._person(self._claims(id_token, attempt.nonce))
        if answer.get("error") == "invalid_grant":
            raise DeniedError("the provider does not know this sign-in any more; begin again")
        raise AwayError(f"the provider gives this server no ID token (it answered {status}); its administrator can say why")

    def _claims(self, id_token: str, nonce: str) -> dict[str, Any]:
        """The claims of an ID token that this provider signed for this server and this attempt, and that is good now."""
        wanted = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            try:
                claims = jwt.decode(id_token, self._keys.get(), ALGORITHMS).claims
            except InvalidKeyIdError:
                claims = jwt.decode(id_token, self._keys.get(anew=True), ALGORITHMS).claims
            wanted.validate(claims)
        except (JoseError, ValueError) as error:
            raise DeniedError(f"the provider's ID token cannot be believed ({error})") from None
        audience, party = claims["aud"], claims.get("azp")
        if party != self._client_id and (party is not None or (isinstance(audience, list) and len(audience) > 1)):
            raise DeniedError("the provider's ID token cannot be believed (it was made for another party: azp)")
        if not (claims["sub"].isascii() and claims["sub"].isprintable() and len(claims["sub"]) <= LONGEST_SUBJECT):
            raise DeniedError(f"the provider's ID token cannot be believed (sub must be at most {LONGEST_SUBJECT} ASCII characters)")
        return claims

    def _person(self, claims: dict[str, Any]) -> Person:
        names = (claims.get(claim) for claim in ("preferred_username", "email"))
        name = next((name for name in names if isinstance(name, str) and name), "")
        return Person(self._issuer, claims["sub"], name, _values(claims, self._role_claim))

    def _fetch_discovery(self) -> Discovery:
        status, answer = self._call("GET", f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        try:
            found = Discovery.model_validate(answer)
        except ValidationError as error:
            wrong = ", ".join(str(problem["loc"][0]) for problem in error.errors())
            raise AwayError(f"the provider's description of itself is not right (status {status}; {wrong})") from None
        if found.issuer != self._issuer:
            raise AwayError(f"the provider calls itself {found.issuer}, and COPD_OIDC_ISSUER calls it {self._issuer}")
        return found

    def _fetch_keys(self) -> KeySet:
        status, answer = self._call("GET", self._discovery.get().jwks_uri)
        try:
            return KeySet.import_key_set(answer)  # pyright: ignore[reportArgumentType]  # what it is not, it raises
        except (JoseError, LookupError, TypeError, ValueError):
            raise AwayError(f"the provider's keys cannot be read (status {status})") from None

    def _call(self, method: str, url: str, **sent: Any) -> tuple[int, dict[str, Any]]:
        """Status and JSON object of the answer. Raises AwayError."""
        if not self._free.acquire(timeout=SECONDS):
            raise AwayError("too many are signing in at this moment; try again shortly")
        try:
            until, body = time.monotonic() + SECONDS, b""
            with self._http.stream(method, url, headers={"accept": "application/json"}, **sent) as answer:
                for part in answer.iter_bytes():
                    body += part
                    if len(body) > LARGEST_ANSWER or time.monotonic() > until:
                        raise AwayError("the provider's answer takes too long")
            found = json.loads(body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise AwayError(f"the provider cannot be reached right now ({type(error).__name__}); try again shortly") from None
        except ValueError:
            raise AwayError("the provider's answer is no JSON") from None
        finally:
            self._free.release()
        return answer.status_code, found if isinstance(found, dict) else {}


class _Kept(Generic[T]):
    """What was fetched, while it is good. Of many who ask at once, one fetches; after a failure nobody does for a moment."""

    def __init__(self, fetch: Callable[[], T]) -> None:
        self._fetch = fetch
        self._lock = threading.Lock()
        self._value: tuple[T, float] | None = None
        self._failure: tuple[AwayError, float] | None = None

    def get(self, *, anew: bool = False) -> T:
        """Raises AwayError."""
        with self._lock:
            if self._failure and time.monotonic() < self._failure[1]:
                raise AwayError(str(self._failure[0]))
            if self._value is None or anew or time.monotonic() >= self._value[1]:
                try:
                    self._value = self._fetch(), time.monotonic() + KEPT_SECONDS
                except AwayError as error:
                    self._value, self._failure = None, (error, time.monotonic() + PAUSE_SECONDS)
                    raise
            return self._value[0]


def _values(claims: dict[str, Any], name: str) -> frozenset[str]:
    """The texts of a claim. A name that is no claim's leads by its dots into objects: realm_access.roles."""
    found: Any = claims.get(name)
    if found is None:
        found = claims
        for part in name.split("."):
            found = found.get(part) if isinstance(found, dict) else None
    values = found if isinstance(found, list) else [found]
    return frozenset(value for value in values if isinstance(value, str))
