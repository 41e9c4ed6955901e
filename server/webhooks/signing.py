"""Secrets and signatures as Standard Webhooks has them (https://www.standardwebhooks.com): HMAC-SHA-256 over id, time and body.

A secret is made of the server's own key and a salt, so that neither the database nor a copy of it holds one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from server import auth
from server.db.models import Webhook

PREFIX = "whsec_"


class UnknownSecretError(Exception):
    """This process has another key than the one that made the webhook."""


def secret_from(key: bytes, salt: str) -> str:
    """What the receiver checks signatures with: `whsec_` and 32 bytes in base64."""
    return PREFIX + base64.b64encode(hmac.new(key, f"webhook:{salt}".encode(), hashlib.sha256).digest()).decode()


def secret_of(key: bytes, webhook: Webhook) -> str:
    """Raises UnknownSecretError."""
    secret = secret_from(key, webhook.salt)
    if not hmac.compare_digest(auth.digest(key, "webhook", secret), webhook.secret_hash):
        raise UnknownSecretError("the secret is not known here: COPD_HOME of the scheduler holds another key than that of the API")
    return secret


def body_of(payload: dict[str, Any]) -> bytes:
    """The same bytes at each try."""
    return json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def headers(secret: str, message: str, timestamp: int, body: bytes) -> dict[str, str]:
    """timestamp: seconds since 1970, of this try."""
    signed = f"{message}.{timestamp}.".encode() + body
    signature = hmac.new(base64.b64decode(secret.removeprefix(PREFIX)), signed, hashlib.sha256).digest()
    return {
        "webhook-id": message,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
        "content-type": "application/json",
        "user-agent": "copd-webhooks",
    }
