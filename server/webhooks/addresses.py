"""Where a webhook may lead: to public addresses, and those the administrator allows. A name is resolved once, its address is called."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
GLOBAL_UNICAST, NAT64 = IPv6Network("2000::/3"), IPv6Network("64:ff9b::/96")
PORTS = {"http": 80, "https": 443}


class RefusedAddressError(Exception):
    """The server may not call it; the message says why, and never holds the path of the URL."""


class Target(NamedTuple):
    """Where a URL leads: the host as it is written, the port, and the address to connect to."""

    host: str
    port: int
    address: Address


def url_problem(url: str) -> str | None:
    """What is wrong with a webhook's URL as it is written; None where nothing is."""
    try:
        parts = urlsplit(url)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        return "must be a URL such as https://example.org/hook"
    if parts.scheme not in PORTS or not parts.hostname or not port_is_right or any(c <= " " or c > "~" or c == "\\" for c in url):
        return "must be a URL such as https://example.org/hook"
    if parts.username is not None or parts.password is not None or parts.fragment:
        return "must hold no user, password or #fragment"
    return None


def is_public(address: Address) -> bool:
    """Whether everybody's internet has it: not loopback, private, link-local, multicast or reserved, nor an IPv6 form of such."""
    if isinstance(address, IPv6Address):
        if (inside := _embedded(address)) is not None:
            return is_public(inside)
        return address in GLOBAL_UNICAST and address.is_global and not address.is_multicast
    return address.is_global and not address.is_multicast and not address.is_reserved


def check_address(address: Address, scheme: str, allowed: Sequence[str]) -> None:
    """Raises RefusedAddressError. allowed: networks of the administrator's, which may be internal, and where plain http will do."""
    if any(address in ip_network(network) for network in allowed):
        return
    if not is_public(address):
        raise RefusedAddressError(f"{address} is an internal address (an administrator allows some by COPD_WEBHOOK_NETWORKS)")
    if scheme != "https":
        raise RefusedAddressError("must be https; plain http is for addresses in COPD_WEBHOOK_NETWORKS")


def check_literal(url: str, allowed: Sequence[str]) -> None:
    """Raises RefusedAddressError for a URL that names a wrong address itself. What a name leads to is looked at when it is called."""
    parts = urlsplit(url)
    try:
        literal = ip_address("127.0.0.1" if parts.hostname == "localhost" else parts.hostname or "")
    except ValueError:
        return
    check_address(literal, parts.scheme, allowed)


async def resolve(url: str, allowed: Sequence[str]) -> Target:
    """Raises RefusedAddressError when any address of the name is a wrong one, and OSError when it has none."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    for address in addresses:
        check_address(address, parts.scheme, allowed)
    return Target(host, port, addresses[0])


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 one leads to, through the system, a relay or a gateway."""
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
