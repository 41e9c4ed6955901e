"""A small typed client of the REST API; the `copd` command and scripts use it.

with Client("http://127.0.0.1:8765", token) as client:
    run = client.create_run(Path("examples/three-experts.yaml").read_text())
    client.edit(run.id, {"w.image.text": 0.3})
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import quote

import httpx

from client.models import Checkpoint, Event, Export, LogEntry, Run, RunList, Segment, SeriesList, Token, User, WorkerList

API = "/api/v1"
CHUNK_BYTES = 1 << 20
Role = Literal["viewer", "operator", "admin"]


class ApiError(Exception):
    """The API refused or could not be reached. `problem` is the RFC 9457 document, empty when there was none."""

    def __init__(self, message: str, status: int = 0, problem: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.problem = problem or {}

    @property
    def fields(self) -> dict[str, str]:
        """Wrong fields by dotted path, with what would be right."""
        return {error.get("field", ""): error.get("message", "") for error in self.problem.get("errors", [])}


class Client:
    """Every method raises ApiError when the server refuses, or cannot be reached."""

    def __init__(self, url: str, token: str, *, timeout: float = 30, certificate: str | None = None) -> None:
        """certificate: the PEM file of the server's own certificate, to trust it and no other."""
        self.url = url.rstrip("/")
        # trust_env=False: a proxy of the environment must not see, or swallow, calls to the own machine
        is_local = httpx.URL(self.url).host in ("127.0.0.1", "localhost", "::1")
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=timeout, trust_env=not is_local, verify=trust(certificate))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    # ---- runs

    def create_run(self, spec: str, *, idempotency_key: str | None = None) -> Run:
        """Submits a spec in YAML or JSON. The same idempotency key answers with the same run."""
        headers = {"Content-Type": "application/yaml"}
        if idempotency_key:
            headers["Idempotency-Key"] = idempotency_key
        return Run.model_validate(self._json("POST", "/runs", content=spec.encode(), headers=headers))

    def runs(self, *, limit: int = 100, after: str | None = None) -> RunList:
        """One page of runs, newest first; `next` of the answer is the `after` of the following page."""
        parameters = {"limit": str(limit)} | ({"after": after} if after else {})
        return RunList.model_validate(self._json("GET", "/runs", params=parameters))

    def run(self, run_id: str) -> Run:
        return Run.model_validate(self._json("GET", f"/runs/{run_id}"))

    def command(self, run_id: str, command: Literal["pause", "resume", "cancel"]) -> Run:
        return Run.model_validate(self._json("POST", f"/runs/{run_id}/{command}"))

    def describe(self, run_id: str, *, name: str | None = None, notes: str | None = None, tags: list[str] | None = None) -> Run:
        """Changes name, notes or tags; None leaves as it is."""
        given = {key: value for key, value in (("name", name), ("notes", notes), ("tags", tags)) if value is not None}
        return Run.model_validate(self._json("PATCH", f"/runs/{run_id}", json=given))

    def edit(self, run_id: str, changes: dict[str, bool | float | int | str], *, version: int | None = None) -> Run:
        """Changes controls by path, say {"w.image.text": 0.3}.

        `version` is the control version the change is based on; without it, the newest. A stale one raises ApiError with status 412.
        """
        if version is None:
            version = self.run(run_id).control_version
        answer = self._json("PATCH", f"/runs/{run_id}/controls", json={"set": changes}, headers={"If-Match": f'"{version}"'})
        return Run.model_validate(answer)

    # ---- what a run produced

    def segments(self, run_id: str) -> list[Segment]:
        return [Segment.model_validate(item) for item in self._json("GET", f"/runs/{run_id}/segments")["segments"]]

    def series(self, run_id: str, **parameters: str | int) -> SeriesList:
        return SeriesList.model_validate(self._json("GET", f"/runs/{run_id}/series", params=parameters))

    def cursor(self, run_id: str) -> str:
        """The stream position of now: what is read after this call is not older, and `events` from here misses nothing."""
        return self.series(run_id, name="-").cursor

    def figure(self, run_id: str, name: str) -> dict[str, Any]:
        """A Plotly figure (`data`, `layout`) with its title, help and summary."""
        return self._json("GET", f"/runs/{run_id}/figures/{name}")

    def checkpoints(self, run_id: str) -> list[Checkpoint]:
        return [Checkpoint.model_validate(item) for item in self._json("GET", f"/runs/{run_id}/checkpoints")["checkpoints"]]

    def log(self, run_id: str) -> list[LogEntry]:
        return [LogEntry.model_validate(item) for item in self._json("GET", f"/runs/{run_id}/log")["entries"]]

    def events(self, run_id: str, *, cursor: str | None = None) -> Iterator[Event]:
        """The run's live events from `cursor` on (else from now on), until the connection ends; then call again with the last event's id.

        After a `reset` event, fetch again and start from a new `cursor`.
        """
        headers = {"Last-Event-ID": cursor} if cursor else {}
        timeout = httpx.Timeout(30, read=60)  # the server sends a comment every few seconds
        try:
            with self._http.stream("GET", f"{API}/runs/{run_id}/events", headers=headers, timeout=timeout) as response:
                if response.is_error:
                    response.read()
                    raise _error(response)
                yield from parse_events(response.iter_lines())
        except httpx.TransportError as error:
            raise ApiError(f"the event stream of {self.url} broke: {error}") from error

    # ---- exports

    def request_export(self, run_id: str, *, policy: str = "merged", step: int | None = None) -> Export:
        return Export.model_validate(self._json("POST", f"/runs/{run_id}/export", json={"policy": policy, "step": step}))

    def exports(self, run_id: str) -> list[Export]:
        return [Export.model_validate(item) for item in self._json("GET", f"/runs/{run_id}/exports")["exports"]]

    def download_export(self, run_id: str, number: int, target: Path) -> None:
        """Writes the model's zip to `target`; a broken download leaves no file there."""
        partial = target.with_name(f"{target.name}.part")
        try:
            with self._http.stream("GET", f"{API}/runs/{run_id}/exports/{number}/download") as response:
                if response.is_error:
                    response.read()
                    raise _error(response)
                with partial.open("wb") as file:
                    for chunk in response.iter_bytes(CHUNK_BYTES):
                        file.write(chunk)
            partial.replace(target)
        except httpx.TransportError as error:
            raise ApiError(f"the download from {self.url} broke: {error}") from error
        finally:
            partial.unlink(missing_ok=True)

    # ---- users and tokens

    def users(self) -> list[User]:
        return [User.model_validate(item) for item in self._json("GET", "/users")["users"]]

    def add_user(self, name: str, role: Role, password: str | None = None) -> User:
        return User.model_validate(self._json("POST", "/users", json={"name": name, "role": role, "password": password}))

    def change_user(self, name: str, *, role: Role | None = None, disabled: bool | None = None, password: str | None = None) -> User:
        """None leaves as it is. Disabling ends every login of the user."""
        given = {"role": role, "disabled": disabled, "password": password}
        return User.model_validate(self._json("PATCH", f"/users/{quote(name, safe='')}", json=given))

    def tokens(self) -> list[Token]:
        """One's own; for an admin everybody's."""
        return [Token.model_validate(item) for item in self._json("GET", "/tokens")["tokens"]]

    def create_token(self, name: str, *, role: Role | None = None, days: int | None = None) -> Token:
        """A token of the caller; `value` can be read this once."""
        return Token.model_validate(self._json("POST", "/tokens", json={"name": name, "role": role, "days": days}))

    def revoke_token(self, number: int) -> None:
        self._json("DELETE", f"/tokens/{number}")

    # ---- the rest

    def workers(self) -> WorkerList:
        return WorkerList.model_validate(self._json("GET", "/workers"))

    def spec_schema(self) -> dict[str, Any]:
        return self._json("GET", "/spec/schema")

    def is_ready(self) -> bool:
        try:
            return self._http.get("/readyz").is_success
        except httpx.TransportError:
            return False

    def _json(self, method: str, path: str, **arguments: Any) -> Any:
        try:
            response = self._http.request(method, API + path, **arguments)
        except httpx.TransportError as error:
            raise ApiError(f"cannot reach {self.url}: {error}") from error
        if response.is_error:
            raise _error(response)
        return response.json() if response.content else None


def trust(certificate: str | None) -> ssl.SSLContext | bool:
    """What httpx is to trust: exactly this certificate, under whatever name the server is asked, or, without one, the usual authorities."""
    if certificate is None:
        return True
    context = ssl.create_default_context(cafile=certificate)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def parse_events(lines: Iterator[str]) -> Iterator[Event]:
    """Server-sent events from their lines (WHATWG HTML, 9.2.6). Comments and events without data are skipped."""
    event_id, name, data = "", "message", []
    for line in lines:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield Event(id=event_id, event=name, data=json.loads("\n".join(data)))
            name, data = "message", []
        elif field == "id":
            event_id = value
        elif field == "event":
            name = value
        elif field == "data":
            data.append(value)


def _error(response: httpx.Response) -> ApiError:
    try:
        problem = response.json()
        detail = problem.get("detail") or problem.get("title")
    except (ValueError, AttributeError):
        problem, detail = {}, None
    message = detail or f"{response.request.method} {response.request.url.path} answered {response.status_code}"
    errors = [f"{error.get('field') or 'spec'}: {error.get('message')}" for error in problem.get("errors", [])]
    return ApiError("\n  ".join([message, *errors]), response.status_code, problem)
