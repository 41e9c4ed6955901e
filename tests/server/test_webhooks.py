"""Webhooks: what is told, signed how, sent where, and that none is lost. The receiver is a real HTTP server."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text, update

from server.auth import load_secret
from server.commands.webhooks import add_webhook, send_test
from server.db.models import Attempt, Run, SegmentRow, WebhookMessage
from server.db.transition import transition
from server.states import Trigger
from server.webhooks import delivery
from server.webhooks.addresses import RefusedAddressError, check_address, is_public
from server.webhooks.delivery import WAITS, Courier
from server.webhooks.messages import WebhookEvent
from tests.server.receiver import Receiver, receiving
from tests.server.simulation import World, small_spec

pytestmark = pytest.mark.integration
AT_WORK = ("w1", "w2")
HOOKS = "/api/v1/webhooks"
LOOPBACK = ["127.0.0.0/8"]
PEM = Path(__file__).parents[1] / "client" / "copd.example.pem"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def courier(world: World) -> Courier:
    return courier_of(world)


def courier_of(world: World, allowed: list[str] = LOOPBACK) -> Courier:
    return Courier(world.term, load_secret(world.backend.settings.home), allowed)


def listen(world: World, url: str, *events: WebhookEvent, floor: float = 0.9) -> str:
    """Adds webhook number 1, and returns its secret."""
    key = load_secret(world.backend.settings.home)
    with world.backend.sessions() as db:
        return add_webhook(db, key, "ann", url=url, events=events or tuple(WebhookEvent), overlap_floor=floor)[0]


def send(world: World, url: str) -> None:
    """Adds a webhook and queues a test."""
    listen(world, url)
    with world.backend.sessions() as db:
        send_test(db, 1, "ann")


def messages(world: World) -> list[WebhookMessage]:
    return world._all(select(WebhookMessage).order_by(WebhookMessage.created_at, WebhookMessage.id))


def time_passes(world: World) -> None:
    """Whatever waits for its next try is due."""
    with world.backend.engine.begin() as connection:
        connection.execute(text("UPDATE webhook_messages SET next_at = now() WHERE next_at IS NOT NULL"))


# -- what is told ----------------------------------------------------------------------------------------------------------


def test_a_completed_run_is_told_once_and_signed(world: World, courier: Courier, receiver: Receiver) -> None:
    secret = listen(world, receiver.url("/hook?room=7"))
    run = world.submit()
    world.complete(run, AT_WORK)
    assert (courier.step(), courier.step()) == (1, 0)
    (got,) = receiver.received
    assert got.path == "/hook?room=7"
    assert got.is_signed_by(secret)
    assert not got.is_signed_by(secret[:-8] + "AAAAAAA=")
    assert got.payload["type"] == "run.completed"
    assert got.payload["data"]["run"] == {"id": run, "name": "small", "method": "copd", "state": "completed"}
    (row,) = messages(world)
    assert (row.id, row.tries, row.status, row.error, row.next_at) == (got.headers["webhook-id"], 1, 200, None, None)
    assert row.delivered_at


@pytest.mark.parametrize(("kind", "also"), [("TrainingError", ["run.numerical_failure"]), ("ValueError", [])])
def test_a_failed_run_is_told_with_its_cause(world: World, courier: Courier, receiver: Receiver, kind: str, also: list[str]) -> None:
    listen(world, receiver.url())
    run = world.submit()
    world.tick()
    world.begin("w1").end("failed", "image: the loss of step 1 is nan", kind=kind)
    del world.running["w1"]
    world.finish("w2")
    while world.run(run).ended_at is None:
        world.tick()
        world.finish("w2")
    while courier.step():
        pass
    told = {got.payload["type"]: got.payload["data"] for got in receiver.received}
    assert sorted(told) == sorted(["run.failed", *also])
    assert len(receiver.received) == len(told)
    assert told["run.failed"]["error"]["message"] == "image: the loss of step 1 is nan"
    assert "traceback" not in str(told)


def test_an_overlap_is_told_when_it_goes_below_the_floor_and_not_again_while_it_stays(world: World) -> None:
    listen(world, "https://example.org", WebhookEvent.overlap_low, floor=0.6)
    run = world.submit(small_spec(agreement={"prompts": 8}, rounds=4))
    world.complete(run, AT_WORK)
    order = select(Attempt, SegmentRow).join(SegmentRow, (SegmentRow.run_id == Attempt.run_id) & (SegmentRow.key == Attempt.segment_key))
    held, expected = dict[tuple[str, str], float](), set[tuple[str, int, str]]()
    with world.backend.sessions() as db:
        for attempt, segment in db.execute(order.where(Attempt.overlap.is_not(None)).order_by(SegmentRow.step, SegmentRow.position)):
            for peer, value in (attempt.overlap or {}).items():
                if value < 0.6 <= held.get((segment.policy, peer), 1.0):
                    expected.add((segment.policy, segment.step, peer))
                held[segment.policy, peer] = value
    told = [
        (m.payload["data"]["policy"], m.payload["data"]["step"], peer) for m in messages(world) for peer in m.payload["data"]["overlap"]
    ]
    assert sorted(told) == sorted(expected)
    assert 0 < len(told) < len(world.attempts(run))


def test_only_what_a_webhook_asked_for_is_told(world: World) -> None:
    listen(world, "https://example.org", WebhookEvent.failed)
    world.complete(world.submit(), AT_WORK)
    assert messages(world) == []


# -- none is lost ----------------------------------------------------------------------------------------------------------


def test_a_message_is_there_exactly_if_the_state_is(world: World) -> None:
    listen(world, "https://example.org")
    run_id = world.submit()
    with world.backend.sessions() as db:
        transition(db, db.get_one(Run, run_id), Trigger.all_done, "scheduler")
        db.flush()
        db.rollback()
    assert (world.run(run_id).state, messages(world)) == ("queued", [])
    with world.backend.sessions.begin() as db:
        transition(db, db.get_one(Run, run_id), Trigger.all_done, "scheduler")
    assert [m.event for m in messages(world)] == ["run.completed"]


@pytest.mark.parametrize("statement", range(3, 40, 6))
def test_a_scheduler_killed_at_any_statement_tells_once(world: World, statement: int) -> None:
    listen(world, "https://example.org", WebhookEvent.completed, WebhookEvent.failed)
    run = world.submit(small_spec(rounds=1))
    while world.run(run).ended_at is None:
        world.kill_at(statement)
        world.tick_or_die()
        world.statements_left = None
        world.forget_unclaimed()
        world.tick_or_die()
        for worker in AT_WORK:
            world.finish(worker)
    assert [m.event for m in messages(world)] == [f"run.{world.run(run).state}"], (
        "it fails where the scheduler dies at the same place thrice"
    )


def test_one_killed_while_it_sends_sends_again_under_the_same_id(world: World, courier: Courier, receiver: Receiver) -> None:
    send(world, receiver.url())
    (going,) = courier._begin()  # killed here, or after the answer and before it was noted
    assert courier_of(world).step() == 0, "the next one does not try at once: the message may be what kills"
    time_passes(world)
    assert courier_of(world).step() == 1
    assert [got.headers["webhook-id"] for got in receiver.received] == [going.message]
    assert messages(world)[0].tries == 2


def test_it_is_tried_again_until_it_is_taken(world: World, courier: Courier, receiver: Receiver) -> None:
    send(world, receiver.url())
    receiver.answers = [500, 404]
    for _ in range(3):
        assert courier.step() == 1
        assert courier.step() == 0, "not before its time"
        time_passes(world)
    assert courier.step() == 0, "it was taken"
    assert len({(got.headers["webhook-id"], got.body) for got in receiver.received}) == 1
    assert len(receiver.received) == 3
    assert (messages(world)[0].tries, messages(world)[0].status) == (3, 200)


def test_it_is_given_up_after_a_day_and_a_half_and_can_be_sent_again(
    world: World, courier: Courier, receiver: Receiver, api: TestClient
) -> None:
    send(world, receiver.url())
    with world.backend.sessions.begin() as db:
        db.execute(update(WebhookMessage).values(tries=len(WAITS)))
    receiver.answers = [503]
    courier.step()
    (entry,) = api.get(f"{HOOKS}/1/deliveries").json()["deliveries"]
    assert (entry["state"], entry["tries"], entry["status"], entry["error"]) == ("given_up", len(WAITS) + 1, 503, "answered 503")
    assert api.post(f"{HOOKS}/1/deliveries/{entry['id']}/again").json()["state"] == "waiting"
    courier.step()
    assert api.get(f"{HOOKS}/1/deliveries").json()["deliveries"][0]["state"] == "delivered"
    assert api.post(f"{HOOKS}/2/deliveries/{entry['id']}/again").status_code == 404
    assert 24 * 3600 < sum(WAITS) < 2 * 24 * 3600


def test_what_was_settled_long_ago_is_forgotten_and_what_waits_is_not(world: World, courier: Courier) -> None:
    listen(world, "https://example.org")
    with world.backend.sessions() as db:
        for _ in range(3):
            send_test(db, 1, "ann")
    first, second, _ = messages(world)
    with world.backend.engine.begin() as connection:
        connection.execute(text("UPDATE webhook_messages SET next_at = now() + interval '1 h'"))
        old = "UPDATE webhook_messages SET created_at = now() - interval '31 days' WHERE id IN (:first, :second)"
        connection.execute(text(old), {"first": first.id, "second": second.id})
        connection.execute(text("UPDATE webhook_messages SET next_at = NULL WHERE id = :first"), {"first": first.id})
    courier.step()
    assert first.id not in [m.id for m in messages(world)]
    assert len(messages(world)) == 2


# -- where it may go -------------------------------------------------------------------------------------------------------

INTERNAL = [
    "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "fec0::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:db8::1", "2001::1", "100::1",
]  # fmt: skip


@pytest.mark.parametrize("address", INTERNAL)
def test_an_internal_address_is_refused(address: str) -> None:
    assert not is_public(ip_address(address))
    with pytest.raises(RefusedAddressError, match="internal address"):
        check_address(ip_address(address), "https", [])
    check_address(ip_address(address), "http", [address])


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_a_public_address_takes_https(address: str) -> None:
    check_address(ip_address(address), "https", [])
    with pytest.raises(RefusedAddressError, match="must be https"):
        check_address(ip_address(address), "http", [])


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://127.0.0.1/x", "internal"), ("https://localhost/x", "internal"), ("https://[::1]/x", "internal"),
        ("https://169.254.169.254/latest", "internal"), ("http://8.8.8.8/", "must be https"), ("ftp://example.org", "pattern"),
        ("https://user:pass@example.org", "user, password"), ("https://example.org/#x", "#fragment"), ("https://", "pattern"),
        ("https://example.org:99999", "must be a URL"), ("https://exa mple.org", "pattern"), ("https://a\\b", "must be a URL"),
    ],
)  # fmt: skip
def test_a_wrong_url_is_refused_when_it_is_added(api: TestClient, url: str, words: str) -> None:
    answer = api.post(HOOKS, json={"url": url, "events": ["run.failed"]})
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == "url"
    assert words in error["message"]
    assert api.get(HOOKS).json() == {"webhooks": []}


def refused(world: World, receiver: Receiver, courier: Courier) -> str:
    """Why the one message was not sent."""
    assert courier.step() == 1
    assert receiver.received == []
    return str(messages(world)[0].error)


def test_loopback_is_not_called_unless_it_is_allowed(world: World, receiver: Receiver) -> None:
    send(world, receiver.url())
    assert "127.0.0.1 is an internal address" in refused(world, receiver, courier_of(world, allowed=["10.0.0.0/8"]))


@pytest.mark.parametrize("answers", [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::ffff:127.0.0.1"]])
def test_a_name_that_leads_inside_is_refused(world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, answers: list[str]) -> None:
    resolver = Resolver(monkeypatch, {"hooks.example": [answers]})
    send(world, receiver.url(host="hooks.example", scheme="https"))
    assert "internal address" in refused(world, receiver, courier_of(world, allowed=[]))
    assert resolver.asked == ["hooks.example"]


def test_a_name_that_changes_its_mind_does_not_matter(
    world: World, courier: Courier, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolver = Resolver(monkeypatch, {"hooks.example": [["127.0.0.1"], ["10.0.0.1"]]})
    send(world, receiver.url(host="hooks.example"))
    assert courier.step() == 1
    (got,) = receiver.received
    assert got.headers["host"] == f"hooks.example:{receiver.port}"
    assert resolver.asked == ["hooks.example"], "asked once: the address that was looked at is the one that was called"


def test_a_redirect_is_not_followed(world: World, courier: Courier, receiver: Receiver) -> None:
    send(world, receiver.url())
    receiver.answers = [307]
    courier.step()
    assert [got.path for got in receiver.received] == ["/hook"]
    assert messages(world)[0].error == "answered 307, and redirects are not followed"


def test_a_receiver_that_hangs_holds_up_no_other(
    world: World, courier: Courier, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "SEND_SECONDS", 0.5)
    with receiving() as hanging:
        hanging.hang = threading.Event()
        send(world, hanging.url())
        listen(world, receiver.url())
        with world.backend.sessions() as db:
            send_test(db, 2, "ann")
        assert courier.step() == 2
        assert sorted(str(m.error) for m in messages(world)) == ["None", "no answer within 0 s"]


@pytest.mark.parametrize(("name", "error"), [("copd.example", None), ("other.example", "no answer (ConnectError)")])
def test_the_certificate_must_be_of_the_name(world: World, monkeypatch: pytest.MonkeyPatch, name: str, error: str | None) -> None:
    Resolver(monkeypatch, {name: [["127.0.0.1"]]})
    courier = courier_of(world)
    courier._tls = ssl.create_default_context(cafile=str(PEM))
    courier._tls.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    with receiving(PEM) as receiver:
        send(world, receiver.url(host=name, scheme="https"))
        courier.step()
    assert messages(world)[0].error == error


class Resolver:
    """Answers for some names, a different list at each question; asks for literal addresses only from the real one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, names: dict[str, list[list[str]]]) -> None:
        self.asked: list[str] = []
        self._names, self._real = names, socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self._answer)

    def _answer(self, host: Any, port: Any, *arguments: Any, **options: Any) -> Any:
        if host not in self._names:
            return self._real(host, port, *arguments, **options)
        self.asked.append(host)
        answers = self._names[host].pop(0)
        family = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(family[":" in address], socket.SOCK_STREAM, 6, "", (address, port)) for address in answers]


