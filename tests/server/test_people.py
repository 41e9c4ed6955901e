"""Users, tokens, signing in by password, and what the audit log tells of all of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from server import auth, login_limit, passwords
from server.db.models import LoginTries, Token, User
from server.roles import Role
from tests.server.api import serving, sign_in, submit, token_of
from tests.server.backend import Backend

pytestmark = pytest.mark.integration
ORIGIN = {"origin": "http://127.0.0.1:8765"}
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same algorithm with the least memory."""
    monkeypatch.setattr(passwords, "_hasher", passwords.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    passwords._of_nobody.cache_clear()


def add(api: TestClient, name: str = "bob", role: str = "operator", password: str | None = PASSWORD) -> dict[str, Any]:
    answer = api.post("/api/v1/users", json={"name": name, "role": role, "password": password})
    assert answer.status_code == 201, answer.text
    return answer.json()


def log_in(client: TestClient, user: str = "bob", password: str = PASSWORD) -> Any:
    return client.post("/api/v1/session", json={"user": user, "password": password}, headers={**ORIGIN, "authorization": ""})


def audit(api: TestClient) -> list[tuple[str, str]]:
    return [(entry["actor"], entry["message"]) for entry in api.get("/api/v1/audit").json()["entries"]]


def test_a_user_is_added_and_signs_in_by_password(api: TestClient, backend: Backend) -> None:
    user = add(api)
    assert (user["name"], user["role"], user["has_password"], user["disabled"]) == ("bob", "operator", True, False)
    answer = log_in(api)
    assert (answer.json()["user"], answer.json()["role"]) == ("bob", "operator")
    assert "httponly" in answer.headers["set-cookie"].lower()
    with backend.sessions() as db:
        assert db.get_one(User, "bob").password != PASSWORD


@pytest.mark.parametrize("change", [{"name": "Bob"}, {"name": ""}, {"name": "a/b"}, {"role": "root"}, {"password": "short"}, {"x": 1}])
def test_a_wrong_user_names_its_field(api: TestClient, change: dict[str, Any]) -> None:
    answer = api.post("/api/v1/users", json={"name": "bob", "role": "viewer", **change})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == list(change)


@pytest.mark.parametrize("name", ["ann", "scheduler"])
def test_a_taken_name_is_refused(api: TestClient, name: str) -> None:
    assert api.post("/api/v1/users", json={"name": name, "role": "viewer"}).status_code == 409


def test_the_unknown_the_wrong_the_disabled_and_those_without_password_get_one_answer_and_one_look(
    api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(api)
    add(api, "off")
    add(api, "none", password=None)
    api.patch("/api/v1/users/off", json={"disabled": True})
    verified: list[str] = []
    verify = passwords.PasswordHasher.verify

    def counted(self: passwords.PasswordHasher, stored: str, password: str) -> bool:
        verified.append(password)
        return verify(self, stored, password)

    monkeypatch.setattr(passwords.PasswordHasher, "verify", counted)
    answers = [
        log_in(api, user, password) for user, password in [("nobody", "x"), ("bob", "x"), ("off", PASSWORD), ("none", "")] if password
    ]
    answers.append(log_in(api, "none", "x"))
    assert {(answer.status_code, answer.text) for answer in answers} == {(401, answers[0].text)}
    assert len(verified) == len(answers), "each takes the time of one hash"


def test_the_empty_password_of_nobody_lets_nobody_in() -> None:
    assert passwords.is_password(None, "") is False


def test_disabling_ends_every_way_in_and_enabling_brings_none_back(api: TestClient, backend: Backend) -> None:
    add(api)
    cookie = {"cookie": log_in(api).headers["set-cookie"].partition(";")[0], "authorization": ""}
    token = {"authorization": f"Bearer {token_of(backend, 'bob')}"}
    api.cookies.clear()
    for way in (cookie, token):
        assert api.get("/api/v1/session", headers=way).json()["user"] == "bob"
    assert api.patch("/api/v1/users/bob", json={"disabled": True}).json()["disabled"] is True
    assert log_in(api).status_code == 401
    assert api.patch("/api/v1/users/bob", json={"disabled": False}).json()["disabled"] is False
    for way in (cookie, token):
        assert api.get("/api/v1/session", headers=way).status_code == 401
    assert log_in(api).status_code == 200


def test_a_new_password_ends_sessions_and_leaves_tokens(api: TestClient, backend: Backend) -> None:
    add(api)
    cookie = {"cookie": log_in(api).headers["set-cookie"].partition(";")[0], "authorization": ""}
    token = {"authorization": f"Bearer {token_of(backend, 'bob')}"}
    api.cookies.clear()
    api.patch("/api/v1/users/bob", json={"password": "another long one"})
    assert api.get("/api/v1/session", headers=cookie).status_code == 401
    assert api.get("/api/v1/session", headers=token).status_code == 200
    assert (log_in(api).status_code, log_in(api, password="another long one").status_code) == (401, 200)


@pytest.mark.parametrize("change", [{"role": "viewer"}, {"disabled": True}])
def test_the_last_admin_stays_one(api: TestClient, change: dict[str, Any]) -> None:
    assert api.patch("/api/v1/users/ann", json=change).status_code == 409
    add(api, "bob", "admin")
    assert api.patch("/api/v1/users/ann", json=change).status_code == 200


def test_two_admins_cannot_disable_each_other_at_once(api: TestClient) -> None:
    add(api, "bob", "admin")
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda name: api.patch(f"/api/v1/users/{name}", json={"role": "viewer"}).status_code, ["ann", "bob"]))
    assert sorted(answers) in ([200, 403], [200, 409])


