"""A supervisor with two harmless children, for tests of the leash: `python sleepers.py HOME`. Prints READY, then what happens."""

from __future__ import annotations

import sys
from pathlib import Path

from client.stack.family import AlreadyRunningError, family
from client.stack.home import Home
from client.stack.process import Command

# Says its end, so that the order of stopping can be seen.
SLEEPER = """
import signal, sys
def end(*_):
    print(sys.argv[1], "ended", flush=True); sys.exit(0)
signal.signal(signal.SIGTERM, end)
print(sys.argv[1], "runs", flush=True)
signal.pause()
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('stubborn runs', flush=True); signal.pause()"


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(home: Home) -> None:
    with family(home, say) as children:
        children.launch([Command("first", [sys.executable, "-c", SLEEPER, "first"])])
        children.launch([Command("second", [sys.executable, "-c", SLEEPER, "second"])])
        children.launch([Command("stubborn", [sys.executable, "-c", STUBBORN], stop_seconds=0.2)])
        logs = [home.logs / f"{name}.log" for name in ("first", "second", "stubborn")]
        children.until("All", lambda: all("runs" in log.read_text() for log in logs), [])
        children.on_change = lambda: say(f"PIDS {children.pids()}")
        say(f"PIDS {children.pids()}")
        children.watch()


if __name__ == "__main__":
    try:
        main(Home(Path(sys.argv[1])))
    except AlreadyRunningError:
        say("already running")
        sys.exit(3)
