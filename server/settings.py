"""Settings of every server process, from environment variables named COPD_…"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


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
    log_json: bool = False


@cache
def settings() -> Settings:
    return Settings()  # pyright: ignore[reportCallIssue]  # the fields come from the environment
