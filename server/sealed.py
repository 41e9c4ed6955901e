"""Notes that a browser keeps for the server in a cookie: everybody may read them, only the server can have written them, for minutes."""

from __future__ import annotations

import base64
import hmac
import json
import time

from server import auth


def seal(secret: bytes, kind: str, note: dict[str, str], seconds: int) -> str:
    """A cookie's value, good for so many seconds. A note of one kind is none of another."""
    text = json.dumps({**note, "until": int(time.time()) + seconds}).encode()
    payload = base64.urlsafe_b64encode(text).decode()
    return f"{payload}.{auth.digest(secret, kind, payload)}"


def unseal(secret: bytes, kind: str, value: str) -> dict[str, str] | None:
    """The note; None when this server did not write it, or it is too old."""
    payload, _, seal_of = value.partition(".")
    if not hmac.compare_digest(auth.digest(secret, kind, payload).encode(), seal_of.encode()):
        return None
    note = json.loads(base64.urlsafe_b64decode(payload))
    return note if note.pop("until") > time.time() else None
