"""A private Valkey and real worker processes, with what a test wants to see of them."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from redis import Redis

from client.stack.home import Home
from client.stack.valkey import Valkey as EmbeddedValkey
from copd_engine.job import SegmentData, SegmentJob
from copd_engine.plan import Kind, plan
from copd_engine.spec import RunSpec, parse_spec
from worker import bus
from worker.app import TASK, celery_app, queue, send_segment

T = TypeVar("T")
NUMBERS = itertools.count(1)
"""Attempts are numbered over all runs, as in the database."""


def mini_spec(steps: int = 3) -> RunSpec:
    """The smallest run there is: two experts, two answers per step."""
    return parse_spec(
        {
            "name": "mini",
            "domains": {
                "text": {"source": "reasoning_gym", "tasks": {"chain_sum": {"min_terms": 2, "max_terms": 2}}, "max_new_tokens": 2},
                "image": {"source": "digit_images", "max_new_tokens": 2},
            },
            "experts": {"text": {"domain": "text"}, "image": {"domain": "image"}},
            "rounds": 1,
            "rlvr": {"steps": steps, "prompts": 1, "group": 2},
        }
    )


def wait_until(look: Callable[[], T | bool | None]) -> T:
    """Looks again and again until there is something true to see. pytest's time limit holds."""
    pause = threading.Event()
    while not (seen := look()):
        pause.wait(0.01)
    return cast(T, seen)


class Valkey:
    """The embedded stack's Valkey, but one that can be killed and started again on the same data."""

    def __init__(self, folder: Path) -> None:
        home = Home(folder)
        home.create()
        self._server = EmbeddedValkey(home)
        self.url = self._server.url
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(self._server.command().argv, stdout=subprocess.DEVNULL)
        wait_until(self._server.is_ready)

    def kill(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait()

    def client(self) -> Redis:
        return Redis.from_url(self.url, socket_timeout=None)


@dataclass
class Worker:
    """One `python -m worker`, as the scheduler sees it, and a little closer."""

    name: str
    valkey: Valkey
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.redis = self.valkey.client()
        self.app = celery_app(self.valkey.url)
        self.seen = "0"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("COPD_")}
        self.log = self.folder / f"{self.name}.log"
        variables = {
            "COPD_REDIS_URL": self.valkey.url,
            "COPD_STORE_URL": (self.folder / "store").as_uri(),
            "COPD_HOME": str(self.folder / "home"),
            "COPD_WORKER_NAME": self.name,
            "COPD_DEVICE": "cpu",
        }
        environment = {**inherited, **variables, **self.environment}
        with self.log.open("ab") as output:
            self.process = subprocess.Popen([sys.executable, "-P", "-m", "worker"], env=environment, stderr=output, start_new_session=True)

    # -- what it says --------------------------------------------------------------------------------------------------

    def report(self) -> bus.WorkerReport | None:
        raw = self.redis.get(bus.worker_key(self.name))
        return bus.WorkerReport.model_validate_json(raw) if isinstance(raw, bytes) else None

    def another_report(self) -> None:
        """Waits for its next one."""
        now = self.report()
        wait_until(lambda: (later := self.report()) and now and later.seen_at > now.seen_at)

    def ready(self) -> bus.WorkerReport:
        """Waits until it is idle."""

        def idle() -> bus.WorkerReport | None:
            assert self.process.poll() is None, self.log.read_text()
            report = self.report()
            return report if report and report.state == "idle" else None

        return wait_until(idle)

    def wakeup(self, reason: str, attempt: int | None = None) -> bus.Wakeup:
        """The next one of its wake-ups with this reason."""
        while True:
            for _, entries in self._read(bus.INBOX, self.seen):
                for entry, fields in entries:
                    self.seen = entry
                    found = bus.Wakeup.model_validate_json(fields[bus.STREAM_FIELD.encode()])
                    if (found.worker, found.reason, found.attempt) == (self.name, reason, attempt):
                        return found

    def frames(self, job: SegmentJob) -> list[bus.Frame]:
        entries: Any = self.redis.xrange(bus.run_stream(job.run))
        return [bus.Frame.model_validate_json(fields[bus.STREAM_FIELD.encode()]) for _, fields in entries]

    def training(self, job: SegmentJob) -> None:
        """Waits until the first step's points have arrived."""
        wait_until(lambda: any((frame.event or {})["type"] == "points" for frame in self.frames(job)))

    def _read(self, stream: str, after: str) -> Any:
        return self.redis.xread({stream: after}, block=0)

    # -- what it is told -----------------------------------------------------------------------------------------------

    def job(self, steps: int = 3) -> SegmentJob:
        attempt = next(NUMBERS)
        spec = mini_spec(steps)
        segment = next(s for s in plan(spec) if s.kind is Kind.rlvr and s.policy == "text")
        return SegmentJob(run=f"run-{attempt}", attempt=attempt, spec=spec, segment=SegmentData.of(segment))

    def send(self, job: SegmentJob) -> SegmentJob:
        send_segment(self.app, self.name, job)
        return job

    def send_raw(self, data: dict[str, Any]) -> None:
        self.app.send_task(TASK, args=[data], queue=queue(self.name))

    # -- what it leaves in the store -----------------------------------------------------------------------------------

    def attempt_folder(self, job: SegmentJob) -> Path:
        return self.folder / "store" / "runs" / job.run / job.folder

    def result(self, job: SegmentJob) -> dict[str, Any]:
        return json.loads((self.attempt_folder(job) / "result.json").read_text())

    def events(self, job: SegmentJob) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.attempt_folder(job) / "events.jsonl").read_text().splitlines()]

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.redis.close()
        self.app.close()
