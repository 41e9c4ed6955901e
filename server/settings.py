"""Settings of every server process, from environment variables named COPD_…"""

from __future__ import annotations

from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Self

from pydantic import Field, PositiveInt, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from copd_engine.reach import FolderList, Reach


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="COPD_")

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
        return self

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
