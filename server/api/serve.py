"""Runs the API in this process."""

from __future__ import annotations

import uvicorn

from server.app import create_app
from server.settings import settings
from worker import log

SHUTDOWN_SECONDS = 1
"""Event streams never end by themselves; after this long they are cut, and browsers reconnect where they were."""


def serve() -> None:
    options = settings()
    log.configure(as_json=options.log_json)  # structlog's own default draws every local variable of a traceback, which takes minutes
    uvicorn.run(
        create_app(options),
        host=options.host,
        port=options.port,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        server_header=False,
        access_log=False,
        log_level="warning",
    )
