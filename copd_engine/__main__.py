"""`python -m copd_engine run spec.yaml`: a whole run, or the replay of a recipe, in this process, without any server."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from rich.console import Console

from copd_engine.preflight import check_available, check_engine
from copd_engine.reach import EVERYWHERE
from copd_engine.recipe import Recipe, parse_recipe
from copd_engine.spec import FieldError, SpecError, load_yaml
from copd_engine.structure import with_edit

STOPPED = 130  # what shells report after Ctrl-C


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status: 0 done, 1 failed, 2 a wrong spec, 130 stopped by Ctrl-C (run it again to go on)."""
    given = _parser().parse_args(arguments)
    console = Console(stderr=True)
    try:
        recipe = _recipe(given.spec, given.set)
    except SpecError as error:
        for problem in error.errors:
            console.print(f"{given.spec}: {problem}", style="red", markup=False)
        return 2
    return _run(recipe, given.out, as_json=given.json, console=console)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m copd_engine", description="Train experts of one model together.")
    run = parser.add_subparsers(required=True, metavar="run").add_parser("run", help="carry out a spec in this process")
    run.add_argument("spec", type=Path, help="a run spec or a recipe (YAML or JSON)")
    run.add_argument("--out", type=Path, default=Path(".copd"), help="where checkpoints and results go (default: .copd)")
    run.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="change a field, such as seed=1 or rlvr.steps=20")
    run.add_argument("--json", action="store_true", help="end with one line of JSON on standard output instead of a table")
    return parser


def _recipe(path: Path, changes: list[str]) -> Recipe:
    """The spec with the --set changes, its tasks and model there, and the edits to replay. Raises SpecError."""
    try:
        recipe = parse_recipe(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError([FieldError("", f"cannot be read: {error}")]) from None
    for change in changes:
        field, equals, value = change.partition("=")
        if not equals:
            raise SpecError([FieldError(change, "--set takes FIELD=VALUE")])
        recipe = recipe.model_copy(update={"spec": with_edit(recipe.spec, field, load_yaml(value))})
    recipe.check()
    check_available(recipe.spec, EVERYWHERE)
    check_engine(recipe.spec.sampling.engine)
    return recipe


def _run(recipe: Recipe, out: Path, *, as_json: bool, console: Console) -> int:
    console.print("Loading torch …", style="dim")
    from copd_engine.local import LocalRun
    from copd_engine.store import open_store
    from copd_engine.terminal import Bars, summary, table

    stopping = _stop_on_interrupt(console)
    begun = time.perf_counter()
    run = LocalRun(recipe.spec, open_store(str(out.resolve())), edits=recipe.edits)
    with Bars(run, console) as bars:
        run.emit = bars.see
        ended = run.execute(stopping)
    if ended is not None and ended.outcome == "stopped":
        console.print(f"Stopped. The same command goes on from here; everything is in {out / 'runs' / run.id}.")
        return STOPPED
    if ended is not None:
        console.print(ended.error.traceback if ended.error else "", style="dim", markup=False)
        console.print(f"Failed: {ended.error.message if ended.error else ''}", style="red", markup=False)
        return 1
    result = summary(run, bars.latest, time.perf_counter() - begun)
    if as_json:
        print(json.dumps(result))
        return 0
    Console().print(table(recipe.spec, result))
    Console().print(
        f"{result['seconds']:.0f} s. Merged weights {result['merged_digest'][:16]}…, as a Hugging Face folder: {out / result['export']}"
    )
    return 0


def _stop_on_interrupt(console: Console) -> StopAsked:
    asked = StopAsked(console)
    signal.signal(signal.SIGINT, asked.interrupt)
    signal.signal(signal.SIGTERM, asked.interrupt)
    return asked


class StopAsked:
    """Whether Ctrl-C was pressed; pressed twice, it interrupts at once."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._asked = False

    def __call__(self) -> bool:
        return self._asked

    def interrupt(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 – the signature of a signal handler
        """A signal handler. Raises KeyboardInterrupt the second time."""
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True
        self._console.print("Stopping after this step; Ctrl-C again to stop at once.")


if __name__ == "__main__":
    sys.exit(main())
