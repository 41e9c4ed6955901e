"""Runs the API in this process."""

from __future__ import annotations

import socket

import uvicorn
from fastapi import FastAPI

from server.app import create_app
from server.settings import settings
from worker import log

SHUTDOWN_SECONDS = 1
"""Requests still under way get this long."""


class _Server(uvicorn.Server):
    """Ends the event streams first: they would never end by themselves."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.services.hub.end_streams()
        await super().shutdown(sockets)


def serve() -> None:
    options = settings()
    log.configure(as_json=options.log_json)  # structlog's own default draws every local variable of a traceback, which takes minutes
    app = create_app(options)
    config = uvicorn.Config(
        app,
        host=options.host,
        port=options.port,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        ssl_certfile=options.certificate,
        ssl_keyfile=options.key,
        proxy_headers=bool(options.behind_proxy),  # uvicorn would believe any process on this machine
        forwarded_allow_ips=options.behind_proxy,
        server_header=False,
        access_log=False,
        log_level="warning",
    )
    _Server(config, app).run()
