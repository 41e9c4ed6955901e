"""`copd up --host`: what lets other machines in, and what does not."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from client.api import ApiError, Client, trust
from client.stack.exposure import Exposure, is_loopback
from client.stack.home import Home, HomeError
from client.stack.server import login_code
from tests.embedded import read_until_ready, running_stack, start, stop, temporary_home

PEM = Path(__file__).with_name("copd.example.pem")
"""A certificate for tests, and its key."""
TLS = Exposure(PEM, PEM)
PROXIED = Exposure(behind_proxy=("10.0.0.5",), name="copd.example")


@pytest.mark.parametrize(
    ("host", "exposure", "words"),
    [
        ("0.0.0.0", Exposure(), "--certificate and --key, or --behind-proxy"),
        ("10.0.0.1", Exposure(), "SSH tunnel"),
        ("copd.example", Exposure(), "reachable from other machines"),
        ("127.0.0.1", Exposure(certificate=PEM), "belong together"),
        ("0.0.0.0", Exposure(PEM, PEM.with_name("none.pem")), "--key"),
        ("0.0.0.0", Exposure(PEM, PEM, ("10.0.0.5",)), "not both"),
        ("127.0.0.1", Exposure(behind_proxy=("*",)), "an address or a network"),
        ("127.0.0.1", Exposure(behind_proxy=("proxy.example",)), "an address or a network"),
    ],
)
def test_what_is_not_safe_is_refused(host: str, exposure: Exposure, words: str) -> None:
    with pytest.raises(HomeError, match=words):
        exposure.check(host)


@pytest.mark.parametrize(("host", "exposure"), [("127.0.0.1", Exposure()), ("::1", Exposure()), ("0.0.0.0", TLS), ("0.0.0.0", PROXIED)])
def test_what_is_safe_is_not(host: str, exposure: Exposure) -> None:
    exposure.check(host)


def test_a_proxy_on_the_same_machine_lets_others_in_too() -> None:
    assert PROXIED.is_beyond_this_machine("127.0.0.1")
    assert not Exposure().is_beyond_this_machine("127.0.0.1")
    assert [is_loopback(host) for host in ("127.0.0.2", "::1", "localhost", "0.0.0.0", "::", "box")] == [True] * 3 + [False] * 3


def test_only_for_oneself_alone_may_specs_reach_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("COPD_MODEL_ROOTS", "COPD_DATA_ROOTS", "COPD_ALLOW_HUB")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    home = Home(Path("/srv/copd"))
    assert Exposure().reach("127.0.0.1", home) == dict(zip(names, ("/", "/", "1"), strict=True))
    for exposure, host in ((TLS, "0.0.0.0"), (PROXIED, "127.0.0.1")):
        assert exposure.reach(host, home) == dict(zip(names, ("/srv/copd/models", "/srv/copd/data", "0"), strict=True))
    monkeypatch.setenv("COPD_DATA_ROOTS", "/mnt/data")
    assert TLS.reach("0.0.0.0", home)["COPD_DATA_ROOTS"] == "/mnt/data"


def test_the_api_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COPD_ALLOWED_HOSTS", raising=False)
    told = PROXIED.environment("127.0.0.1")
    assert json.loads(told["COPD_ALLOWED_HOSTS"]) == ["127.0.0.1", "localhost", "[::1]", "copd.example"]
    assert json.loads(told["COPD_BEHIND_PROXY"]) == ["10.0.0.5"]
    assert (PROXIED.public_url(8765), Exposure(PEM, PEM, (), "copd.example").public_url(8765), TLS.public_url(8765)) == (
        "https://copd.example", "https://copd.example:8765", "",
    )  # fmt: skip


def refused(home: Home, *options: str) -> str:
    process = start(home, workers=0, options=options)
    said = process.communicate()[0]
    assert process.returncode == 1
    return said


@pytest.mark.integration
@pytest.mark.timeout(180)
def test_beyond_this_machine_one_needs_tls_and_somebody_who_can_sign_in() -> None:
    tls = ("--host", "0.0.0.0", "--certificate", str(PEM), "--key", str(PEM), "--name", "copd.example")
    with temporary_home() as home:
        assert "--behind-proxy" in refused(home, "--host", "0.0.0.0")
        assert not home.root.exists(), "nothing was started"
        assert "copd users add" in refused(home, *tls)
        with running_stack(home, workers=0) as stack:
            stack.client.add_user("ann", "admin", "a long password")
        process = start(home, workers=0, options=tls)
        try:
            assert "https://copd.example:" in read_until_ready(process, home)[-1]
            check_tls(home)
        finally:
            stop(process)


def check_tls(home: Home) -> None:
    info = home.read_stack()
    assert info
    assert info.url.startswith("https://127.0.0.1:")
    token = home.token_file.read_text().strip()
    with Client(info.url, token, certificate=info.certificate) as trusting:
        assert trusting.users()[0].name == "ann"
    with Client(info.url, token) as suspicious, pytest.raises(ApiError, match="certificate"):
        suspicious.users()
    with httpx.Client(base_url=info.url, verify=trust(str(PEM)), headers={"host": f"copd.example:{info.port}"}) as browser:
        code = {"code": login_code(home.environment(info))}
        answer = browser.post("/api/v1/session", json=code, headers={"origin": f"https://copd.example:{info.port}"})
    assert "secure" in answer.headers["set-cookie"].lower()
