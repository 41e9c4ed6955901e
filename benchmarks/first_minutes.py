"""What a new user sees, and when: `python -m benchmarks.first_minutes`.

Starts `copd demo` in an empty home, opens the printed link in Chromium, and prints when each moment was on the page, counted from the
link. Takes as long as the demo; run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, sync_playwright
from rich.console import Console
from rich.table import Table

WHOLE_PAGE: ViewportSize = {"width": 1440, "height": 3000}
"""Charts are drawn while they are on screen: all of them are, until each was seen."""
SCREEN: ViewportSize = {"width": 1440, "height": 900}
PATIENCE_MS = 30 * 60_000
FILLED = "() => document.querySelectorAll('section[aria-label$=\"?\"]').length >= 6 && document.querySelector('[role=progressbar]')"
HAS_POINTS = """question => {
  const card = [...document.querySelectorAll("section")].find(s => s.ariaLabel === question);
  const traces = card?.querySelector(".js-plotly-plot")?.data ?? [];
  return traces.some(t => (t.z ?? []).flat().some(v => v !== null && v < 1) || (t.meta?.mode === "append" && t.x?.length));
}"""
IN_OPD = "() => / · OPD/.test(document.querySelector('main').innerText)"
COMPLETED = "() => document.querySelector('section[aria-label=Result]')"
MOMENTS = [
    ("run page filled", "≤ 3 s", FILLED, None),
    ("base accuracy", "≤ 20 s", HAS_POINTS, "How well does each model do on text?"),
    ("first training point", "≤ 30 s", HAS_POINTS, "Is each expert getting better at its own task?"),
    ("first OPD phase", "≤ 90 s", IN_OPD, None),
    ("agreement has changed", "≤ 90 s", HAS_POINTS, "Do the experts still think alike?"),
    ("completed", "4 to 10 min", COMPLETED, None),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    began = time.monotonic()
    with demo() as link, page_in_chromium() as page:
        table = Table("moment", "seconds", "wanted", title="copd demo in an empty home")
        table.add_row("link printed", f"{time.monotonic() - began:.1f}", "≤ 15 s")
        for name, wanted, seconds in moments(page, link):
            print(f"{name}: {seconds:.1f} s", flush=True)
            table.add_row(name, f"{seconds:.1f}", wanted)
    Console().print(table)


def moments(page: Page, link: str) -> Iterator[tuple[str, str, float]]:
    """Opens a run's link and yields each moment as it comes: its name, when it is wanted, and the seconds since the link."""
    page.set_viewport_size(WHOLE_PAGE)
    opened = time.monotonic()
    page.goto(link)
    if "/runs/" not in page.url:
        page.get_by_role("link", name="Three experts", exact=True).click()
    for name, wanted, condition, argument in MOMENTS:
        if condition is COMPLETED:
            page.set_viewport_size(SCREEN)
        page.wait_for_function(condition, arg=argument, timeout=PATIENCE_MS)
        yield name, wanted, time.monotonic() - opened


@contextmanager
def demo() -> Iterator[str]:
    """`copd demo` in a temporary home, its link; stopped and removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="copd-first-"))
    folder.chmod(0o755)  # PostgreSQL runs as a user of its own where this one is root
    command = [sys.executable, "-m", "client", "demo", "--home", str(folder / "home")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout
        try:
            yield next(found.group() for line in process.stdout if (found := re.search(r"http\S+#code=\S+", line)))
        finally:
            process.terminate()
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def page_in_chromium() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()


if __name__ == "__main__":
    main()
