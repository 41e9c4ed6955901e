"""A small typed client of the REST API; the `copd` command and scripts use it.

with Client("http://127.0.0.1:8765", token) as client:
    run = client.create_run(Path("examples/three-experts.yaml").read_text())
    client.edit(run.id, {"w.image.text": 0.3})
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Self

import httpx

from client.models import Checkpoint, ControlPreview, Event, Export, LogEntry, RetriedRun, Run, RunList, Segment, SeriesList, WorkerList

API = "/api/v1"
CHUNK_BYTES = 1 << 20


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

    def __init__(self, url: str, token: str, *, timeout: float = 30) -> None:
        self.url = url.rstrip("/")
        # trust_env=False: a proxy of the environment must not see, or swallow, calls to the own machine
        is_local = httpx.URL(self.url).host in ("127.0.0.1", "localhost", "::1")
        self._http = httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {token}"}, timeout=timeout, trust_env=not is_local)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    # ---- runs

    def create_run(self, spec: str, *, idempotency_key: str | None = None) -> Run:
        """Submits a spec or a recipe in YAML or JSON. The same idempotency key answers with the same run."""
        headers = {"Content-Type": "application/yaml"}
        if idempotency_key:
            headers["Idempotency-Key"] = idempotency_key
        return Run.model_validate(self._json("POST", "/runs", content=spec.encode(), headers=headers))

    def recipe(self, run_id: str) -> dict[str, Any]:
        """The spec and all edits with where each took effect: as JSON, `create_run` takes it and gives the same weights."""
        return self._json("GET", f"/runs/{run_id}/recipe")

    def runs(self, *, limit: int = 100, after: str | None = None) -> RunList:
        """One page of runs, newest first; `next` of the answer is the `after` of the following page."""
        parameters = {"limit": str(limit)} | ({"after": after} if after else {})
        return RunList.model_validate(self._json("GET", "/runs", params=parameters))

    def run(self, run_id: str) -> Run:
        return Run.model_validate(self._json("GET", f"/runs/{run_id}"))

    def command(self, run_id: str, command: Literal["pause", "resume", "cancel"]) -> Run:
        return Run.model_validate(self._json("POST", f"/runs/{run_id}/{command}"))

    def retry(self, run_id: str, changes: dict[str, bool | float | int | str] | None = None, *, reseed: bool = False) -> RetriedRun:
        """Goes on with a failed run from its last good checkpoints. `notice` of the answer says when that can only fail again."""
        answer = self._json("POST", f"/runs/{run_id}/retry", json={"set": changes or {}, "reseed": reseed})
        return RetriedRun.model_validate(answer)

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

    def preview_edit(self, run_id: str, changes: dict[str, bool | float | int | str]) -> ControlPreview:
        """What `edit` would change. Changes nothing."""
        headers = {"If-Match": f'"{self.run(run_id).control_version}"'}
        answer = self._json("PATCH", f"/runs/{run_id}/controls", json={"set": changes}, headers=headers, params={"dry_run": "true"})
        return ControlPreview.model_validate(answer)

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
        return response.json()


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