# ---- the limit


def test_tries_are_limited_per_user_over_servers_and_restarts(api: TestClient, backend: Backend) -> None:
    add(api)
    for _ in range(login_limit.PER_USER):
        assert log_in(api, password="wrong").status_code == 401
    with serving(backend) as another:
        refused = log_in(another)
    assert refused.status_code == 429
    seconds = int(refused.headers["retry-after"])
    assert 0 < seconds <= login_limit.WINDOW.total_seconds()
    assert f"in {seconds} s" in refused.json()["detail"]
    assert log_in(api, "somebody-else").status_code == 401, "another user is another count"


def test_after_the_window_one_may_try_again_and_old_counts_are_gone(api: TestClient, backend: Backend) -> None:
    add(api)
    answers = [log_in(api, password="wrong").status_code for _ in range(login_limit.PER_USER + 1)]
    assert answers[-1] == 429
    with backend.sessions.begin() as db:
        db.execute(update(LoginTries).values(since=LoginTries.since - login_limit.WINDOW - timedelta(seconds=1)))
    assert log_in(api).status_code == 200
    with backend.sessions() as db:
        assert [row.count for row in db.scalars(select(LoginTries))] == [0], "of the address; the user's are forgotten"


def test_tries_are_limited_per_address_whoever_is_tried(api: TestClient) -> None:
    answers = [log_in(api, f"user{number}").status_code for number in range(login_limit.PER_ADDRESS + 1)]
    assert answers == [401] * login_limit.PER_ADDRESS + [429]


def test_many_tries_at_once_are_all_counted(api: TestClient) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: log_in(api, "bob", "wrong").status_code, range(2 * login_limit.PER_USER)))
    assert sorted(answers) == [401] * login_limit.PER_USER + [429] * login_limit.PER_USER


def test_an_unknown_name_is_limited_like_a_known_one(api: TestClient) -> None:
    assert [log_in(api, "nobody").status_code for _ in range(login_limit.PER_USER + 1)][-1] == 429


def test_one_ipv6_network_is_one_address() -> None:
    one, two, other = (login_limit.keys(b"", "bob", address).address for address in ("2001:db8::1", "2001:db8::2:3", "2001:db8:0:1::1"))
    assert one == two != other
    assert login_limit.keys(b"", "bob", "::ffff:1.2.3.4").address == login_limit.keys(b"", "bob", "1.2.3.4").address


# ---- tokens


