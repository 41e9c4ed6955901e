"""The client, the `copd` command and the embedded stack. Scripts start here: `from client import Client, connect`."""

from client.aio import AsyncClient
from client.api import Client
from client.errors import ApiError, UnreachableError
from client.local import address, connect

__all__ = ["ApiError", "AsyncClient", "Client", "UnreachableError", "address", "connect"]
