"""One side of benchmarks/rivals.py: another tracker, by its own client, in an environment of its own. Prints a JSON object.

Needs nothing of this project, so that the rivals' packages need not fit beside ours: `python rival_sides.py mlflow /tmp/empty-folder`.
"""

from __future__ import annotations

import json
import math
import os
import socket
import sqlite3
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

POINTS, SERIES = 100_000, 10
LONG_POINTS = 1_000_000
READS = 5


def mlflow(folder: Path) -> dict[str, Any]:
    """Batches of 1,000 to its server over HTTP; the long curve is put into its SQLite, and read as its page reads it."""
    port, database = _free_port(), folder / "mlflow.db"
    command = ["-m", "mlflow", "server", "--backend-store-uri", f"sqlite:///{database}", "--port", str(port), "--workers", "1"]
    server = subprocess.Popen([sys.executable, *command], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    base = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{base}/health")
        experiment = _post(f"{base}/api/2.0/mlflow/experiments/create", {"name": "rivals"})["experiment_id"]
        run = _post(f"{base}/api/2.0/mlflow/runs/create", {"experiment_id": experiment})["run"]["info"]["run_id"]
        began = time.perf_counter()
        for first in range(0, POINTS // SERIES, 1000 // SERIES):
            steps = range(first, first + 1000 // SERIES)
            batch = [{"key": f"m{m}", "value": _value(step) + m, "timestamp": step, "step": step} for step in steps for m in range(SERIES)]
            _post(f"{base}/api/2.0/mlflow/runs/log-batch", {"run_id": run, "metrics": batch})
        seconds = time.perf_counter() - began
        with sqlite3.connect(database, timeout=60) as connection:
            rows = (("long", _value(step), step, run, step) for step in range(LONG_POINTS))
            connection.executemany("INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES (?, ?, ?, ?, ?, 0)", rows)
        address = f"{base}/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval?run_ids={run}&metric_key=long&max_results=320"
        milliseconds = _timed(lambda: _get(address))
    finally:
        server.terminate()
        server.wait()
    return {"points_per_second": POINTS / seconds, "chart_points": LONG_POINTS, "chart_ms": milliseconds}


def aim(folder: Path) -> dict[str, Any]:
    """`track` in this process; the curve is read by its own query, in this process too."""
    import aim as client  # pyright: ignore[reportMissingImports]

    client.Repo.from_path(str(folder), init=True)
    quiet = {"system_tracking_interval": None, "capture_terminal_logs": False, "log_system_params": False}
    run = client.Run(repo=str(folder), **quiet)
    began = time.perf_counter()
    for step in range(POINTS // SERIES):
        for m in range(SERIES):
            run.track(_value(step) + m, name=f"m{m}", step=step)
    seconds = time.perf_counter() - began
    long = client.Run(repo=str(folder), **quiet)
    for step in range(POINTS):
        long.track(_value(step), name="long", step=step)
    milliseconds = _timed(lambda: [metric.data.values_list() for metric in client.Repo(str(folder)).query_metrics("metric.name == 'long'")])
    return {"points_per_second": POINTS / seconds, "chart_points": POINTS, "chart_ms": milliseconds}


def trackio(folder: Path) -> dict[str, Any]:
    """`log` in this process until `finish` returns; the curve is read from its SQLite by its own function."""
    os.environ["TRACKIO_DIR"] = str(folder)
    import trackio as client  # pyright: ignore[reportMissingImports]
    from trackio.sqlite_storage import SQLiteStorage  # pyright: ignore[reportMissingImports]

    client.init(project="rivals", name="run")
    began = time.perf_counter()
    for step in range(POINTS // SERIES):
        client.log({f"m{m}": _value(step) + m for m in range(SERIES)}, step=step)
    client.finish()
    seconds = time.perf_counter() - began
    milliseconds = _timed(lambda: SQLiteStorage.get_logs("rivals", "run"))
    return {"points_per_second": POINTS / seconds, "chart_points": POINTS, "chart_ms": milliseconds}


def _value(step: int) -> float:
    return math.sin(step / 100)


def _timed(read: Callable[[], object]) -> float:
    """Median milliseconds of some calls."""
    found = list[float]()
    for _ in range(READS):
        began = time.perf_counter()
        read()
        found.append(1000 * (time.perf_counter() - began))
    return statistics.median(found)


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=300) as answer:
        return answer.read()


def _post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=300) as answer:
        return json.loads(answer.read())


def _wait_for(url: str) -> None:
    for _ in range(600):
        try:
            _get(url)
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise TimeoutError(url)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sides = {"mlflow": mlflow, "aim": aim, "trackio": trackio}
    print(json.dumps(sides[sys.argv[1]](Path(sys.argv[2]))))
