"""Letting others than this machine in: only with TLS, here or at a proxy in front, and a user who has a password."""

from __future__ import annotations

import ipaddress
import json
import os
from dataclasses import dataclass
from pathlib import Path

from client.stack.home import Home, HomeError

LOCAL_NAMES = ["127.0.0.1", "localhost", "[::1]"]
NOBODY_CAN_SIGN_IN = (
    "no user has a password, and the page is about to be reachable from other machines. Start without --host first, then: "
    "copd users add NAME --role admin"
)


@dataclass(frozen=True)
class Exposure:
    certificate: Path | None = None
    key: Path | None = None
    behind_proxy: tuple[str, ...] = ()
    """Addresses or networks of the proxies whose X-Forwarded-* headers are believed."""
    name: str = ""
    """The host name people use."""

    @property
    def scheme(self) -> str:
        return "https" if self.certificate else "http"

    def is_beyond_this_machine(self, host: str) -> bool:
        return not is_loopback(host) or bool(self.behind_proxy)

    def check(self, host: str) -> None:
        """Raises HomeError, saying what would be right."""
        if (self.certificate is None) != (self.key is None):
            raise HomeError("--certificate and --key belong together: give both or neither")
        for option, file in (("--certificate", self.certificate), ("--key", self.key)):
            if file is not None and not os.access(file, os.R_OK):
                raise HomeError(f"{option} {file} is not a file that can be read")
        if self.certificate and self.behind_proxy:
            raise HomeError("TLS is either here (--certificate) or at the proxy (--behind-proxy), not both")
        for proxy in self.behind_proxy:
            _check_address(proxy)
        if not is_loopback(host) and not (self.certificate or self.behind_proxy):
            raise HomeError(
                f"--host {host} is reachable from other machines, and passwords would cross the network in the clear: give --certificate "
                "and --key, or --behind-proxy ADDRESS of a proxy with TLS. For yourself alone an SSH tunnel does without any of it"
            )

    def public_url(self, port: int) -> str:
        """Where people find the page; empty when that is this machine."""
        if not self.name:
            return ""
        return f"https://{self.name}" if self.behind_proxy else f"{self.scheme}://{self.name}:{port}"

    def environment(self, host: str) -> dict[str, str]:
        """What the API is told. COPD_ALLOWED_HOSTS of the environment stays, and gets the name added."""
        given = json.loads(os.environ.get("COPD_ALLOWED_HOSTS", "null")) or LOCAL_NAMES
        told = {"COPD_ALLOWED_HOSTS": json.dumps([*given, *([self.name] if self.name else [])]), "COPD_HOST": host}
        if self.certificate and self.key:
            told |= {"COPD_CERTIFICATE": str(self.certificate.absolute()), "COPD_KEY": str(self.key.absolute())}
        if self.behind_proxy:
            told["COPD_BEHIND_PROXY"] = json.dumps(self.behind_proxy)
        return told

    def reach(self, host: str, home: Home) -> dict[str, str]:
        """What the paths of specs may lead to, where the environment does not say: for oneself alone whatever one's own user may read, and
        the hub; once others come in, two folders of the home."""
        own = not self.is_beyond_this_machine(host)
        folders = ("/", "/") if own else (str(home.root / "models"), str(home.root / "data"))
        defaults = {"COPD_MODEL_ROOTS": folders[0], "COPD_DATA_ROOTS": folders[1], "COPD_ALLOW_HUB": "1" if own else "0"}
        return {name: os.environ.get(name, default) for name, default in defaults.items()}


ON_THIS_MACHINE = Exposure()


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the host; a name other than localhost may lead anywhere."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_address(proxy: str) -> None:
    try:
        ipaddress.ip_network(proxy)
    except ValueError:
        raise HomeError(f"--behind-proxy must be an address or a network such as 10.0.0.5 or 10.0.0.0/24, not '{proxy}'") from None
