"""Beside MLflow, Aim and trackio: numbers stored per second, and a long curve read for a chart. `python -m benchmarks.rivals --python P`.

P is a Python that has the rivals (`pip install mlflow aim trackio`, in a venv of its own); each side runs alone, one after the other. Ours:
events put into the stream as a worker puts them, until they are committed in PostgreSQL, and a curve of a million points through the API.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.pipeline import CHART_POINTS, chart_milliseconds, fresh, ingest_seconds
from benchmarks.rival_sides import POINTS, SERIES
from tests.server.backend import running_backend
from tests.server.simulation import world_over

SIDES = ("mlflow", "aim", "trackio")


def ours() -> dict[str, Any]:
    with running_backend() as backend:
        fresh(backend)
        with world_over(backend) as world:
            began = time.perf_counter()
            ingest_seconds(world, POINTS // SERIES, SERIES)
            seconds = time.perf_counter() - began
        fresh(backend)
        with world_over(backend) as world:
            milliseconds, _ = chart_milliseconds(world)
    return {"points_per_second": POINTS / seconds, "chart_points": CHART_POINTS, "chart_ms": sorted(milliseconds)[len(milliseconds) // 2]}


def rival(python: str, side: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        command = [python, str(Path(__file__).with_name("rival_sides.py")), side, folder]
        return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=folder).stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=sys.executable, help="one that has the rivals")
    python = parser.parse_args().python
    title = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start"
    table = Table("side", "points stored per second", "points of the curve", "time to read it", title=title)
    for side in ("copd", *SIDES):
        found = ours() if side == "copd" else rival(python, side)
        table.add_row(side, f"{found['points_per_second']:,.0f}", f"{found['chart_points']:,}", f"{found['chart_ms']:,.0f} ms")
    Console().print(table)


if __name__ == "__main__":
    main()
