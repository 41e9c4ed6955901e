"""Everything that crosses Redis, by name: keys, and the JSON in them. Server and workers meet here and nowhere else.

Nothing in Redis is the truth. Lose it, and the scheduler publishes the control documents again, workers register again, and the
recorder takes what the stream lost from the attempts' own event files.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

PREFIX = "copd:"
INBOX = PREFIX + "inbox"
"""A stream that wakes the scheduler: `Wakeup` entries. A lost one costs a poll interval, nothing else."""
WORKERS = PREFIX + "workers"
"""A sorted set: worker name → unix time it was last seen."""
STREAM_FIELD = "e"
"""The one field of a stream entry; its value is JSON."""

STREAM_LENGTH = 100_000
"""About how many entries of a run's stream are kept for a recorder that is away; it takes what is cut off from the attempts' files."""

LEASE_SECONDS = 10.0
"""An attempt whose lease is older than this is lost. Renewed by the worker's parent process while its child makes progress."""
HEARTBEAT_SECONDS = 1.0


def run_stream(run: str) -> str:
    """The stream of a run's `Frame`s, from attempts and from the server."""
    return f"{PREFIX}run:{run}:stream"


def control_key(run: str) -> str:
    """The run's `ControlDocument` as JSON."""
    return f"{PREFIX}run:{run}:control"


def orders_key(worker: str) -> str:
    """A hash attempt → `term` | `kill`: attempts this worker's parent is to end."""
    return f"{PREFIX}worker:{worker}:orders"


def worker_key(worker: str) -> str:
    """The worker's `WorkerReport` as JSON, with an expiry."""
    return f"{PREFIX}worker:{worker}"


def lease_key(run: str, attempt: int) -> str:
    """Holds the worker's name; expires LEASE_SECONDS after the last renewal."""
    return f"{PREFIX}lease:{run}:{attempt}"


def queue_of(worker: str) -> str:
    """The Celery queue that only this worker reads."""
    return f"worker.{worker}"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Changed = Literal["run", "segments", "edits", "checkpoints", "workers", "log", "series", "agreement", "rollouts"]
"""What a reader should fetch again. `series`: points were added behind the reader's back (backfilled). `agreement`: experts were
compared, and the comparison is stored."""


class Frame(_Part):
    """One entry of a run's stream. From an attempt: `attempt`, `segment` and `event`. From the server: `changed`."""

    time: float
    """Unix time at the sender; the stream's own id is the order."""
    attempt: int | None = None
    segment: str | None = None
    event: dict[str, Any] | None = None
    """A copd_engine.events.Event as JSON."""
    changed: list[Changed] = Field(default_factory=list)


class Wakeup(_Part):
    """Why the scheduler should look now."""

    reason: Literal["attempt_ended", "worker_idle", "worker_gone", "run_changed", "acknowledged"]
    run: str | None = None
    attempt: int | None = None
    worker: str | None = None
    why: str = ""
    """Of an ended attempt: what kept it from leaving a result in the store."""


class GpuUsage(_Part):
    """The GPU a worker was given. None: the driver cannot tell."""

    utilisation: float | None
    """Share of the time in which it computed, in [0, 1]."""
    memory_used: int
    memory_total: int
    """Bytes."""
    temperature: float | None
    """Degrees Celsius."""


class Usage(_Part):
    """How busy a worker's machine is: all that runs there, not this worker alone. Memory and disk in bytes."""

    cpu: float
    """Share of all cores at work since the last look, in [0, 1]."""
    memory_used: int
    memory_total: int
    disk_free: int
    """Of the disk that holds COPD_HOME."""
    gpu: GpuUsage | None = None
    process_memory: int | None = None
    """Of the worker's own process that trains, and of what it started; None while there is none."""


WorkerState = Literal["starting", "loading", "idle", "busy", "stopping"]
WORKER_STATES: tuple[WorkerState, ...] = get_args(WorkerState)


class WorkerReport(_Part):
    """A worker about itself, every HEARTBEAT_SECONDS, from its parent process."""

    name: str
    state: WorkerState
    """`loading`: the child is importing torch. Only an idle worker is sent work."""
    host: str
    pid: int
    child_pid: int | None = None
    device: str = "cpu"
    threads: int = 1
    fingerprint: str = ""
    """What must be equal for equal bits: device kind, threads, versions. Empty until the child has loaded."""
    versions: dict[str, str] = Field(default_factory=dict)
    run: str | None = None
    attempt: int | None = None
    segment: str | None = None
    done: int = 0
    total: int = 0
    last_policy: str | None = None
    """"run/policy" whose weights are still in memory: sending its next segment here saves a load."""
    usage: Usage | None = None
    """None until the first look at the machine is over."""
    started_at: float
    seen_at: float
