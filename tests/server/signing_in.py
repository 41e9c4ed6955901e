"""A browser on its way through a provider of OpenID Connect and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx2 as httpx
from fastapi.testclient import TestClient
from sqlalchemy import select

from server.db.models import User
from server.roles import Role
from tests.server.api import sign_in
from tests.server.backend import Backend
from tests.server.provider import StandIn

BEGIN, SESSION, WAYS = (f"/api/v1/session{path}" for path in ("/oidc", "", "/ways"))
ROLES = {"readers": Role.viewer, "training": Role.operator, "chiefs": Role.admin}


@dataclass
class Browser:
    """A browser on the page, the server and the provider."""

    client: TestClient
    provider: StandIn
    backend: Backend

    def begin(self, page: str = "/workers") -> Any:
        return self.client.get(BEGIN, params={"page": page}, follow_redirects=False)

    def at_provider(self, answer: Any) -> str:
        """Signs in there; where it sends the browser back to."""
        with httpx.Client() as http:
            return http.get(answer.headers["location"]).headers["location"]

    def sign_in(self) -> Any:
        return self.client.get(self.at_provider(self.begin()), follow_redirects=False)

    def problem(self) -> str:
        """Why the last sign-in failed, as the page tells it. There must be no session."""
        assert self.client.get(SESSION).status_code == 401
        return self.client.get(WAYS).json()["problem"] or ""

    def users(self) -> list[tuple[str, str]]:
        with self.backend.sessions() as db:
            return [(user.name, user.role) for user in db.scalars(select(User).order_by(User.name))]

    def audit(self) -> list[tuple[str, str]]:
        """What the log has of this test, oldest first, as an admin reads it."""
        sign_in(self.client, self.backend)
        entries = self.client.get("/api/v1/audit").json()["entries"]
        del self.client.headers["authorization"]
        return [(entry["actor"], entry["message"]) for entry in reversed(entries)]