# -- secrets ---------------------------------------------------------------------------------------------------------------


def test_the_secret_is_shown_once_and_kept_nowhere(
    api: TestClient, world: World, courier: Courier, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    made = api.post(HOOKS, json={"url": "https://example.org/T0PSECRET", "events": ["run.failed"], "overlap_floor": 0.5})
    assert made.status_code == 201
    secrets = [made.json()["secret"], listen(world, receiver.url("/T0PSECRET"))]
    assert api.post(f"{HOOKS}/2/test").status_code == 202
    caplog.set_level(logging.DEBUG)
    assert courier.step() == 1
    assert receiver.received[0].is_signed_by(secrets[1])
    seen = [caplog.text, *(api.get(path).text for path in (HOOKS, f"{HOOKS}/2/deliveries", "/api/v1/audit"))]
    with world.backend.engine.connect() as connection:
        seen += [str(connection.execute(text(f"SELECT * FROM {table}")).all()) for table in ("webhooks", "webhook_messages", "log")]
    assert not [place for place in seen for secret in secrets if secret.removeprefix("whsec_") in place]
    assert "httpx" not in {record.name for record in caplog.records if "127.0.0.1" in record.getMessage()}
    assert "T0PSECRET" not in api.get("/api/v1/audit").text
    assert api.delete(f"{HOOKS}/2").status_code == 204
    assert messages(world) == []


def test_a_scheduler_with_another_key_says_so_and_signs_nothing(world: World, receiver: Receiver) -> None:
    send(world, receiver.url())
    assert "COPD_HOME of the scheduler holds another key" in refused(world, receiver, Courier(world.term, b"another", LOOPBACK))
