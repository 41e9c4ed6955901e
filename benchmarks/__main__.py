"""The engine's benchmarks as one table: `python -m benchmarks`. Writes benchmarks.json beside it.

Run it on a machine that does nothing else; it takes about eight minutes on two cores, most of it SmolLM2 under TRL.
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import cycle, grpo_step
from copd_engine.fingerprint import fingerprint


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path(tempfile.gettempdir()) / "copd-benchmarks", help="where models are kept")
    parser.add_argument("--out", type=Path, default=Path("benchmarks.json"))
    options = parser.parse_args()
    results = [cycle.measure(), *(grpo_step.measure(case, options.models) for case in grpo_step.CASES)]
    machine = f"{platform.node()}: {fingerprint(1)}"
    options.out.write_text(json.dumps({"machine": machine, "results": results}, indent=1) + "\n")
    console = Console()
    console.print(table(machine, results))
    console.print(f"All figures: {options.out}")


def table(machine: str, results: list[dict[str, Any]]) -> Table:
    """One line per benchmark and side: what was measured, beside what is wanted."""
    shown = Table("benchmark", "side", "tokens/s", "s/step", "peak MiB", "ratio", "wanted", title=machine)
    for result in results:
        shown.add_row(result["name"], "", "", "", "", f"{result['ratio']:.2f}", result["wanted"])
        for row in _sides(result):
            shown.add_row("", *row)
    return shown


def _sides(result: dict[str, Any]) -> Iterator[list[str]]:
    for side, seen in result.get("sides", {}).items():
        yield [side, f"{seen['tokens_per_second']:,.0f}", f"{seen['seconds_per_step']:.3f}", f"{seen['peak_mib']:,.0f}"]


if __name__ == "__main__":
    main()