def test_a_token_is_shown_once_listed_used_and_revoked(api: TestClient, backend: Backend) -> None:
    made = api.post("/api/v1/tokens", json={"name": "ci", "role": "viewer", "days": 30})
    assert made.status_code == 201
    value = made.json()["value"]
    bearer = {"authorization": f"Bearer {value}"}
    assert api.get("/api/v1/session", headers=bearer).json()["role"] == "viewer"
    [listed, _] = api.get("/api/v1/tokens").json()["tokens"]
    assert (listed["name"], listed["user"], listed["role"], "value" in listed) == ("ci", "ann", "viewer", False)
    assert listed["used_at"]
    assert listed["expires_at"]
    with backend.sessions() as db:
        assert value not in repr([vars(token) for token in db.scalars(select(Token))])
    assert api.delete(f"/api/v1/tokens/{listed['id']}").status_code == 204
    assert api.get("/api/v1/session", headers=bearer).status_code == 401
    assert api.delete(f"/api/v1/tokens/{listed['id']}").status_code == 404
    assert len(api.get("/api/v1/tokens").json()["tokens"]) == 1


def test_a_token_can_do_no_more_than_what_asked_for_it(visitor: TestClient, backend: Backend) -> None:
    bob = sign_in(visitor, backend, Role.operator)
    refused = bob.post("/api/v1/tokens", json={"name": "more", "role": "admin"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "role")
    assert bob.post("/api/v1/tokens", json={"name": "same"}).json()["role"] == "operator"


@pytest.mark.parametrize(("days", "status"), [(None, 422), (30, 422), (5, 201)])
def test_a_token_that_expires_makes_none_that_lives_longer(visitor: TestClient, backend: Backend, days: int | None, status: int) -> None:
    visitor.headers["authorization"] = f"Bearer {token_of(backend, lifetime=timedelta(days=10))}"
    assert visitor.post("/api/v1/tokens", json={"name": "longer", "days": days}).status_code == status


def test_tokens_of_others_are_an_admins(visitor: TestClient, backend: Backend) -> None:
    sign_in(visitor, backend)
    with backend.sessions() as db:
        anns = db.scalars(select(Token.id)).one()
    bob = sign_in(visitor, backend, Role.operator)
    assert [token["user"] for token in bob.get("/api/v1/tokens").json()["tokens"]] == ["operator"]
    assert bob.delete(f"/api/v1/tokens/{anns}").status_code == 404
    bobs = bob.get("/api/v1/tokens").json()["tokens"][0]["id"]
    ann = sign_in(visitor, backend)
    assert {token["user"] for token in ann.get("/api/v1/tokens").json()["tokens"]} == {"ann", "operator"}
    assert ann.delete(f"/api/v1/tokens/{bobs}").status_code == 204


def test_sessions_are_no_tokens(api: TestClient, backend: Backend) -> None:
    add(api)
    log_in(api)
    with backend.sessions() as db:
        session = db.scalars(select(Token).where(Token.kind == "session")).one()
    assert session.id not in [token["id"] for token in api.get("/api/v1/tokens").json()["tokens"]]
    assert api.delete(f"/api/v1/tokens/{session.id}").status_code == 404


# ---- the first user


def test_the_first_login_of_an_empty_database_is_an_admins(backend: Backend) -> None:
    auth.issue_now(backend.settings, "code", None, auth.CODE_LIFETIME)
    with backend.sessions() as db:
        assert [(user.name, user.role) for user in db.scalars(select(User))] == [(auth.FIRST_USER, "admin")]


def test_a_login_of_the_machine_is_its_oldest_admins_and_never_a_disabled_ones(api: TestClient, backend: Backend) -> None:
    add(api, "bob", "admin")
    api.patch("/api/v1/users/ann", json={"disabled": True})
    auth.issue_now(backend.settings, "code", None, auth.CODE_LIFETIME)
    with backend.sessions() as db:
        assert db.scalars(select(Token.user_name).where(Token.kind == "code")).all() == ["bob"]
    with pytest.raises(auth.NoUserError, match="no user 'carl'"):
        auth.issue_now(backend.settings, "token", "carl", None)


# ---- the audit log


def test_the_audit_log_names_who_did_what(api: TestClient) -> None:
    add(api)
    log_in(api, password="wrong")
    log_in(api)
    api.cookies.clear()
    log_in(api, "a-password-typed-here")
    run = submit(api)
    api.patch(f"/api/v1/runs/{run}", json={"name": "other", "notes": ""})
    api.post(f"/api/v1/runs/{run}/pause")
    token = api.post("/api/v1/tokens", json={"name": "ci"}).json()["id"]
    api.delete(f"/api/v1/tokens/{token}")
    api.patch("/api/v1/users/bob", json={"role": "viewer", "password": "another long one", "disabled": True})
    assert audit(api)[::-1] == [
        ("ann", "added the user bob, operator"),
        ("bob", "was refused at signing in by password"),
        ("bob", "signed in by password"),
        ("somebody", "was refused at signing in by password"),
        ("ann", "submitted"),
        ("ann", "changed its name"),
        ("ann", "queued → paused"),
        ("ann", "created the token 'ci', admin"),
        ("ann", "revoked the token 'ci' of ann"),
        ("ann", "changed the role of bob: operator → viewer"),
        ("ann", "disabled the user bob"),
        ("ann", "set a password for bob"),
    ]
    text = api.get("/api/v1/audit").text
    assert PASSWORD not in text
    assert "a-password-typed-here" not in text


def test_the_audit_log_comes_in_pages_that_leave_nothing_out(api: TestClient) -> None:
    for number in range(5):
        add(api, f"user{number}", password=None)
    seen, before = [], None
    while True:
        page = api.get("/api/v1/audit", params={"limit": 2, **({} if before is None else {"before": before})}).json()
        seen += [entry["message"] for entry in page["entries"]]
        if (before := page["next"]) is None:
            break
    assert seen == [f"added the user user{number}, operator" for number in reversed(range(5))]


@pytest.mark.parametrize(
    "body", [{}, {"user": "bob"}, {"password": "x"}, {"code": "c", "user": "bob", "password": "x"}, {"code": "c", "user": "b"}]
)
def test_a_login_is_one_of_two_things(visitor: TestClient, body: dict[str, str]) -> None:
    answer = visitor.post("/api/v1/session", json=body, headers=ORIGIN)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "code")


