"""Runs the API in this process."""

from __future__ import annotations

import uvicorn

from server.app import create_app
from server.settings import settings

SHUTDOWN_SECONDS = 1
"""Event streams never end by themselves; after this long they are cut, and browsers reconnect where they were."""


def serve() -> None:
    options = settings()
    uvicorn.run(
        create_app(options),
        host=options.host,
        port=options.port,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        server_header=False,
        access_log=False,
        log_level="warning",
    )
