"""Settings of every server process, from environment variables named COPD_…"""

from __future__ import annotations

from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Self

from pydantic import Field, PositiveInt, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from copd_engine.reach import FolderList, Reach
from server.roles import Role
from server.safe_url import is_safe


class Settings(BaseSettings):
    # an empty variable is one that is not set; an error must not tell a secret
    model_config = SettingsConfigDict(env_prefix="COPD_", env_ignore_empty=True, hide_input_in_errors=True)

    database_url: str
    """postgresql+psycopg://…; a Unix socket as ?host=/folder"""
    redis_url: str
    """redis://… or unix:///path"""
    store_url: str
    """Checkpoint store, an fsspec URL: file:///…, s3://…, gs://…"""
    home: Path = Path(".copd")
    """Where the secret for token hashes lies (0600)."""
    host: str = "127.0.0.1"
    port: int = 8765
    allowed_hosts: list[str] = ["127.0.0.1", "localhost", "[::1]"]
    """Host headers that are answered; the configured host is always among them."""
    certificate: Path | None = None
    key: Path | None = None
    """PEM files; with both the API speaks TLS."""
    behind_proxy: list[str] = []
    """Addresses or networks of proxies in front; only their X-Forwarded-For and X-Forwarded-Proto are believed."""
    max_runs: PositiveInt | None = None
    """How many runs may be running at once; the others stay queued."""
    max_runs_per_user: PositiveInt | None = None
    model_roots: FolderList = ""
    data_roots: FolderList = ""
    """Absolute folders, with os.pathsep between them, below which the paths of specs must end. Empty: only what ships."""
    allow_hub: bool = False
    """Whether specs may name models and data of the Hugging Face hub."""
    webhook_networks: list[str] = []
    """Internal addresses or networks that webhooks may lead to, by plain http too; all other internal ones are refused."""
    oidc_issuer: str = ""
    """Single sign-on: the provider of OpenID Connect, as its discovery document names it."""
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr = SecretStr("")
    oidc_role_claim: str = "groups"
    """The claim of the ID token that says what a person may do; dots lead into objects."""
    oidc_roles: dict[str, Role] = {}
    """Which role each of its values has; of several the highest counts, and without one nobody comes in."""
    oidc_name: str = "single sign-on"
    """What the button says: Continue with …"""
    log_json: bool = False
    metrics_port: int | None = Field(default=None, ge=1, le=65535)
    """Where Prometheus reads the scheduler's /metrics; the API serves its own at its own port; None: nowhere."""
    metrics_host: str = "127.0.0.1"

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("COPD_CERTIFICATE and COPD_KEY belong together: set both or neither")
        for network in (*self.behind_proxy, *self.webhook_networks):
            ip_network(network)  # raises ValueError: a name, or * for everybody, would be a way around the limits they are exceptions to
        self._check_single_sign_on()
        return self

    def _check_single_sign_on(self) -> None:
        secret = self.oidc_client_secret.get_secret_value()
        needed = {"ISSUER": self.oidc_issuer, "CLIENT_ID": self.oidc_client_id, "CLIENT_SECRET": secret, "ROLES": self.oidc_roles}
        missing = [f"COPD_OIDC_{name}" for name, value in needed.items() if not value]
        if 0 < len(missing) < len(needed):
            raise ValueError(f"single sign-on is half set up: {', '.join(missing)} must be set too, or none of them")
        if self.oidc_issuer and (not is_safe(self.oidc_issuer) or "?" in self.oidc_issuer):
            raise ValueError("COPD_OIDC_ISSUER must be a URL such as https://login.example.org; http is for loopback only")

    @property
    def reach(self) -> Reach:
        """What the paths of a spec may lead to."""
        return Reach.of(self.model_roots, self.data_roots, hub=self.allow_hub)

    @property
    def is_behind_tls(self) -> bool:
        """Whether browsers reach this server by https only."""
        return self.certificate is not None or bool(self.behind_proxy)


@cache
def settings() -> Settings:
    return Settings()  # pyright: ignore[reportCallIssue]  # the fields come from the environment