def change_own(client: TestClient, current: str = PASSWORD, new: str = "another long password", **headers: str) -> Any:
    return client.put("/api/v1/session/password", json={"current": current, "new": new}, headers={**ORIGIN, "authorization": "", **headers})


def test_a_user_changes_their_own_password_and_only_this_session_lives_on(api: TestClient, backend: Backend) -> None:
    add(api, role="viewer")
    token = token_of(backend, "bob", Role.viewer)
    log_in(api)
    elsewhere = dict(api.cookies)
    log_in(api)
    assert change_own(api).status_code == 204
    assert api.get("/api/v1/session", headers={"authorization": ""}).json()["user"] == "bob"
    api.cookies.clear()
    api.cookies.update(elsewhere)
    assert api.get("/api/v1/session", headers={"authorization": ""}).status_code == 401, "the other session"
    assert api.get("/api/v1/session", headers={"authorization": f"Bearer {token}"}).status_code == 200, "tokens stay"
    assert [log_in(api, password=password).status_code for password in (PASSWORD, "another long password")] == [401, 200]
    assert ("bob", "changed their own password") in audit(api)


def test_a_wrong_present_password_is_refused_told_and_counted(api: TestClient) -> None:
    add(api)
    log_in(api)
    answers = [change_own(api, current="wrong") for _ in range(login_limit.PER_USER + 1)]
    assert {answer.status_code for answer in answers[:-1]} == {422}
    assert answers[0].json()["errors"] == [{"field": "current", "message": "is not your password"}]
    assert (answers[-1].status_code, "retry-after" in answers[-1].headers) == (429, True)
    assert ("bob", "was refused a new password: the present one was wrong") in audit(api)
    assert change_own(api).status_code == 429, "the right one too"


def test_who_has_no_password_cannot_make_one_and_a_short_one_is_refused(api: TestClient, backend: Backend) -> None:
    add(api, password=None)
    token = {"authorization": f"Bearer {token_of(backend, 'bob')}"}
    assert "an admin sets the first one" in change_own(api, **token).json()["detail"]
    assert change_own(api, new="short", **token).json()["errors"][0]["field"] == "new"
    assert change_own(api, origin="https://evil.example").status_code == 401
