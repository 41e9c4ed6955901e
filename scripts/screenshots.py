"""The pictures of docs/img, taken from a real run: `make screenshots`. A stack of its own trains the demo, which takes as long as the demo.

python scripts/screenshots.py                       a fresh stack in a temporary home
python scripts/screenshots.py --home DIR            a stack that is up, with its newest run of the example; what is over is not waited for
"""

from __future__ import annotations

import argparse
import io
import itertools
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from client.api import Client
from client.demo import submit_examples
from client.stack.home import Home
from client.stack.server import login_code

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "img"
WIDE: ViewportSize = {"width": 1440, "height": 1110}
PHONE: ViewportSize = {"width": 380, "height": 1500}
SIZES = {"wide": WIDE, "narrow": PHONE}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
MID_RUN = 0.55
"""Share of the optimizer steps after which a run looks like a run."""
PATIENCE_MS = 120_000
"""The machine trains meanwhile."""
EDIT = {"w.image.text": 0.3}
VIEWS = {
    "runs": "/",
    "finished": "/runs/{run}",
    "agreement": "/runs/{run}?tab=agreement",
    "rollouts": "/runs/{run}?tab=rollouts",
    "system": "/runs/{run}?tab=system",
    "events": "/runs/{run}?tab=events",
    "checkpoints": "/runs/{run}?tab=checkpoints",
    "fork": "/new?fork={run}",
    "compare": "/compare?runs={run},{other}",
    "workers": "/workers",
    "people": "/people",
    "settings": "/settings",
}
"""What is looked at once the run is over."""
WRONG_FIELD = ("domain: video}", "domain: films}")
DRAWN = """() => !document.querySelector('[aria-busy=true], [data-state=connecting]')
  && ![...document.querySelectorAll('[aria-label^=Loading]')].some(part => part.getBoundingClientRect().top < innerHeight)
  && [...document.querySelectorAll('section[aria-label$="?"]')]
    .filter(chart => chart.getBoundingClientRect().top < innerHeight)
    .every(chart => chart.querySelector('.main-svg'))
  && [...document.images]
    .filter(image => image.checkVisibility() && image.getBoundingClientRect().top < innerHeight)
    .every(image => image.complete && image.naturalWidth)"""
"""No page is loading, and every chart and picture on screen is drawn."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, help="home of a stack that is up")
    home = parser.parse_args().home
    PICTURES.mkdir(parents=True, exist_ok=True)
    if home:
        take_all(Home(home))
        return
    with fresh_stack() as started:
        take_all(started)


@contextmanager
def fresh_stack() -> Iterator[Home]:
    """`copd up` in a temporary home that PostgreSQL's user can reach too."""
    folder = Path("/tmp/copd-screenshots")  # a fixed place, so that an interrupted call leaves one folder at most
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o755)
    command = [sys.executable, "-m", "client", "up", "--home", str(folder / "home")]
    try:
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True) as process:
            assert process.stdout
            try:
                next(line for line in process.stdout if "#code=" in line)
                yield Home(folder / "home")
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(timeout=60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def take_all(home: Home) -> None:
    info = home.read_stack()
    if info is None:
        raise SystemExit(f"no stack is up in {home.root}; start one with `copd up --home {home.root}`")
    with Client(info.url, home.token_file.read_text().strip()) as client, chromium() as browser:
        run_id = submit_examples(client, again=False, say=print).id
        other = next((run.id for run in client.runs().runs if run.id != run_id), run_id)
        camera = Camera(browser, info.url, lambda: login_code(home.environment(info)))
        if client.run(run_id).state != "completed":
            wait_for_share(client, run_id, MID_RUN)
            if not client.run(run_id).edits:
                client.edit(run_id, dict(EDIT))
                client.describe(run_id, tags=["demo"], notes="Hub and spoke, text in the middle.")
            wait_for_effect(client, run_id)
            camera.take("overview", f"/runs/{run_id}")
            camera.take("weights", f"/runs/{run_id}?tab=weights")
        camera.take("new-run", "/new", wrong=True)
        wait_for_share(client, run_id, 1.0)
        for name, path in VIEWS.items():
            camera.take(name, path.format(run=run_id, other=other))


def wait_for_share(client: Client, run_id: str, share: float) -> None:
    """Follows the run's events until so much of it is done; at 1 until it is completed."""
    while True:
        cursor = client.cursor(run_id)
        run = client.run(run_id)
        if run.state in ("failed", "cancelled"):
            raise SystemExit(f"{run.name} is {run.state}: {run.error}")
        if run.state == "completed" or (share < 1 and run.progress.steps >= share * run.progress.total_steps):
            return
        next((event for event in client.events(run_id, cursor=cursor) if event.event in ("changed", "reset")), None)


def wait_for_effect(client: Client, run_id: str) -> None:
    while True:
        cursor = client.cursor(run_id)
        if all(edit.effective for edit in client.run(run_id).edits):
            return
        next((event for event in client.events(run_id, cursor=cursor) if event.event in ("changed", "reset")), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chromium-headless-shell"))), None)
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


class Camera:
    """Takes a page in both themes, signed in."""

    def __init__(self, browser: Browser, url: str, code: Callable[[], str]) -> None:
        self.url = url
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{url}/#code={code()}")
        page.get_by_role("link", name="New run").wait_for()
        self._browser, self._session = browser, context.storage_state()
        context.close()

    def take(self, name: str, path: str, *, wrong: bool = False) -> None:
        """`name-wide-light.png` and its three sisters."""
        for (size, viewport), scheme in itertools.product(SIZES.items(), SCHEMES):
            context = self._browser.new_context(
                viewport=viewport, color_scheme=scheme, storage_state=self._session, reduced_motion="reduce", has_touch=size == "narrow"
            )
            context.set_default_timeout(PATIENCE_MS)
            page = context.new_page()
            page.goto(self.url + path)
            page.get_by_role("heading", level=1).wait_for()
            if wrong and size == "wide":
                write_wrong_field(page)
            settle(page)
            save(page.screenshot(), PICTURES / f"{name}-{size}-{scheme}.png")
            context.close()


def save(picture: bytes, path: Path) -> None:
    """With 256 colours: a page has no more, and the file is a third as large."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    # maximum coverage: the usual way of choosing colours gives up rare ones, and a policy's mark is a few pixels
    few = image.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.putpalette(commonest(np.asarray(image), np.asarray(few)).tobytes())
    few.save(path, optimize=True)
    print(path)


def commonest(pixels: NDArray[np.uint8], places: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """For each place of the palette the colour that most of its pixels [H, W, 3] have: a mean would tint the grounds, which are exact."""
    red, green, blue = (pixels[..., part].astype(np.int64) for part in range(3))
    seen, counts = np.unique((places.astype(np.int64) << 24) | (red << 16) | (green << 8) | blue, return_counts=True)
    palette = np.zeros((256, 3), np.uint8)
    for each in seen[np.argsort(counts)]:  # the commonest last
        palette[each >> 24] = (each >> 16) & 255, (each >> 8) & 255, each & 255
    return palette


def write_wrong_field(page: Page) -> None:
    editor = page.get_by_role("textbox", name="Run spec (YAML)")
    text = editor.inner_text()
    editor.click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(re.sub(r"\n\n+", "\n\n", text.replace(*WRONG_FIELD)))
    page.get_by_role("list", name="Problems").wait_for()


def settle(page: Page) -> None:
    """Until nothing on the page is loading any more and every chart on it is drawn."""
    page.wait_for_function(DRAWN)
    page.evaluate("document.fonts.ready")


if __name__ == "__main__":
    main()
